"""Two payments, one allowed and one refused, and a search for the signature of either.

Signatures are deterministic (RFC 6979) and the key is imported, so the one that was never made is known beforehand.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adyton.client.keystore_v3 import encrypt
from adyton.protocol.ethereum.signature import Signature, public_key
from adyton.protocol.ethereum.transaction import Transaction, sign_transaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests.canary.capture import Capture
from tests.canary.search import Hit, Search
from tests.e2e.command import Client, Server, serving

VENDOR: Final = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
_GWEI: Final = 10**9
_CHAIN: Final = 4
_GAS: Final = 21_000
_FEES: Final = ("--max-fee", "20gwei", "--tip", "1gwei", "--gas", str(_GAS))


@dataclass(frozen=True)
class Paid:
    """What was found of each signature, by place.

    Attributes:
        allowed: of the payment that was signed.
        refused: of the payment that was not.
    """

    allowed: dict[str, list[Hit]]
    refused: dict[str, list[Hit]]


def run(place: Path, source: Path | None = None) -> Paid:
    """Ask for both payments over real processes, and search.

    Args:
        place: directory for server and client.
        source: directory of the package; by default the one that is tested.
    """
    key = secrets.token_bytes(32)
    with serving(place / "data", source=source) as server:
        client = Client(place / "payer", server)
        client.trust()
        account = _import(client, place, key)
        with Capture(server.port) as capture:
            sent = client.json("wallet", "send", *_payment(account, 1025))
            done = client.run("wallet", "send", *_payment(account, 10**18), "--json")
        if done.returncode != 5:
            raise AssertionError(f"the second payment was not refused: {done.stdout}{done.stderr}")
        allowed = decode_signed(bytes.fromhex(sent["raw"][2:])).signature
        # The nonce that it would have had, and the one that it would have taken from the first.
        refused = [_signature(key, 10**18, nonce) for nonce in (0, 1)]
        told = (done.stdout + done.stderr).encode()
        return Paid(
            # Where the enclave holds what it has signed is not asked.
            _found(server, client, capture, [allowed], sent["raw"].encode(), ()),
            _found(server, client, capture, refused, told, (server.pid, *server.children())),
        )


def _import(client: Client, place: Path, key: bytes) -> str:
    (place / "key.json").write_bytes(encrypt(key, "pepper", n=2**12))
    (place / "password").write_text("pepper")
    text = client.ok("wallet", "policy", "example", "--to", VENDOR, "--chain", str(_CHAIN))
    (place / "policy.json").write_text(text)
    made = client.json(
        "wallet", "import", "--keystore", str(place / "key.json"),
        "--password-file", str(place / "password"), "--policy", str(place / "policy.json"),
    )  # fmt: skip
    address: str = made["address"]
    return address


def _payment(account: str, value: int) -> tuple[str, ...]:
    named = ("--from", account, "--to", VENDOR, "--value", str(value), "--chain", str(_CHAIN))
    return (*named, *_FEES)


def _signature(key: bytes, value: int, nonce: int) -> Signature:
    transaction = Transaction(
        2, _CHAIN, nonce, _GAS, bytes.fromhex(VENDOR[2:]), value, b"", 20 * _GWEI, _GWEI
    )
    return sign_transaction(transaction, key, public_key(key)).signature


def _found(
    server: Server,
    client: Client,
    capture: Capture,
    signatures: list[Signature],
    told: bytes,
    processes: tuple[int, ...],
) -> dict[str, list[Hit]]:
    found: dict[str, list[Hit]] = {
        "data": [], "logs": [], "traffic": [], "memory": [], "client": [], "told": [],
    }  # fmt: skip
    # r is enough: whoever has a signature has it.
    search = Search(*(one.r.to_bytes(32, "big") for one in signatures))
    found["data"] += search.in_directory(server.data)
    found["logs"] += search.in_file(server.log)
    found["traffic"] += search.in_capture(capture)
    for process in processes:
        found["memory"] += search.in_process(process)
    found["client"] += search.in_directory(client.home)
    found["told"] += search.in_bytes("what the client was told", [told])
    return found
