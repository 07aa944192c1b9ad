"""Tickets of reads are remembered for the newest reads alone, so that memory has a bound."""

from __future__ import annotations

import pytest

from adyton.protocol import account, boundary
from adyton.protocol.account import AccountList
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused


@pytest.fixture(autouse=True)
def two_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let enclaves that start from now on remember two."""
    monkeypatch.setattr("adyton.enclave.intake._READS_KEPT", 2)


def test_the_newest_are_remembered(own: HostSimulator) -> None:
    host = own
    client = contacted(host)
    host.block(client.envelope(client.notarize()))
    tickets = [client.tickets.pop() for _ in range(3)]

    def read(ticket: bytes) -> None:
        request = client.request(account.APP, account.LIST, AccountList(0).encode())
        envelope = client.seal(client.sign(request), ticket=ticket, purpose="read")
        host.ask(boundary.Read(envelope, host.time_ms), boundary.Answer)

    for ticket in tickets:
        read(ticket)
    for ticket in tickets[1:]:
        with pytest.raises(Refused, match="ticket_spent"):
            read(ticket)
    read(tickets[0])  # forgotten
    with pytest.raises(Refused, match="ticket_spent"):
        read(tickets[0])
    read(tickets[1])  # forgotten for it
