"""Once and in time: repetitions, tickets and windows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.core import limits
from adyton.protocol import boundary
from adyton.protocol.account import AccountList
from adyton.protocol.boundary import BlockResult
from adyton.protocol.envelope import Envelope, Request, task_hash
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, public

HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
LIST = AccountList(0).encode()


def code_of(result: BlockResult, index: int = 0) -> str:
    """The code of an entry, wherever it is told."""
    part = public(result.entries[index])
    assert (part.kind == "void") == bool(result.entries[index].code)
    assert (part.task_hash is None) == (part.kind == "void")
    return part.code or result.entries[index].code


# --- repetitions ----------------------------------------------------------------------------------


def test_identical_bytes_again_are_void(host: HostSimulator, client: SimulatedClient) -> None:
    request = client.notarize()
    envelope = client.envelope(request)
    host.block(envelope)
    before = dict(host.state)
    for drop in (False, True):  # it opens: so it is recorded either way
        entry = host.block(envelope, drop=drop).entries[0]
        part = public(entry)
        assert (part.kind, entry.code) == ("void", "replayed")
        assert (part.task_hash, part.sealed, part.claims) == (None, None, None)
        assert entry.index_hash is None
    assert host.state == before
    assert client.account().total == 1


def test_identical_bytes_twice_in_one_block_have_one_effect(
    host: HostSimulator, client: SimulatedClient
) -> None:
    request = client.notarize()
    envelope = client.envelope(request)
    result = host.block(envelope, envelope)
    assert [public(entry).kind for entry in result.entries] == ["request", "void"]
    assert client.open(result, 0, request).code == ""
    assert client.account().total == 1


def test_the_same_request_sealed_anew_names_the_original(
    host: HostSimulator, client: SimulatedClient
) -> None:
    request = client.notarize()
    signed = client.sign(request)
    envelope = client.seal(signed)
    host.block(envelope)
    before = dict(host.state)
    resealed = client.seal(signed)
    result = host.block(resealed)
    response = client.open(result, 0, request)
    assert (response.code, response.original) == ("replayed", task_hash(envelope))
    assert (response.ticket, response.result) == (None, b"")
    assert public(result.entries[0]).claims is None
    assert host.state == before
    assert client.account().total == 1


def test_sealed_anew_under_the_same_ticket_it_names_the_original_too(
    host: HostSimulator, client: SimulatedClient
) -> None:
    request = client.notarize()
    signed = client.sign(request)
    ticket = client.tickets.pop()
    first = client.seal(signed, ticket=ticket)
    host.block(first)
    response = client.open(host.block(client.seal(signed, ticket=ticket)), 0, request)
    assert (response.code, response.original) == ("replayed", task_hash(first))


@pytest.mark.parametrize("changed", ["arguments", "expiry_ms", "response_key", "app"])
def test_the_same_id_with_another_request_is_refused(
    host: HostSimulator, client: SimulatedClient, changed: str
) -> None:
    first = client.notarize()
    host.block(client.envelope(first))
    values = {
        "arguments": client.notarize().arguments,
        "expiry_ms": first.expiry_ms - 1,
        "response_key": client.fresh(),
        "app": "tasks",
    }
    second = replace(first, **{changed: values[changed]})  # type: ignore[arg-type]  # by name
    before = dict(host.state)
    result = host.block(client.envelope(second))
    response = client.open(result, 0, second)
    assert (response.code, response.ticket, response.original) == ("request_id_reused", None, None)
    assert host.state == before


def test_two_clients_may_use_the_same_id(
    host: HostSimulator, client: SimulatedClient, other: SimulatedClient
) -> None:
    mine = client.notarize()
    theirs = other.notarize(request_id=mine.request_id)
    result = host.block(client.envelope(mine), other.envelope(theirs))
    assert client.open(result, 0, mine).code == ""
    assert other.open(result, 1, theirs).code == ""


# --- tickets --------------------------------------------------------------------------------------


def test_a_ticket_serves_one_request(host: HostSimulator, client: SimulatedClient) -> None:
    ticket = client.tickets.pop()
    one, two = client.notarize(), client.notarize()
    host.block(client.seal(client.sign(one), ticket=ticket))
    before = dict(host.state)
    result = host.block(client.seal(client.sign(two), ticket=ticket))
    assert client.open(result, 0, two).code == "ticket_spent"
    assert host.state == before
    # The request is free to come again under a good ticket.
    assert client.open(host.block(client.envelope(two)), 0, two).code == ""


def test_a_ticket_serves_one_request_of_a_block(
    host: HostSimulator, client: SimulatedClient
) -> None:
    ticket = client.tickets.pop()
    requests = [client.notarize() for _ in range(2)]
    result = host.block(*[client.seal(client.sign(each), ticket=ticket) for each in requests])
    codes = [client.open(result, at, each).code for at, each in enumerate(requests)]
    assert codes == ["", "ticket_spent"]


def test_another_client_s_ticket_does_not_open(
    host: HostSimulator, client: SimulatedClient, other: SimulatedClient
) -> None:
    stolen = other.tickets[-1]
    sealed = client.seal(client.sign(client.notarize()), ticket=stolen)
    assert code_of(host.block(sealed)) == "unopenable"
    spliced = replace(Envelope.decode(client.envelope(client.notarize())), ticket=stolen)
    assert code_of(host.block(spliced.encode())) == "unopenable"
    # Its owner can use it still.
    request = other.notarize()
    assert other.open(host.block(other.envelope(request)), 0, request).code == ""


def test_another_ticket_of_the_same_client_cannot_be_spliced_in(
    host: HostSimulator, client: SimulatedClient
) -> None:
    made = Envelope.decode(client.envelope(client.notarize()))
    spliced = replace(made, ticket=client.tickets.pop()).encode()
    assert code_of(host.block(spliced)) == "unopenable"


@pytest.mark.parametrize("place", [0, 15, 16, 47, 48, 63])
def test_an_altered_ticket_is_refused(
    host: HostSimulator, client: SimulatedClient, place: int
) -> None:
    altered = bytearray(client.tickets[-1])
    altered[place] ^= 0x80
    sealed = client.seal(client.sign(client.notarize()), ticket=bytes(altered))
    assert code_of(host.block(sealed)) == "ticket_invalid"


def test_a_ticket_ends_after_its_lifetime(own: HostSimulator) -> None:
    client = contacted(own)
    issued_ms = own.time_ms // DAY_MS * DAY_MS
    own.time_ms = issued_ms + limits.TICKET_LIFETIME_S * 1000 - 2
    last = client.notarize()
    assert client.open(own.block(client.envelope(last)), 0, last).code == ""
    result = own.block(client.envelope(client.notarize()))
    assert (own.time_ms, code_of(result)) == (
        issued_ms + limits.TICKET_LIFETIME_S * 1000,
        "ticket_expired",
    )
    with pytest.raises(Refused) as refused:
        client.account()
    assert refused.value.code == "ticket_expired"
    client.contact()
    again = client.notarize()
    assert client.open(own.block(client.envelope(again)), 0, again).code == ""


def test_a_ticket_from_the_future_is_refused(host: HostSimulator, client: SimulatedClient) -> None:
    client.contact(now_ms=host.time_ms + 3 * DAY_MS)
    assert code_of(host.block(client.envelope(client.notarize()))) == "ticket_invalid"
    client.contact(now_ms=host.time_ms)
    request = client.notarize()
    assert client.open(host.block(client.envelope(request)), 0, request).code == ""


def test_a_clock_beyond_all_tickets_is_refused_and_nothing_halts(
    host: HostSimulator, client: SimulatedClient
) -> None:
    with pytest.raises(Refused) as refused:
        client.contact(now_ms=limits.UINT_MAX)
    assert refused.value.code == "bad_argument"
    client.contact()


# --- windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [
        (-1000, 0, "expired"),
        (-1000, -999, "expired"),
        (1, 1000, "not_yet_valid"),
        (HOUR_MS, 2 * HOUR_MS, "not_yet_valid"),
        (-1000, HOUR_MS - 999, "window_too_long"),
        (-1, limits.UINT_MAX - 10**15, "window_too_long"),
        (5, 4, "not_yet_valid"),
        (-5, -6, "expired"),
        (0, 1, ""),
        (-1000, HOUR_MS - 1000, ""),
    ],
)
def test_a_request_runs_only_inside_its_window(
    host: HostSimulator, client: SimulatedClient, begins: int, ends: int, code: str
) -> None:
    at = host.time_ms + 1  # block time
    request = client.notarize(not_before_ms=at + begins, expiry_ms=at + ends)
    before = dict(host.state)
    result = host.block(client.envelope(request))
    assert code_of(result) == code
    if code:
        assert public(result.entries[0]).kind == "void"
        assert host.state == before


@pytest.mark.parametrize(("begins", "ends", "code"), [(-9, 0, "expired"), (9, 99, "not_yet_valid")])
def test_what_was_never_executed_is_dropped_outside_of_its_window(
    host: HostSimulator, client: SimulatedClient, begins: int, ends: int, code: str
) -> None:
    """Else one envelope, sent again and again, would make block after block."""
    now = host.time_ms
    request = client.notarize(not_before_ms=now + begins, expiry_ms=now + ends)
    asked = boundary.ApplyBlock(host.height + 1, now + 1, (client.envelope(request),), True)
    assert host.ask(asked, boundary.NoBlock).dropped == ((0, code),)


def test_a_repetition_is_recorded_even_where_dropping_is_allowed(
    host: HostSimulator, client: SimulatedClient
) -> None:
    """It was executed: whether it is void is a matter of the state."""
    envelope = client.envelope(client.notarize())
    host.block(envelope)
    result = host.block(envelope, drop=True)
    assert (result.dropped, code_of(result)) == ((), "replayed")


def test_a_refused_window_leaves_ticket_and_id_free(
    host: HostSimulator, client: SimulatedClient
) -> None:
    ticket = client.tickets.pop()
    early = client.notarize(not_before_ms=host.time_ms + 1000, expiry_ms=host.time_ms + 2000)
    envelope = client.seal(client.sign(early), ticket=ticket)
    assert code_of(host.block(envelope)) == "not_yet_valid"
    host.time_ms += 1000
    assert client.open(host.block(envelope), 0, early).code == ""


def test_a_request_that_was_carried_out_is_known_for_ever(own: HostSimulator) -> None:
    client = contacted(own)
    request = client.notarize()
    own.block(client.envelope(request))
    values = own.ask(boundary.Status(), boundary.StatusAnswer).values
    own.time_ms += 2 * limits.TICKET_LIFETIME_S * 1000
    client.contact()
    result = own.block(client.envelope(request))
    assert client.open(result, 0, request).code == "replayed"
    assert own.ask(boundary.Status(), boundary.StatusAnswer).values == values


def test_a_refused_request_is_known_until_it_and_its_ticket_have_ended(own: HostSimulator) -> None:
    client = contacted(own)
    ticket = client.tickets[-1]
    request = client.notarize(ordering="bft")
    envelope = client.envelope(request)
    own.block(envelope)
    own.time_ms = request.expiry_ms + HOUR_MS
    assert code_of(own.block(envelope)) == "replayed"
    # Long after its window, but inside the ticket's life: the ticket is spent still.
    later = client.notarize()
    result = own.block(client.seal(client.sign(later), ticket=ticket))
    assert client.open(result, 0, later).code == "ticket_spent"
    own.time_ms += limits.TICKET_LIFETIME_S * 1000
    values = own.ask(boundary.Status(), boundary.StatusAnswer).values
    assert code_of(own.block(envelope)) == "ticket_expired"
    assert own.ask(boundary.Status(), boundary.StatusAnswer).values == values - 1


# --- reads ----------------------------------------------------------------------------------------


def test_a_read_leaves_no_trace_and_brings_a_ticket(
    host: HostSimulator, client: SimulatedClient
) -> None:
    before, height = dict(host.state), host.height
    request = client.request("account", "list", LIST)
    answer = client.read(request)
    assert (answer.code, host.state, host.height) == ("", before, height)
    assert answer.checkpoint == host.blocks[-1].checkpoint
    assert answer.expires_ms > host.time_ms
    again = client.notarize()
    assert answer.ticket is not None
    result = host.block(client.seal(client.sign(again), ticket=answer.ticket))
    assert client.open(result, 0, again).code == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"app": "notary"}, "method_unknown"),
        ({"app": "nothing"}, "method_unknown"),
        ({"method": "other"}, "method_unknown"),
        ({"arguments": b""}, "malformed"),
    ],
)
def test_a_read_that_no_app_answers_is_refused_under_seal(
    host: HostSimulator, client: SimulatedClient, changes: dict[str, object], code: str
) -> None:
    fields = {"app": "account", "method": "list", "arguments": LIST}
    answer = client.read(client.request(**{**fields, **changes}))  # type: ignore[arg-type]  # by name
    assert (answer.code, answer.result) == (code, b"")


@pytest.mark.parametrize(
    ("begins", "ends", "code"),
    [(-10, 0, "expired"), (10, 20, "not_yet_valid"), (-10, HOUR_MS, "window_too_long")],
)
def test_a_read_outside_its_window_is_refused(
    host: HostSimulator, client: SimulatedClient, begins: int, ends: int, code: str
) -> None:
    now = host.time_ms
    request = client.request(
        "account", "list", b"", not_before_ms=now + begins, expiry_ms=now + ends
    )
    with pytest.raises(Refused) as refused:
        client.read(request)
    assert refused.value.code == code


def test_a_host_s_clock_behind_the_last_block_counts_as_the_last_block(
    host: HostSimulator, client: SimulatedClient
) -> None:
    request: Request = client.request("account", "list", b"", expiry_ms=host.time_ms)
    envelope = client.seal(client.sign(request), purpose="read")
    with pytest.raises(Refused) as refused:
        host.ask(boundary.Read(envelope, 0), boundary.Answer)
    assert refused.value.code == "expired"


# --- nothing to execute ---------------------------------------------------------------------------


def test_no_block_is_made_of_what_is_dropped(own: HostSimulator) -> None:
    height = own.height
    answer = own.ask(
        boundary.ApplyBlock(height + 1, own.time_ms + 1, (b"", b"\xff"), True), boundary.NoBlock
    )
    assert answer.dropped == ((0, "malformed"), (1, "malformed"))
    assert own.ask(boundary.Status(), boundary.StatusAnswer).height == height


def test_a_read_names_what_the_host_has_stored(own: HostSimulator) -> None:
    """Else an honest host could not prove it, and a crash would look like a fork."""
    client = contacted(own)
    stored = own.blocks[-1].checkpoint
    own.execute(client.envelope(client.notarize()))
    assert client.read(client.request("account", "list", LIST)).checkpoint == stored
    own.ask(boundary.Committed(own.height), boundary.Done)
    answer = client.read(client.request("account", "list", LIST))
    assert answer.checkpoint == own.blocks[-1].checkpoint != stored


def test_a_read_that_is_replayed_is_refused(own: HostSimulator) -> None:
    client = contacted(own)
    ticket = client.tickets[-1]
    request = client.request("account", "list", LIST)
    envelope = client.seal(client.sign(request), purpose="read")
    own.ask(boundary.Read(envelope, own.time_ms), boundary.Answer)
    with pytest.raises(Refused) as refused:
        own.ask(boundary.Read(envelope, own.time_ms), boundary.Answer)
    assert refused.value.code == "ticket_spent"
    assert ticket not in client.tickets
