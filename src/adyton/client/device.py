"""A device that pays by itself: by the policy of a wallet in the enclave, over MQTT, each thing once.

with Device.open("charger.json") as charger:
    payment = charger.pay(to="0xF125…2A34", value=1025, data="charge 2026-11-21/17")
    payment.wait()          # until the gateway says that it is confirmed

The device holds no key that could pay: it asks, the enclave decides and signs, and what comes back is verified, with
its receipt, before it is handed on. What the gateway reports of the chain is the gateway's word.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from adyton.attestation.policy import AppraisalPolicy
from adyton.client.device_config import DeviceConfig
from adyton.client.device_payments import Kept, Payment, PaymentJournal, Waiting
from adyton.client.keystore import Keystore
from adyton.client.mqtt_transport import MqttTransport
from adyton.client.opening import broker_identity
from adyton.client.session import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import Carried, PaymentRefused
from adyton.client.wallet_approved import ApprovalEnded, ApprovalPending, claim_asked
from adyton.client.wallet_document import encode_document
from adyton.client.wallet_finding import meant_wallets, open_wallet
from adyton.client.wallet_receipt import keep_wallet_receipt
from adyton.core import limits, strict_json
from adyton.core.errors import Error, UnavailableError, UsageError
from adyton.protocol.ethereum.gas import floor_gas, intrinsic_gas
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.wallet.intent import TRANSACTION
from adyton.protocol.wallet.requests import JSON_RPC, Sign

_EVENT: Final = 8 * limits.KIB
_LOOK_S: Final = 1.0  # before the second look whether enough have approved
_LOOK_MOST_S: Final = 30.0


class Device:
    """Open from `open` to `close`; usable from several threads."""

    def __init__(self, config: DeviceConfig) -> None:
        self._config = config
        self._keystore = Keystore(config.home)
        self._transport = MqttTransport(
            config.server, broker_identity(config.home), on_event=self._heard
        )
        policy = AppraisalPolicy(allow_simulated=config.allow_simulated)
        self.session = Session(self._keystore, self._transport, policy)
        self._journal = PaymentJournal(config.home / "payments")
        # For as long as somebody holds them: a device pays for years.
        self._payments: WeakValueDictionary[str, Payment] = WeakValueDictionary()
        self._wallet: Wallet | None = None
        self._lock = threading.RLock()
        self._closed = threading.Event()

    @classmethod
    def open(cls, config: Path | str) -> Device:
        """Open the device of a configuration file; the first time its server is appraised and pinned.

        Raises:
            Error: as `DeviceConfig.load` and `Session.trust`.
        """
        made = cls(DeviceConfig.load(Path(config)))
        try:
            pin = made._keystore.pin(made._transport.server)
            if pin is None or pin.fingerprint != made._config.fingerprint:
                made.session.trust(made._config.fingerprint)
        except BaseException:
            made.close()
            raise
        return made

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect; payments go on without the device."""
        self._closed.set()
        self.session.close()

    def pay(
        self,
        *,
        to: str,
        value: int,
        data: str,
        chain: int | None = None,
        gas: int = 0,
        key: str = "",
    ) -> Payment:
        """Pay once.

        Args:
            to: address with its checksum.
            value: wei.
            data: the transaction id, by which the payment is found on the chain.
            chain: chain id; by default the configuration's.
            gas: by default what a transfer with this data takes.
            key: under one key the device pays once, after any failure and restart; by default `data`.

        Raises:
            PaymentRefused: the wallet's policy does not allow it; nothing was signed.
            ApprovalPending: others must approve it first; `claim` waits for them.
            UnavailableError: no answer, or not handed over: call again alike, it is paid once.
            Error: as `send`.
        """
        fields = {
            "to": to,
            "value": hex(value),
            "data": "0x" + data.encode().hex(),
            "chainId": hex(self._config.chain if chain is None else chain),
            "gas": hex(gas),
            "maxFeePerGas": hex(self._config.max_fee),
            "maxPriorityFeePerGas": hex(self._config.tip),
        }
        plain = read_transaction({**fields, "nonce": 0})
        fields["gas"] = hex(gas or max(intrinsic_gas(plain), floor_gas(plain)))
        return self.send(fields, key=key or data)

    def send(
        self, document: Mapping[str, Any] | str | bytes, *, key: str, profile: str = JSON_RPC
    ) -> Payment:
        """Have a transaction signed and broadcast, once under its key.

        Args:
            document: as wallets take it.
            profile: `article` for a document in bare hex.

        Raises:
            UsageError: no key, or another document under it before.
            ApprovalPending: others must approve it first. ApprovalEnded: they have not; the next call asks anew.
            Error: as `Wallet.sign_transaction` and `MqttTransport.hand_over`.
        """
        if not key:
            raise UsageError(
                "usage", "give a transaction id or a key: under it the device pays once"
            )
        with self._lock:
            kept = self._journal.begin(key, profile, encode_document(document))
            raw = kept.raw or self._signed(kept)
        payment = Payment(self._transport, raw)
        known = self._payments.get(payment.hash)
        if known is not None and known.event.get("event") != "failed":
            payment = known
        self._payments[payment.hash] = payment
        payment.hand_over()
        return payment

    def claim(self, key: str, *, timeout_s: float = 0.0) -> Payment:
        """Pay what others had to approve, once, also when the device was restarted since it asked.

        Args:
            key: of the payment; its `data`, where no other was given.
            timeout_s: how long to wait for approvals. Each look is one exchange; looks become rare, with half a minute
                between them at the most.

        Raises:
            UsageError: `not_found`, nothing waits or was paid under this key.
            ApprovalPending: too few by then: claim it again. ApprovalEnded: rejected or expired.
            PaymentRefused: the policy has come to refuse it. UnavailableError: no answer by then. Error: as `send`.
        """
        deadline, pause = time.monotonic() + timeout_s, _LOOK_S
        while True:
            kept = self._journal.find(key)
            if kept is None:
                raise UsageError("not_found", "no payment under this key; pay it first")
            try:
                return self.send(kept.document, key=key, profile=kept.profile)
            except (ApprovalPending, UnavailableError):
                left = deadline - time.monotonic()
                if left <= 0 or self._closed.wait(min(pause, left)):
                    raise
            pause = min(2 * pause, _LOOK_MOST_S)

    def _signed(self, kept: Kept) -> bytes:
        wallet = self.wallet()
        account = self._config.account or wallet.account
        asked = Sign(account, TRANSACTION, kept.profile, kept.document, False, kept.key)
        waits = self._journal.waiting(kept)
        try:
            if waits is None:
                signing = wallet.sign(asked)
            else:
                now_ms = self.session.now_ms()
                signing = claim_asked(wallet, asked, waits.proposal, waits.height, now_ms=now_ms)
        except (PaymentRefused, ApprovalEnded) as problem:
            self._journal.drop(kept)
            if isinstance(problem, PaymentRefused):
                self._keep(problem.carried)
            raise
        self._keep(signing.carried)
        if signing.pending is not None:
            height = signing.carried.accepted.entry.proof.facts().height
            self._journal.wait(kept, Waiting(signing.pending, height))
            raise ApprovalPending(signing.pending, signing.told.missing)
        self._journal.signed(kept, signing.raw)
        return signing.raw

    def _keep(self, carried: Carried) -> None:
        if self._config.receipts is not None:
            # A full disk holds up no payment; what it was is in the wallet's audit all the same.
            with suppress(UsageError):
                keep_wallet_receipt(self.session, carried, self._config.receipts)

    def wallet(self) -> Wallet:
        """Return the wallet that pays.

        Raises:
            UsageError: `wallet_unknown`, the account is in no wallet of this device, or there is none; or there are
                several.
        """
        if self._wallet is None:
            if self._config.account is not None:
                self._wallet = open_wallet(self.session, self._config.account)
            else:
                found = meant_wallets(self.session)
                if not found:
                    own = self._keystore.identity.signing_key.public.hex()
                    text = (
                        f"no wallet pays for this device: name its key {own} in the policy of one"
                    )
                    raise UsageError("wallet_unknown", text)
                if len(found) > 1:
                    text = "several wallets; name the account that pays in the configuration"
                    raise UsageError("usage", text)
                self._wallet = found[0]
        return self._wallet

    def _heard(self, unverified: bytes) -> None:
        try:
            event = strict_json.read(unverified, most=_EVENT, depth=2)
        except Error:
            return
        if type(event) is dict and type(event.get("hash")) is str:
            payment = self._payments.get(event["hash"])
            if payment is not None:
                payment.heard(event)
