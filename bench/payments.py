"""Payments through all of it: sealed request, policy, limits, nonce, audit, signature, receipt, commit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.padding import unpad
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import ANSWER_LEAST, SIGNED, Answer, Changed, Signed
from bench import floors, server
from bench.envelopes import Opened, Sealer, opened_all
from bench.figure import Figure, Floor, Goal
from bench.load import IN_FLIGHT, Load, many_and_alone, post_all
from bench.plan import Plan
from bench.summary import BenchError, Summary, joined, spread

_VENDOR: Final = bytes.fromhex("f125691d24a6b5cdcb87a89cb825fdf4487c2a34")
_ACCOUNTS: Final = 16
_US: Final = 1e6
_MS: Final = 1e3


def measure(plan: Plan) -> list[Figure]:
    """Measure payments in flight together and alone, beside the cryptography of each and a commit."""
    place = plan.directory("payments")
    crypto = [floors.crypto_s()]
    with_server = _measured(plan.server(), place, plan.requests, plan.alone, plan.runs)
    crypto.append(floors.crypto_s())
    floor, commits = median(crypto), Summary.of(floors.commit_s(place, plan.alone))
    rates, alone = with_server["rates"], Summary.of(with_server["latencies"])
    enclave, host = (_US * median(with_server[side]) for side in ("enclave", "host"))
    return [
        Figure(
            f"payments signed, {IN_FLIGHT} in flight", median(rates), "/s",
            Goal(2000, at_least=True),
            Floor(1 / floor, "HPKE open, Ed25519 verify, AES-SIV of one request, one core"),
            joined(
                "policy with a sum and a count, nonce, audit entry, receipt and commit in each; each signature checked",
                spread(rates),
                f"CPU per payment: enclave {enclave:.0f}, host {host:.0f} us",
            ),
        ),
        Figure(
            "payment signed, 1 in flight, p50", _MS * alone.p50, "ms", None,
            Floor(_MS * (floor + commits.p50), "that cryptography and a commit"),
            f"{alone.count} payments, p99 {_MS * alone.p99:.2f} ms",
        ),
    ]  # fmt: skip


def _measured(
    running: server.Server, place: Path, count: int, alone: int, runs: int
) -> dict[str, Any]:
    sealer = Sealer(running)
    try:
        accounts = _wallet(sealer, running.port, place)
        watched = (running.enclave_pid, running.pid)

        def post(count: int, in_flight: int) -> Load:
            return _post(sealer, running.port, place, watched, accounts, count, in_flight)

        return many_and_alone(post, count, alone, runs)
    finally:
        sealer.close()


def _post(
    sealer: Sealer,
    port: int,
    place: Path,
    watched: Sequence[int],
    accounts: list[bytes],
    count: int,
    in_flight: int,
) -> Load:
    """Post payments, and check every signature that comes back."""
    asked = [accounts[place % len(accounts)] for place in range(count)]
    sent = [
        sealer.request(
            requests.APP,
            requests.SIGN,
            requests.Sign(
                account, "transaction", requests.JSON_RPC, _document(), False, ""
            ).encode(),
        )
        for account in asked
    ]
    load = post_all(port, [one.body for one in sent], in_flight, place, watched)
    seen: set[tuple[bytes, int]] = set()
    for account, opened in zip(asked, opened_all(sealer, sent, load.answers), strict=True):
        signed = Signed.decode(_told(opened))
        made = decode_signed(signed.raw)
        if signed.status != SIGNED or made.sender != account:
            raise BenchError(f"a payment was not signed: {signed.reason}")
        seen.add((account, made.transaction.nonce))
    if len(seen) != count:
        raise BenchError("a nonce was given twice")
    return load


def _wallet(sealer: Sealer, port: int, place: Path) -> list[bytes]:
    rule = {
        "id": "pay",
        "effect": "allow",
        "chain": [1],
        "when": {
            "to": {"in": "@vendors"},
            "value": {"lte": 10**18},
            "maxCost": {"lte": 2 * 10**18},
        },
        "limits": [
            {"sum": "cost", "window": 86_400, "max": 10**30},
            {"count": True, "window": 60, "max": 10**9},
        ],
    }
    text = {"v": 1, "time": "host", "sets": {"vendors": [checksummed(_VENDOR)]}, "rules": [rule]}
    new = requests.New(
        requests.RANDOM, _ACCOUNTS, bytes(32), json.dumps(text).encode(), "single-host"
    )
    sent = [sealer.request(requests.APP, requests.NEW, new.encode())]
    load = post_all(port, [sent[0].body], 1, place)
    told = _told(opened_all(sealer, sent, load.answers)[0])
    return [account.address for account in Changed.decode(told).wallet.accounts]


def _told(opened: Opened) -> bytes:
    answer = Answer.decode(unpad(opened.result, least=ANSWER_LEAST))
    if answer.code:
        raise BenchError(f"a wallet answered: {answer.reason}")
    return answer.body


def _document() -> bytes:
    fields = {
        "to": checksummed(_VENDOR),
        "value": "0x401",
        "chainId": "0x1",
        "gas": "0x5208",
        "maxFeePerGas": hex(20 * 10**9),
        "maxPriorityFeePerGas": hex(10**9),
    }
    return json.dumps(fields).encode()
