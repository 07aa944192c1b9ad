"""A host that is followed: a second node executes each of its blocks too, and is stopped and started before each.

What an enclave keeps in memory beside the state follows from the state, or decides nothing: else the two differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adyton.protocol.boundary import BlockResult
from tests.epoch_kit import EpochHost
from tests.host_simulator import HostSimulator
from tests.replica import account


class _Followed(HostSimulator):
    """Has a follower around its own root; the follower's keys are never announced."""

    _follower: HostSimulator | None = None
    followed = 0

    def execute(self, *transactions: bytes, drop: bool = False) -> BlockResult:
        """Execute a block here and there, and expect the same of both."""
        result = super().execute(*transactions, drop=drop)
        ours = account(self, result)
        theirs = self._follow(*transactions, drop=drop)
        assert theirs.keys() == ours.keys()
        for name, told in ours.items():
            assert theirs[name] == told, f"block {self.height}: {name}"
        self.followed += 1
        return result

    def _follow(self, *transactions: bytes, drop: bool) -> dict[str, Any]:
        follower = self._follower
        if follower is None:
            follower = HostSimulator(self.directory, self.config, sandbox=False)
            follower.sealed_root, follower.measurement = self.first_root, self.measurement
            self._follower = follower
        follower.provision()
        follower.load()
        follower.serve()
        follower.time_ms = self.time_ms - 1
        told = account(follower, follower.block(*transactions, drop=drop))
        follower.stop()
        return told


class FollowedHost(_Followed):
    """A followed host whose one epoch never ends."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, sandbox=False)


class FollowedEpochHost(_Followed, EpochHost):
    """A followed host whose epochs are short."""

    def __init__(self, directory: Path) -> None:
        EpochHost.__init__(self, directory)
