"""What cannot be spared: the cryptography of one request, one commit to disk, HTTP that does nothing."""

from __future__ import annotations

import secrets
import sqlite3
import time
from hashlib import sha256
from pathlib import Path

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SigningKey, SivKey, hpke_seal, verify
from bench import processes
from bench.load import Load, post_all
from bench.summary import cost, times

_SIGNED = 480  # bytes of a signed notary request, before padding
_PADDED = 512
_RESPONSE = limits.RESULT_MIN


def crypto_s() -> float:
    """Return the CPU seconds of one request's cryptography: HPKE open, Ed25519 verify, AES-SIV open of a
    ticket and seal of a response."""
    server = HpkeKey(secrets.token_bytes(32))
    sealed = hpke_seal(server.public, bytes(_PADDED), Context.HPKE_REQUEST, bytes(32))
    client = SigningKey(secrets.token_bytes(32))
    body = bytes(_SIGNED)
    signature = client.sign(Context.SIGN_REQUEST, body)
    tickets = SivKey(bytes(32), Context.KDF_TICKET)
    ticket = tickets.seal(bytes(48), Context.AD_TICKET)
    response = bytes(_RESPONSE)

    def one_request() -> None:
        tickets.open(ticket, Context.AD_TICKET)
        server.open(sealed, Context.HPKE_REQUEST, bytes(32))
        verify(client.public, signature, Context.SIGN_REQUEST, body)
        SivKey(bytes(32), Context.KDF_RESPONSE, bytes(32)).seal(response, Context.AD_RESPONSE)

    return cost(one_request, clock=time.process_time)


def check_s() -> float:
    """Return the seconds of what no check of a receipt can spare: one Ed25519 verification, twenty SHA-256."""
    key = SigningKey(secrets.token_bytes(32))
    body = bytes(200)
    signature = key.sign(Context.SIGN_REQUEST, body)
    node = bytes(65)

    def one_check() -> None:
        verify(key.public, signature, Context.SIGN_REQUEST, body)
        for _ in range(20):
            sha256(node).digest()

    return cost(one_check)


def commit_s(place: Path, count: int) -> list[float]:
    """Return the seconds of small transactions, each as durable as the ledger's: WAL, `synchronous=FULL`."""
    connection = sqlite3.connect(place / "floor.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS blocks (height INTEGER PRIMARY KEY, body BLOB)")
    insert = "INSERT INTO blocks (body) VALUES (?)"
    taken = times(lambda: connection.execute(insert, (secrets.token_bytes(2000),)), count)
    connection.close()
    return taken


def empty_http(place: Path, body: bytes, size: int, count: int, alone: int) -> tuple[Load, Load]:
    """Post the same bytes to a server that does nothing: 64 in flight, then one.

    Args:
        body: of each request.
        size: bytes of each answer.
    """
    server = processes.start("bench.empty_child", [str(size)], log=None)
    try:
        port = processes.read_line(server)["port"]
        post_all(port, [body] * 200, 64, place)
        many = post_all(port, [body] * count, 64, place, (server.pid,))
        return many, post_all(port, [body] * alone, 1, place)
    finally:
        processes.end(server)
