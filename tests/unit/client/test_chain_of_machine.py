"""What an honest enclave makes of a hostile host's orders is a chain that every reader accepts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.client.chain import LocalBlock
from adyton.core.errors import VerificationError
from tests.host_fixtures import contacted, running
from tests.host_simulator import HostSimulator, public
from tests.properties.test_machine_blocks import reader_of


@pytest.fixture
def own(tmp_path: Path) -> Iterator[HostSimulator]:
    yield from running(HostSimulator(tmp_path, sandbox=False))


def read(host: HostSimulator, upto: int | None = None) -> int:
    reader = reader_of(host.genesis)
    for result in host.blocks[:upto]:
        entries = tuple((entry.public, entry.writes) for entry in result.entries)
        reader.append(LocalBlock(result.header, result.checkpoint, entries))
    return reader.size


def test_refused_envelopes_that_the_host_orders_again(own: HostSimulator) -> None:
    client = contacted(own)
    ticket = client.tickets.pop()
    done = client.notarize()
    signed = client.sign(done)
    own.block(client.seal(signed, ticket=ticket))
    reused = client.notarize(request_id=done.request_id)
    refused = [
        client.seal(client.sign(client.notarize()), ticket=ticket),  # ticket_spent
        client.envelope(reused),  # request_id_reused
        client.seal(signed),  # replayed
    ]
    for _ in range(2):
        own.block(*refused)
    own.block(*refused, *refused)
    codes = [public(entry).code for entry in own.blocks[-1].entries]
    assert codes == ["ticket_spent", "request_id_reused", "replayed"] * 2
    assert read(own) == 14


def test_what_was_carried_out_has_one_entry(own: HostSimulator) -> None:
    """The same bytes again are void, and name nothing: so a second entry of one hash is a lie."""
    client = contacted(own)
    envelope = client.envelope(client.notarize())
    own.block(envelope, envelope)
    own.block(envelope)
    assert read(own) == 4
    own.blocks[1] = own.blocks[2]
    with pytest.raises(VerificationError, match="block 2"):
        read(own)
