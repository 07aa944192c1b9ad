"""Sorts samples by what the time was spent on, so that the largest costs have a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from bench.sampler import Place

IDLE: Final = "waiting"
OTHER: Final = "other"
# A part of "file:function", then what it is; the first that fits decides.
CENTRES: Final = (
    ("core/crypto.py:HpkeKey", "HPKE open"),
    ("core/crypto.py:verify", "Ed25519 verify"),
    ("nacl/", "Ed25519 verify"),
    ("core/crypto.py:SigningKey", "Ed25519 sign"),
    ("core/crypto.py:derive", "key derivation"),
    ("core/crypto.py:SivKey", "AES-SIV"),
    ("core/crypto.py", "SHA-256 and HMAC"),
    ("hmac.py", "SHA-256 and HMAC"),
    ("core/encoding", "CBOR"),
    ("core/schema", "messages: fields checked and listed"),
    ("core/fields", "messages: fields checked and listed"),
    ("<string>", "messages: fields checked and listed"),  # what dataclass generates
    ("core/merkle", "Merkle trees"),
    ("enclave/state_tree", "Merkle trees"),
    ("core/cose", "COSE"),
    ("protocol/", "protocol: padding, claims, digests"),
    ("enclave/state.py", "state"),
    ("enclave/", "machine, intake, apps"),
    ("uvicorn/", "HTTP: uvicorn, parsing, writing"),
    ("host/api/", "host's API"),
    ("host/store", "host's store"),
    ("host/records", "host's proofs"),
    ("host/splice", "host's proofs"),
    ("host/engines/", "host's engine"),
    ("host/", "host's other code"),
    ("channel/", "channel"),
    ("asyncio/streams.py", "channel"),
    ("asyncio/runners", IDLE),
    ("asyncio/", "asyncio"),
    ("prometheus", "metrics"),
)


def centre(place: Place) -> str:
    """Return what the time of a function is spent on."""
    name = f"{place[0]}:{place[1]}".replace("\\", "/")
    return next((what for part, what in CENTRES if part in name), OTHER)


def shares(samples: Mapping[Place, int]) -> dict[str, float]:
    """Return what part of the samples each cost has, largest first, waiting left out."""
    spent: Counter[str] = Counter()
    for place, count in samples.items():
        spent[centre(place)] += count
    spent.pop(IDLE, None)
    whole = spent.total()
    return {what: count / whole for what, count in spent.most_common()}


def told(spent: Mapping[str, float], most: int = 9) -> str:
    """Return the largest costs as text."""
    return ", ".join(f"{what} {share:.0%}" for what, share in list(spent.items())[:most])
