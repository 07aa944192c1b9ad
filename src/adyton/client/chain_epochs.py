"""The epochs of a chain as its blocks show them: which one each block must be of."""

from __future__ import annotations

from typing import NoReturn

from adyton.core import limits
from adyton.core.errors import VerificationError
from adyton.protocol.epoch import EpochProposal
from adyton.protocol.genesis import Genesis


class ChainEpochs:
    """Follows the entries that fix epochs, from genesis on.

    Trust: runs in the client; the proposals come from blocks whose signatures are verified.

    Args:
        genesis: of the chain.
    """

    def __init__(self, genesis: Genesis) -> None:
        self._chain_id = genesis.chain_id()
        self._blocks = genesis.configuration.epochs.blocks
        self._epoch = self._begun = 0
        self._next_begins: int | None = None

    def require_epoch(self, epoch: int, height: int) -> None:
        """Refuse a block at `height`, the next one, that is of another epoch than the entries so far say.

        Raises:
            VerificationError: it is.
        """
        if self._next_begins is not None and height >= self._next_begins:
            self._epoch, self._begun, self._next_begins = self._epoch + 1, self._next_begins, None
        if epoch != self._epoch:
            _refuse(f"it is of epoch {epoch}, where epoch {self._epoch} is in use")

    def fix(self, unverified: EpochProposal, incarnation: int, height: int) -> None:
        """Note that the block at `height` fixes the next epoch.

        Raises:
            VerificationError: another chain's, not the next epoch, or before genesis allows it.
        """
        if unverified.chain_id != self._chain_id or unverified.incarnation != incarnation:
            _refuse("a proposal of an epoch of another chain or incarnation")
        if unverified.epoch != self._epoch + 1 or self._next_begins is not None:
            _refuse("a proposal of another epoch than the next, or of one that is fixed already")
        if not self._blocks or height < self._begun + self._blocks:
            _refuse("a proposal of an epoch before the current one may end")
        self._next_begins = height + limits.EPOCH_DELAY


def _refuse(reason: str) -> NoReturn:
    raise VerificationError("chain_invalid", reason)
