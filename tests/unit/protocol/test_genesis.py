"""Chain id, configuration digest and fingerprint cover all that they should."""

from dataclasses import replace
from typing import Any

from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.protocol.genesis import Configuration, EpochPolicy, Genesis, TaskPolicy, fingerprint

POLICY = TaskPolicy(60, 1 << 28, 1 << 20, 1 << 20, 2)
CONFIGURATION = Configuration(
    "simulated", "open", None, "single-host", "host", POLICY, EpochPolicy(100, 10)
)
GENESIS = Genesis(CONFIGURATION, bytes(48), b"r" * 32, True, b"n" * 32, 5)


def test_the_chain_id_covers_every_field_of_genesis() -> None:
    changes: list[dict[str, Any]] = [
        {"configuration": replace(CONFIGURATION, ordering="bft")},
        {"measurement": b"\x01" * 48},
        {"simulated_root": None},
        {"allow_simulated": False},
        {"nonce": bytes(32)},
        {"created_ms": 6},
    ]
    names = {replace(GENESIS, **change).chain_id() for change in changes}
    assert len({GENESIS.chain_id(), *names}) == len(changes) + 1
    assert GENESIS.chain_id() == digest(Context.GENESIS, GENESIS.encode())


def test_the_configuration_digest_covers_every_field() -> None:
    changes: list[dict[str, Any]] = [
        {"admission": "invite"},
        {"invite_key": bytes(32)},
        {"ordering": "anchored"},
        {"time_source": "bft"},
        {"tasks": replace(POLICY, workers=3)},
        {"tasks": replace(POLICY, wall_s=61)},
    ]
    digests = {replace(CONFIGURATION, **change).digest() for change in changes}
    assert len({CONFIGURATION.digest(), *digests}) == len(changes) + 1


def test_the_fingerprint_covers_chain_code_configuration_and_simulated_root() -> None:
    one, other = bytes(32), b"\x01" * 32
    made = {
        fingerprint(chain, measurement, config, root)
        for chain in (one, other)
        for measurement in (bytes(48), b"\x01" * 48)
        for config in (one, other)
        for root in (None, one, other)
    }
    assert len(made) == 24
    assert fingerprint(one, bytes(48), one, None) == digest(
        Context.FINGERPRINT, one, bytes(48), one, b""
    )
