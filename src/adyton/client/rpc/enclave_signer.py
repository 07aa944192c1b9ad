"""The facade's signer: the wallets of one client, in the enclave."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from pathlib import Path
from typing import Any, Final

from adyton.client.records import RequestRecord
from adyton.client.rpc.signer import AwaitingApproval, Refused, SignedAnswer, Unanswered
from adyton.client.session import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import Carried, PaymentRefused
from adyton.client.wallet_document import read_asked
from adyton.client.wallet_finding import wallets
from adyton.client.wallet_receipt import keep_wallet_receipt
from adyton.client.wallet_resume import pending, resume
from adyton.client.wallet_sent import keep_signed
from adyton.client.wallet_signed import Signing
from adyton.core.errors import Error, UnavailableError, UsageError, VerificationError
from adyton.protocol.envelope import Request, SignedRequest
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import read_integer
from adyton.protocol.ethereum.transaction import CHAIN_ID_MAX, NONCE_MAX, SignedTransaction
from adyton.protocol.wallet.requests import SIGN, Sign

_log = logging.getLogger("adyton.rpc")
_SENT: Final = "rpc-send-"  # begins the idempotency keys of what is to be broadcast
_LISTED_S: Final = 10.0
_FEES: Final = ("type", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")


class EnclaveSigner:
    """Asks the enclave for every signature; usable from several threads.

    Trust: what comes back was verified by the session: the answer is recorded, and is what was asked for.

    Args:
        session: whose wallets these are: those that it owns, and those whose policy names it.
        receipts: directory for a receipt of each signature and refusal; None keeps none.
    """

    def __init__(self, session: Session, receipts: Path | None = None) -> None:
        self._session = session
        self._receipts = receipts
        self._lock = threading.Lock()
        self._asking: set[str] = set()
        self._wallets: dict[bytes, Wallet] = {}
        self._listed_at = -_LISTED_S

    def accounts(self) -> list[bytes]:
        """Return the addresses of all of them; a new one shows within ten seconds."""
        return list(self._listed())

    def next_nonce(self, address: bytes, chain_id: int) -> int:
        """Return the nonce that the account's next transaction on a chain gets."""
        return self._wallet(address).next_nonce(address, chain_id)

    def raise_nonce(self, address: bytes, chain_id: int, nonce: int) -> None:
        """Let an account go on from a nonce."""
        self._wallet(address).raise_nonce(address, chain_id, nonce)

    def sign_transaction(
        self, address: bytes, document: dict[str, Any], *, replace: bool = False, send: bool = False
    ) -> SignedAnswer:
        """Have a transaction signed; what replaces an earlier one and moves nothing is a cancellation."""
        wallet = self._wallet(address)
        key = (_SENT if send else "") + secrets.token_hex(16)
        with self._lock:
            self._asking.add(key)
        try:
            if replace and _moves_nothing(address, document):
                signing = wallet.cancel(
                    address,
                    read_integer(document["chainId"], "chainId", 1, CHAIN_ID_MAX),
                    read_integer(document["nonce"], "nonce", 0, NONCE_MAX),
                    {name: document[name] for name in _FEES if name in document},
                )
            else:
                signing = wallet.sign_transaction(address, document, replace=replace, key=key)
        except PaymentRefused as refusal:
            raise self._refused(refusal) from refusal
        except UnavailableError as silence:
            # Only what was kept may have been sent.
            if any(kept.key == key for _, kept in self._kept()):
                raise Unanswered from silence
            raise
        finally:
            with self._lock:
                self._asking.discard(key)
        self._require_signed(signing)
        made = signing.transaction
        if made is None:
            raise VerificationError("answer_invalid", "the wallet has signed no transaction")
        if not send:
            self._keep_signed(made)
        return SignedAnswer(made.raw, made.hash, made.transaction.nonce, made.transaction)

    def recover(self, chain_id: int) -> list[bytes]:
        """Ask again for what has no answer; each has one effect, however often it is asked for.

        What is refused, or waits for approvals, is none of these; what has still no answer stays for the next time.
        What is for another chain stays for that chain's facade: asked for here, it would be sent to nobody.
        """
        found: list[bytes] = []
        for record, asked in self._kept():
            with self._lock:
                asking = asked.key in self._asking
            if asking or not asked.key.startswith(_SENT) or _chain_of(asked) != chain_id:
                continue
            try:
                _, signing = resume(self._session, record)
            except UnavailableError:
                if found:
                    return found
                raise
            except Error as problem:
                if isinstance(problem, PaymentRefused):
                    self._keep(problem.carried)
                _log.warning("a payment without an answer is not made: %s", problem.message)
                continue
            if isinstance(signing, Signing) and signing.raw:
                self._keep(signing.carried)
                found.append(signing.raw)
        return found

    def _kept(self) -> list[tuple[RequestRecord, Sign]]:
        """Return the requests for signatures without an answer, and what they ask for."""
        found = []
        for record in pending(self._session):
            if record.method == SIGN and record.signed is not None:
                request = Request.decode(SignedRequest.decode(record.signed).body)
                found.append((record, Sign.decode(request.arguments)))
        return found

    def sign_message(self, address: bytes, message: bytes) -> bytes:
        """Have a personal message signed."""
        try:
            signing = self._wallet(address).sign_message(address, message)
        except PaymentRefused as refusal:
            raise self._refused(refusal) from refusal
        self._require_signed(signing)
        return signing.signature

    def sign_typed_data(self, address: bytes, typed: dict[str, Any]) -> bytes:
        """Have typed data signed."""
        try:
            signing = self._wallet(address).sign_typed_data(address, typed)
        except PaymentRefused as refusal:
            raise self._refused(refusal) from refusal
        self._require_signed(signing)
        return signing.signature

    def _refused(self, refusal: PaymentRefused) -> Refused:
        self._keep(refusal.carried)
        told = refusal.signed
        return Refused(refusal.message, "" if told is None else told.rule)

    def _require_signed(self, signing: Signing) -> None:
        self._keep(signing.carried)
        if signing.pending is not None:
            raise AwaitingApproval(signing.pending, signing.told.missing, signing.told.rule)

    def _keep_signed(self, made: SignedTransaction) -> None:
        # What is sent from here has a journal; of what the program sends by itself nobody else knows what to replace.
        try:
            keep_signed(self._session, made)
        except Error as problem:
            _log.warning("a signed transaction is not kept here: %s", problem.message)

    def _keep(self, carried: Carried) -> None:
        if self._receipts is None:
            return
        try:
            keep_wallet_receipt(self._session, carried, self._receipts)
        except Error as problem:  # what is signed is not held up by a full disk
            _log.warning("a receipt is lost: %s", problem.message)

    def _wallet(self, address: bytes) -> Wallet:
        found = self._listed().get(address)
        if found is None:
            raise UsageError(
                "wallet_unknown", f"{checksummed(address)} is no account of this client's wallets"
            )
        return found

    def _listed(self) -> dict[bytes, Wallet]:
        with self._lock:
            if time.monotonic() - self._listed_at >= _LISTED_S:
                found = wallets(self._session)
                self._wallets = {address: wallet for wallet in found for address in wallet.accounts}
                self._listed_at = time.monotonic()
            return self._wallets


def _moves_nothing(address: bytes, document: dict[str, Any]) -> bool:
    return (
        document.get("to") == checksummed(address)
        and document.get("value", "0x0") == "0x0"
        and document.get("data", "0x") == "0x"
        and not document.get("accessList")
        and "nonce" in document
    )


def _chain_of(asked: Sign) -> int | None:
    transaction = read_asked(asked).transaction
    return None if transaction is None else transaction.chain_id
