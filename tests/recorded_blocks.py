"""Recorded blocks with entries of every kind, for replicas to execute again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.protocol.boundary import BlockResult
from adyton.protocol.ledger import BlockHeader
from tests import replica, task_kit
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, public
from tests.task_kit import python


class Recorded:
    """A host's blocks, as they are made."""

    def __init__(self, host: HostSimulator) -> None:
        self.host = host
        self.blocks: list[replica.Block] = []
        self.told: list[dict[str, Any]] = []

    def block(self, *transactions: bytes, drop: bool = False) -> BlockResult:
        result = self.host.block(*transactions, drop=drop)
        self.note(result, transactions, drop)
        return result

    def note(self, result: BlockResult, transactions: tuple[bytes, ...], drop: bool) -> None:
        self.blocks.append((self.host.time_ms, transactions, drop))
        self.told.append(replica.account(self.host, result))


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Blocks with entries of every kind, refusals of every sort, tasks, and values that expire."""
    host = HostSimulator(tmp_path, sandbox=False)
    start = host.start()
    made = Recorded(host)
    made.note(start, (public(start.entries[0]).body or b"",), False)
    one, two = contacted(host), contacted(host)
    envelope = b""
    for _ in range(3):
        signed = one.sign(one.notarize())
        ticket = one.tickets[-1]
        envelope = one.seal(signed)
        made.block(envelope, two.envelope(two.notarize()), envelope)
        made.block(one.seal(signed), one.seal(one.sign(one.notarize()), ticket=ticket))
    made.block(b"", one.envelope(one.notarize(ordering="bft")), b"\xff", drop=True)
    made.block(b"", two.envelope(two.notarize(expiry_ms=host.time_ms)), envelope[:-1])
    reused = replace(one.notarize(), request_id=two.notarize().request_id)
    made.block(one.envelope(reused), one.envelope(replace(reused, app="tasks")))
    tasks = [one.envelope(one.request("tasks", "submit", python("").encode())) for _ in range(3)]
    accepted = made.block(*tasks)
    header = BlockHeader.decode(accepted.header)
    for index in range(3):
        finish = task_kit.finish_of(host, header.exec_id(0, index))
        made.block(finish, finish)
    # Records of refused requests expire, in an order that all must agree on.
    made.block(*[one.envelope(one.notarize(ordering="bft")) for _ in range(12)])
    host.time_ms += 8 * 24 * 3600 * 1000
    made.block()
    assert len(made.told[-1]["writes"]) > 10
    host.stop()
    return made
