"""Hands in the proposal of the next epoch when one is due, and again while the host does not order it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, hpke_seal
from adyton.core.errors import Error
from adyton.enclave.epochs import Epochs
from adyton.enclave.host_port import HostPort
from adyton.enclave.keys import Keys, intake_key
from adyton.enclave.sealing import EpochSecret
from adyton.protocol.epoch import (
    FRESH,
    EpochProposal,
    SignedEpochProposal,
    next_secret,
    proposal_info,
    secret_digest,
)

_AT_ONCE: Final = 4


def propose(
    keys: Keys, last: EpochSecret, entropy: Callable[[int], bytes], signer: SigningKey
) -> bytes:
    """Return a signed proposal of the epoch after `last`, as a transaction; draws randomness.

    Args:
        keys: of the chain.
        last: the current epoch.
        entropy: of the platform.
        signer: this start's recorder key.
    """
    epoch, fresh = last.epoch + 1, entropy(FRESH)
    info = proposal_info(keys.chain_id, keys.incarnation, epoch)
    secret = next_secret(last.secret, fresh, keys.chain_id, epoch)
    proposal = EpochProposal(
        keys.chain_id,
        keys.incarnation,
        epoch,
        hpke_seal(keys.node.public, fresh, Context.HPKE_EPOCH, *info),
        secret_digest(secret, keys.chain_id, epoch),
        intake_key(secret, keys.chain_id, epoch).public,
        signer.public,
    )
    return SignedEpochProposal.sign(proposal, signer).encode()


class Proposer:
    """Proposes on behalf of one start of a node.

    A host that withholds proposals keeps an epoch alive, and nothing else: it can neither make one nor choose one.

    Args:
        epochs: of the chain.
        keys: of the chain.
        link: to the host, which orders.
        entropy: of the platform.
        signer: this start's recorder key, announced before anything is proposed.
    """

    def __init__(
        self,
        epochs: Epochs,
        keys: Keys,
        link: HostPort,
        entropy: Callable[[int], bytes],
        signer: SigningKey,
    ) -> None:
        self._epochs = epochs
        self._keys = keys
        self._link = link
        self._entropy = entropy
        self._signer = signer
        self._waiting: list[threading.Thread] = []
        self._asked_at = 0

    def consider(self, height: int) -> None:
        """Propose if the block at `height`, the next one, may fix an epoch; between blocks, on the enclave's thread."""
        if not self._epochs.due(height):
            return
        self._waiting = [thread for thread in self._waiting if thread.is_alive()]
        late = height >= self._asked_at + limits.EPOCH_RETRY
        if self._waiting and not (late and len(self._waiting) < _AT_ONCE):
            return
        self._asked_at = height
        proposal = propose(self._keys, self._epochs.root.epochs[-1], self._entropy, self._signer)
        # The answer comes when the block is stored, and it is this thread that executes the block.
        thread = threading.Thread(
            target=self._submit, args=(proposal,), name="epoch-proposal", daemon=True
        )
        self._waiting.append(thread)
        thread.start()

    def _submit(self, proposal: bytes) -> None:
        try:
            self._link.submit(proposal)
        except Error:
            # Void, refused or never answered: if no epoch is fixed, the next block asks again.
            pass
