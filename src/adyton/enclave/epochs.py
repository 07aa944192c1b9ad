"""The epochs of a chain: fixes the next in a block, lets go of what has ended.

Fresh bytes are drawn outside of execution, by the proposer; `accept` finds them in the ordered transaction, so that
every execution of the block arrives at the same secrets. What changes is the root: whoever stores the block stores it.
"""

from __future__ import annotations

from dataclasses import replace

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import derive, equal
from adyton.core.errors import PolicyError, VerificationError
from adyton.enclave.keys import Keys, intake_key
from adyton.enclave.sealing import EpochSecret, Root
from adyton.protocol.envelope import epoch_bytes
from adyton.protocol.epoch import EpochProposal, next_secret, proposal_info, secret_digest


class Epochs:
    """The schedule of epochs, and the root that it is kept in.

    Args:
        root: opened or new.
        keys: follow the root.
    """

    def __init__(self, root: Root, keys: Keys) -> None:
        self.root = root
        self.root_digest = root.digest()
        self._keys = keys
        self._policy = keys.genesis.configuration.epochs
        self._changed = False

    def take_up(self, head_root: bytes | None, height: int) -> None:
        """Go on at `height` with the root, if it is the one of the head that the host gives with it.

        Args:
            head_root: digest in the head; None before the first block.
            height: of the head.

        Raises:
            VerificationError: one of them is older than the other.
        """
        fits = (
            self._keys.epoch == 0 and len(self.root.epochs) == 1
            if head_root is None
            else equal(head_root, self.root_digest)
        )
        if not fits:
            raise VerificationError("sealed_invalid", "the sealed root is not the one of this head")
        self._keys.follow(self.root, height)

    def due(self, height: int) -> bool:
        """Say whether the block at `height` may fix the next epoch."""
        last = self.root.epochs[-1]
        return (
            self._policy.blocks > 0
            and len(self.root.epochs) == 1
            and height >= last.from_height + self._policy.blocks
        )

    def accept(self, proposal: EpochProposal, height: int) -> None:
        """Fix the next epoch; the signature and the proposer's role were verified before.

        Steps, as in `docs/spec/epoch.md`:
          1. it is of this chain and incarnation;
          2. it names the successor of the current epoch, and none is fixed yet;
          3. the current epoch has lasted as long as genesis says, and no earlier one is held any more;
          4. the fresh bytes open with the node's key;
          5. secret and intake key that follow from them are those that it names.

        Raises:
            VerificationError: step 1, 4 or 5. PolicyError: step 2 or 3.
        """
        keys, last = self._keys, self.root.epochs[-1]
        # 1
        if (proposal.chain_id, proposal.incarnation) != (keys.chain_id, keys.incarnation):
            raise VerificationError("wrong_chain", "a proposal of another chain or incarnation")
        # 2
        if proposal.epoch != keys.epoch + 1 or last.epoch != keys.epoch:
            raise PolicyError("wrong_epoch", "not the next epoch, or it is fixed already")
        # 3
        if not self.due(height):
            raise PolicyError("not_yet_valid", "the current epoch is not to end yet")
        # 4
        info = proposal_info(keys.chain_id, keys.incarnation, proposal.epoch)
        fresh = keys.node.open(proposal.sealed, Context.HPKE_EPOCH, *info)
        # 5
        secret = next_secret(last.secret, fresh, keys.chain_id, proposal.epoch)
        named = secret_digest(secret, keys.chain_id, proposal.epoch)
        key = intake_key(secret, keys.chain_id, proposal.epoch)
        if not equal(named, proposal.secret_digest) or not equal(key.public, proposal.intake_key):
            raise VerificationError("unopenable", "a proposal of another secret than it names")
        begins = height + limits.EPOCH_DELAY
        ending = replace(last, to_height=begins - 1 + self._policy.grace)
        begun = EpochSecret(proposal.epoch, secret, begins, None)
        node = derive(
            self.root.node_secret + fresh,
            Context.KDF_NODE,
            keys.chain_id,
            epoch_bytes(proposal.epoch),
        )
        self._become(replace(self.root, epochs=(ending, begun), node_secret=node), height)

    def end_block(self, height: int, stale: int) -> bool:
        """Drop the secrets that have served; say whether the root has changed in this block.

        Args:
            height: of the block.
            stale: stored values that an earlier epoch's key seals.
        """
        ended = [one for one in self.root.epochs if one.to_height is not None]
        if not stale and ended and all(height > (one.to_height or 0) for one in ended):
            # Best effort: neither this process's memory nor the host's older blobs can be wiped for certain.
            self._become(replace(self.root, epochs=self.root.epochs[len(ended) :]), height)
        changed, self._changed = self._changed, False
        return changed

    def _become(self, root: Root, height: int) -> None:
        self.root, self.root_digest, self._changed = root, root.digest(), True
        self._keys.follow(root, height)
