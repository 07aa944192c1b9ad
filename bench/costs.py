"""Sorts a profile's time by what it was spent on, so that the largest costs have a name."""

from __future__ import annotations

import pstats
from collections import defaultdict
from pathlib import Path
from typing import Final

# The first line that fits decides: part of "file:function", then what it is. A library's own
# functions are named; what Python code spends by itself counts for its file.
CENTRES: Final = (
    ("hpke", "HPKE open"),
    ("crypto_sign", "Ed25519 verify"),
    ("ed25519", "Ed25519 sign"),
    ("hkdf", "HKDF"),
    ("aessiv", "AES-SIV"),
    ("sha256", "SHA-256"),
    ("hmac", "HMAC"),
    ("cbor2", "CBOR"),
    ("core/encoding", "CBOR"),
    ("core/schema", "messages: fields checked and listed"),
    ("core/fields", "messages: fields checked and listed"),
    ("dataclass", "messages: fields checked and listed"),
    ("<string>:__init__", "messages: fields checked and listed"),
    ("core/crypto", "crypto wrappers"),
    ("core/merkle", "Merkle trees"),
    ("state_tree", "Merkle trees"),
    ("core/cose", "COSE"),
    ("enclave/", "enclave's own code"),
    ("httptools", "HTTP parsing (httptools)"),
    ("uvicorn", "HTTP (uvicorn)"),
    ("uvloop", "event loop, sockets and idle time"),
    ("run_forever", "event loop, sockets and idle time"),
    ("sqlite3", "SQLite reads"),
    ("host/api", "host's API"),
    ("host/store", "host's store"),
    ("host/records", "host's proofs"),
    ("host/engines", "host's engine"),
    ("host/", "host's other code"),
    ("channel/", "channel"),
    ("asyncio", "asyncio"),
    ("prometheus", "metrics"),
)
IDLE: Final = "event loop, sockets and idle time"
OTHER: Final = "other"


def centre(function: tuple[str, int, str]) -> str:
    """Return what a profiled function's own time is spent on."""
    file, _, name = function
    place = f"{file.replace(chr(92), '/')}:{name}".lower()
    # Calls of a C library carry no file: their name says all.
    return next((what for part, what in CENTRES if part in place), OTHER)


def by_centre(profile: Path) -> dict[str, float]:
    """Return own seconds by what they were spent on, largest first, idle time left out."""
    spent: defaultdict[str, float] = defaultdict(float)
    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]  # public, missing in typeshed
    for function, (_, _, own, _, _) in stats.items():
        spent[centre(function)] += own
    spent.pop(IDLE, None)
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def told(spent: dict[str, float], requests: int, most: int = 8) -> str:
    """Return the largest costs as text: microseconds of a request and share."""
    whole = sum(spent.values())
    parts = [
        f"{what} {1e6 * seconds / requests:.0f} us ({seconds / whole:.0%})"
        for what, seconds in list(spent.items())[:most]
    ]
    return ", ".join(parts)
