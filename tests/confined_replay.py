"""A replica that executes recorded blocks where randomness and clocks are fatal, and controls that must die there.

python -m tests.confined_replay replay      the recording on standard input; prints what the blocks left
python -m tests.confined_replay controls    prints the signal by which each control died
"""

from __future__ import annotations

import ctypes
import datetime
import json
import os
import secrets
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import nacl.utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SivKey, hpke_seal
from tests import confined, replica

_LIBC = ctypes.CDLL(None)
_TARGET = HpkeKey(bytes(32)).public
_COARSE = 5  # CLOCK_REALTIME_COARSE

# What no block may do; every one of them was done once before the fork, so that its generator is warm.
FATAL: dict[str, Callable[[], object]] = {
    "time.time": time.time,
    "time.time_ns": time.time_ns,
    "time.monotonic": time.monotonic,
    "time.process_time": time.process_time,
    "a coarse clock": lambda: time.clock_gettime(_COARSE),
    "time(NULL)": lambda: _LIBC.time(None),
    "datetime.now": lambda: datetime.datetime.now(datetime.UTC),
    "time.sleep": lambda: time.sleep(0.001),
    "os.urandom": lambda: os.urandom(16),
    "secrets": lambda: secrets.token_bytes(16),
    "uuid4": uuid.uuid4,
    "an Ed25519 key": Ed25519PrivateKey.generate,
    "an X25519 key": X25519PrivateKey.generate,
    "an AES key": lambda: AESGCM.generate_key(256),
    "libsodium's randomness": lambda: nacl.utils.random(16),
    "an HPKE seal": lambda: hpke_seal(_TARGET, b"x", Context.HPKE_REQUEST),
    "a file": lambda: Path("/etc/hostname").exists(),
    "the process id's environment": lambda: os.listdir("/"),
}
HARMLESS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "memory": lambda: bytes(64 << 20),
    "hashes and seals": lambda: SivKey(bytes(32), Context.KDF_RESPONSE).seal(
        b"x", Context.AD_RESPONSE
    ),
    "an HPKE key from a secret": lambda: HpkeKey(bytes(range(32))),
}


def _told(function: Callable[[], object]) -> bytes:
    function()
    return b"survived"


def controls() -> dict[str, int]:
    """Return the signal by which each control died, 0 where it lived."""
    died: dict[str, int] = {}
    for name, function in (FATAL | HARMLESS).items():
        function()
        died[name], _ = confined.run(lambda function=function: _told(function))  # type: ignore[misc]  # mypy infers no default of a lambda
    return died


def replay(recording: replica.Recording) -> tuple[int, Any]:
    """Execute the recording where randomness and clocks are fatal; return the signal and the account."""
    # A first run, outside, imports what is imported late.
    replica.replay(recording, 0, b"\x00")
    host = replica.Replica(Path(recording["directory"]), 1, b"\x01")
    host.sealed_root = bytes.fromhex(recording["root"])
    host.provision()
    host.load()
    host.serve()

    def execute() -> bytes:
        told: list[dict[str, Any]] = []
        for time_ms, transactions, drop in recording["blocks"]:
            host.time_ms = time_ms - 1
            result = host.block(*[bytes.fromhex(each) for each in transactions], drop=drop)
            told.append(replica.account(host, result))
        # In CBOR: json's encoder reads the time-stamp counter.
        return cbor2.dumps(told)

    signal, account = confined.run(execute)
    return signal, account.decode(errors="replace") if signal else cbor2.loads(account)


if __name__ == "__main__":
    if sys.argv[1] == "controls":
        print(json.dumps(controls()))
    else:
        print(json.dumps(replay(json.load(sys.stdin))))
