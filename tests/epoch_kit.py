"""A host in memory whose epochs are short."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.core.schema import peek_name
from adyton.enclave.sealing import Root
from adyton.protocol.boundary import BlockResult
from adyton.protocol.epoch import EpochProposal, SignedEpochProposal
from tests.host_fixtures import running
from tests.host_simulator import HostSimulator, configuration, public

BLOCKS, GRACE = 10, 4


class EpochHost(HostSimulator):
    """Orders what the enclave proposes with the next block, unless it withholds it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, configuration(epochs=(BLOCKS, GRACE)), sandbox=False)
        self.proposals = 0  # taken so far

    def proposal(self) -> bytes:
        """Return the enclave's newest proposal; it is handed in on a thread of its own."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.all_proposals()
            if len(found) > self.proposals:
                self.proposals = len(found)
                return found[-1]
            time.sleep(0.002)
        raise TimeoutError("the enclave has not proposed an epoch")

    def all_proposals(self) -> list[bytes]:
        """Return what the enclave has proposed so far."""
        name = SignedEpochProposal.WIRE_NAME
        return [one for one in list(self.submitted) if peek_name(one) == name]

    def until(self, height: int) -> BlockResult:
        """Execute empty blocks up to this height."""
        while self.height < height:
            self.block()
        return self.blocks[-1]

    def advance(self) -> int:
        """Make blocks until the next epoch is in use; return its first height."""
        record = self.evidence().epoch.record
        self.until(record.from_height + BLOCKS - 1)
        fixed = self.block(self.proposal())
        assert public(fixed.entries[0]).kind == "epoch"
        self.until(self.height + limits.EPOCH_DELAY)
        return self.height

    @property
    def root(self) -> Root:
        """The sealed root as it is stored, opened."""
        return self.dispatcher._sealer.open_root(self.sealed_root or b"")


def code_of(host: HostSimulator, transaction: bytes) -> str:
    """The code of the void entry that this transaction leaves."""
    entry = host.block(transaction).entries[0]
    assert public(entry).kind == "void"
    return entry.code


def decoded(proposal: bytes) -> EpochProposal:
    return SignedEpochProposal.decode(proposal).verify()


@pytest.fixture
def epochs(tmp_path: Path) -> Iterator[EpochHost]:
    """A node with short epochs, of this test alone."""
    yield from running(EpochHost(tmp_path))
