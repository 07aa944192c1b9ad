"""A device's payments: kept on disk before they are asked for, and followed until the gateway says how they ended."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from adyton.client.mqtt_transport import MqttTransport
from adyton.client.private_files import load, make_directory, write
from adyton.client.wallet_document import parse_object
from adyton.core import limits
from adyton.core.errors import PolicyError, UnavailableError, UsageError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, Uint, message
from adyton.protocol.claims import content_digest
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.wallet.requests import Document, IdempotencyKey, Profile

_AGAIN_S: Final = 30.0  # without a word from the gateway it is given the transaction again
_TRY_AGAIN: Final = ("overloaded", "node-fault", "refused", "no-chain")
# What may have been configured anew between two calls for one payment.
_FEES: Final = ("maxFeePerGas", "maxPriorityFeePerGas", "gasPrice", "gas", "gasLimit")


@message("device-payment/1", max_bytes=limits.MIB)
class Kept(Message):
    """A payment on the device's disk, written before it is asked for: after a power loss it is asked for alike."""

    key: IdempotencyKey
    profile: Profile
    document: Document
    raw: Annotated[bytes, AtMost(limits.ETHEREUM_TRANSACTION)]


@message("device-waiting/1", max_bytes=256)
class Waiting(Message):
    """What a payment waits for, on the device's disk beside it.

    Attributes:
        proposal: that others must approve.
        height: block of the answer that named it.
    """

    proposal: Bytes32
    height: Uint


class Payment:
    """A signed payment that the gateway has been given."""

    def __init__(self, transport: MqttTransport, raw: bytes) -> None:
        self.transaction = decode_signed(raw)
        self.hash = "0x" + self.transaction.hash.hex()
        self.event: dict[str, Any] = {}
        self._transport = transport
        self._ended = threading.Event()

    def hand_over(self) -> None:
        """Give it to the gateway, once more where it has it already, which changes nothing."""
        raw = "0x" + self.transaction.raw.hex()
        self._transport.hand_over(json.dumps({"v": 1, "raw": raw}).encode())

    def heard(self, event: dict[str, Any]) -> None:
        """Take what the gateway reports of it, unverified."""
        self.event = event
        if event.get("event") in ("confirmed", "failed"):
            self._ended.set()

    def wait(self, timeout_s: float = 900.0) -> dict[str, Any]:
        """Return the event that says that it is confirmed.

        Raises:
            UnavailableError: not in time, or the gateway or its node failed: the same payment may be asked for again.
            PolicyError: `payment_failed`: the chain has not taken it, and will not.
        """
        deadline = time.monotonic() + timeout_s
        while not self._ended.wait(max(0.0, min(_AGAIN_S, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise UnavailableError("timeout", "the payment is not confirmed yet")
            try:
                self.hand_over()
            except UnavailableError:
                continue
        if self.event["event"] == "confirmed":
            return self.event
        reason = str(self.event.get("reason"))
        if reason in _TRY_AGAIN:
            raise UnavailableError("unreachable", f"the gateway has not sent the payment: {reason}")
        raise PolicyError("payment_failed", f"the chain has not taken the payment: {reason}")


class PaymentJournal:
    """One file for each payment, by the digest of its key.

    Args:
        directory: made when it is needed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def begin(self, key: str, profile: str, document: bytes) -> Kept:
        """Return the payment that was begun under a key, or begin it.

        Raises:
            UsageError: `key_reused`: under the key something else was begun. Or `keystore`.
        """
        kept = Kept(_name(key), profile, document, b"")
        before = self.find(key)
        if before is None:
            make_directory(self._directory)
            write(self._directory / kept.key, kept.encode())
            return kept
        if before.profile != profile or _meant(before.document) != _meant(document):
            raise UsageError("key_reused", "another payment was made under this key")
        return before

    def find(self, key: str) -> Kept | None:
        """Return the payment that was begun under a key; None where none was.

        Raises:
            UsageError: `keystore`.
        """
        return load(self._directory / _name(key), Kept.decode)

    def wait(self, kept: Kept, waiting: Waiting) -> None:
        """Keep what a payment waits for."""
        write(self._waiting(kept), waiting.encode())

    def waiting(self, kept: Kept) -> Waiting | None:
        """Return what a payment waits for; None where it waits for nothing.

        Raises:
            UsageError: `keystore`.
        """
        return load(self._waiting(kept), Waiting.decode)

    def signed(self, kept: Kept, raw: bytes) -> None:
        """Keep what was signed."""
        write(self._directory / kept.key, replace(kept, raw=raw).encode())
        self._waiting(kept).unlink(missing_ok=True)

    def drop(self, kept: Kept) -> None:
        """Forget a payment that was refused: nothing was signed."""
        (self._directory / kept.key).unlink(missing_ok=True)
        self._waiting(kept).unlink(missing_ok=True)

    def _waiting(self, kept: Kept) -> Path:
        return self._directory / f"{kept.key}.waiting"


def _name(key: str) -> str:
    return content_digest(key.encode()).hex()


def _meant(document: bytes) -> dict[str, Any]:
    return {name: value for name, value in parse_object(document).items() if name not in _FEES}
