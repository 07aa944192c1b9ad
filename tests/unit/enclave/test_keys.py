"""The key manager: what follows from the root, for whom, and in which epoch."""

from __future__ import annotations

import pytest

from adyton.core.errors import InvariantError, PolicyError, UsageError, VerificationError
from adyton.enclave import keys as key_manager
from adyton.enclave.keys import TICKET_UNIQUE, Keys
from adyton.enclave.sealing import EpochSecret, Root
from adyton.protocol.genesis import Genesis
from tests.host_simulator import MEASUREMENT, NOW_MS, configuration

DAY_MS = 24 * 3600 * 1000
ALICE, BOB = b"a" * 32, b"b" * 32


def root(**changes: object) -> Root:
    """A root of two epochs; `changes` replace its fields."""
    genesis = Genesis(configuration(), MEASUREMENT, bytes(32), True, bytes(32), NOW_MS)
    fields: dict[str, object] = {
        "genesis": genesis.encode(),
        "incarnation": 0,
        "root": b"r" * 32,
        "epochs": (
            EpochSecret(0, b"0" * 32, 0, 100),
            EpochSecret(1, b"1" * 32, 0, None),
        ),
        "node_secret": b"n" * 32,
    }
    return Root(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name


def ticket(keys: Keys, client: bytes = ALICE, time_ms: int = NOW_MS) -> bytes:
    return keys.issue_ticket(client, time_ms, bytes(TICKET_UNIQUE))


def test_equal_roots_give_equal_keys_and_a_restart_changes_nothing() -> None:
    one, two = Keys(root()), Keys(root())
    assert one.server(1, ALICE).public == two.server(1, ALICE).public
    assert one.intake(1).public == two.intake(1).public
    assert ticket(one) == ticket(two)
    assert (one.epoch, one.chain_id, one.node.public) == (two.epoch, two.chain_id, two.node.public)


def test_every_key_is_one_of_its_own() -> None:
    keys = Keys(root())
    made = [keys.server(epoch, client).public for epoch in (0, 1) for client in (ALICE, BOB)]
    made += [keys.intake(epoch).public for epoch in (0, 1)] + [keys.node.public]
    other = Keys(root(epochs=(EpochSecret(0, b"2" * 32, 0, None),)))
    made += [other.server(0, ALICE).public, other.intake(0).public]
    assert len(set(made)) == 9


def test_the_chain_is_in_every_key() -> None:
    genesis = Genesis(configuration(), MEASUREMENT, bytes(32), True, b"\x01" * 32, NOW_MS)
    one, two = Keys(root()), Keys(root(genesis=genesis.encode()))
    assert one.server(1, ALICE).public != two.server(1, ALICE).public
    assert one.intake(1).public != two.intake(1).public
    assert one.state_names_seed != two.state_names_seed
    with pytest.raises(VerificationError):
        two.open_ticket(ticket(one), 1, NOW_MS)


def test_server_keys_outlive_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_manager, "_SERVER_KEYS_CACHED", 2)
    keys = Keys(root())
    clients = [bytes([number]) * 32 for number in range(5)]
    first = [keys.server(1, client).public for client in clients]
    assert len(keys._server) == 2
    assert [keys.server(1, client).public for client in clients] == first


def test_an_epoch_that_is_not_open_has_no_keys() -> None:
    keys = Keys(root())
    for ask in (
        lambda: keys.server(2, ALICE), lambda: keys.intake(2), lambda: keys.transient(2),
        lambda: keys.finish(2), lambda: keys.open_ticket(bytes(64), 2, NOW_MS),
    ):  # fmt: skip
        with pytest.raises(PolicyError) as refused:
            ask()
        assert refused.value.code == "wrong_epoch"


def test_a_ticket_names_its_client_in_its_epoch_alone() -> None:
    keys = Keys(root())
    client, ends_ms = keys.open_ticket(ticket(keys), 1, NOW_MS)
    assert client == ALICE
    assert ends_ms == NOW_MS // DAY_MS * DAY_MS + 7 * DAY_MS
    with pytest.raises(VerificationError) as refused:
        keys.open_ticket(ticket(keys), 0, NOW_MS)
    assert refused.value.code == "ticket_invalid"


@pytest.mark.parametrize("size", [0, 15, 16, 63, 65])
def test_bytes_of_another_size_are_no_ticket(size: int) -> None:
    with pytest.raises(VerificationError) as refused:
        Keys(root()).open_ticket(bytes(size), 1, NOW_MS)
    assert refused.value.code == "ticket_invalid"


def test_a_ticket_may_be_a_day_ahead_and_no_more() -> None:
    keys = Keys(root())
    issued = NOW_MS // DAY_MS * DAY_MS
    ahead = ticket(keys, time_ms=issued)
    assert keys.open_ticket(ahead, 1, issued - DAY_MS)[0] == ALICE
    with pytest.raises(VerificationError):
        keys.open_ticket(ahead, 1, issued - DAY_MS - 1)


def test_a_time_that_no_ticket_can_name_is_refused() -> None:
    keys = Keys(root())
    assert ticket(keys, time_ms=2**32 * DAY_MS - 1)
    with pytest.raises(UsageError):
        ticket(keys, time_ms=2**32 * DAY_MS)


def test_no_key_shows_itself() -> None:
    keys = Keys(root())
    shown = f"{keys.durable!r}{keys.transient(1)!r}{keys.finish(1)!r}{root()!r}"
    assert shown == "<SivKey><SivKey><SivKey><sealed-root/1>"


def test_the_wallets_secret_moves_once_and_is_the_chains() -> None:
    genesis = Genesis(configuration(), MEASUREMENT, bytes(32), True, b"\x01" * 32, NOW_MS)
    moved = []
    for made in (root(), root(), root(root=b"R" * 32), root(genesis=genesis.encode())):
        keys, into = Keys(made), bytearray(32)
        held = keys._wallets
        keys.move_wallets_secret(memoryview(into))
        assert bytes(held) == bytes(32)
        with pytest.raises(InvariantError, match="held elsewhere"):
            keys.move_wallets_secret(memoryview(into))
        moved.append(bytes(into))
    assert moved[0] == moved[1]
    assert len(set(moved)) == 3
    assert bytes(32) not in moved
