"""Wallets from a client's side: make one, have it sign, and believe nothing that was not verified.

wallet, made = new_wallet(session, policy=Path("policy.json").read_bytes())    # adyton.client.wallet_making
signing = wallet.sign_transaction(wallet.account, {"to": "0x…", "value": 1, "chainId": 1, …})
signing.raw         # ready to be broadcast; empty while `signing.pending` waits for approvals
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from adyton.client.session import Session
from adyton.client.wallet_answers import Carried, ask_wallet, invalid, read_wallet
from adyton.client.wallet_changes import (
    Changing,
    Exporting,
    changing,
    require_account,
    require_export,
    require_policy,
)
from adyton.client.wallet_claims import drop_claim, keep_claim
from adyton.client.wallet_document import encode_document, read_asked
from adyton.client.wallet_signed import Signing, require_signing
from adyton.core.errors import Error, PolicyError, UnavailableError
from adyton.core.schema import Message
from adyton.protocol.wallet import requests as protocol
from adyton.protocol.wallet.answers import (
    Account,
    AuditPage,
    Proposal,
    Proposals,
    Shown,
)
from adyton.protocol.wallet.answers import Wallet as Known
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TRANSACTION, TYPED_DATA
from adyton.protocol.wallet.requests import JSON_RPC, Sign, proposal_digest

Document = Mapping[str, Any] | str | bytes
_POLL_S: Final = 1.0


class Wallet:
    """A wallet on the session's chain.

    Args:
        session: whose requests it is asked with.
        known: what the enclave says of it.

    Attributes:
        known: as it was at the last answer.
    """

    def __init__(self, session: Session, known: Known) -> None:
        self._session = session
        self.known = known

    def __repr__(self) -> str:
        return f"<Wallet {self.id.hex()[:16]}>"

    @property
    def id(self) -> bytes:
        """Its name, 32 bytes."""
        return self.known.wallet

    @property
    def accounts(self) -> tuple[bytes, ...]:
        """Addresses of its accounts, 20 bytes each."""
        return tuple(account.address for account in self.known.accounts)

    @property
    def account(self) -> bytes:
        """Address of its first account."""
        return self.known.accounts[0].address

    # --- signatures -----------------------------------------------------------------------------

    def sign_transaction(
        self,
        account: bytes,
        document: Document,
        *,
        profile: str = JSON_RPC,
        replace: bool = False,
        key: str = "",
    ) -> Signing:
        """Have a transaction signed.

        Args:
            account: whose key signs, 20 bytes.
            document: JSON-RPC's words; without `nonce` the wallet chooses it.
            profile: `json-rpc`, or `article` for bare hex.
            replace: whether it may take the place of another one with its nonce.
            key: idempotency key: whoever asks again under it gets the same signature.

        Raises:
            PaymentRefused: the policy does not allow it. UsageError: the document does not say one thing, or
            `nonce_used`, `key_reused`, `wallet_unknown`. VerificationError: the answer is another one than was asked
            for. Error: as `Session.request`.
        """
        return self._sign(account, TRANSACTION, document, profile, replace, key)

    def cancel(self, account: bytes, chain_id: int, nonce: int, fees: Mapping[str, Any]) -> Signing:
        """Have an earlier transaction replaced by one that moves nothing, to the account itself.

        Args:
            fees: `maxFeePerGas` and `maxPriorityFeePerGas`, or `gasPrice`: a tenth over the earlier one's at least.

        Raises:
            Error: as `sign_transaction`.
        """
        document = {"chainId": chain_id, "nonce": nonce, **fees}
        return self._sign(account, CANCEL, document, JSON_RPC, True, "")

    def sign_message(self, account: bytes, message: bytes, *, key: str = "") -> Signing:
        """Have a personal message (EIP-191) signed.

        Raises:
            Error: as `sign_transaction`.
        """
        return self._sign(account, MESSAGE, {"message": "0x" + message.hex()}, JSON_RPC, False, key)

    def sign_typed_data(self, account: bytes, document: Document, *, key: str = "") -> Signing:
        """Have typed data (EIP-712) signed.

        Args:
            document: `types`, `primaryType`, `domain` and `message`.

        Raises:
            Error: as `sign_transaction`.
        """
        return self._sign(account, TYPED_DATA, document, JSON_RPC, False, key)

    def _sign(
        self,
        account: bytes,
        method: str,
        document: Document,
        profile: str,
        replace: bool,
        key: str,
    ) -> Signing:
        encoded = encode_document(document)
        return self.sign(Sign(account, method, profile, encoded, replace, key))

    def sign(self, asked: Sign) -> Signing:
        """Have a request carried out that is encoded already.

        Raises:
            Error: as `sign_transaction`.
        """
        # The enclave would refuse it likewise, but then everybody would see that something was asked.
        read_asked(asked)
        return require_signing(self._ask(protocol.SIGN, asked, asked.method), asked)

    # --- the wallet itself ----------------------------------------------------------------------

    def add_account(self) -> tuple[Account, Changing]:
        """Add the next account; return it, and the proof.

        Raises:
            UsageError: `wallet_full`, or an imported key, which has one account. Error: as `Session.request`.
        """
        asked, before = protocol.AddAccount(self.id), self.known
        made = require_account(self._ask(protocol.ACCOUNT, asked), asked, before)
        self.known = made.told.wallet
        return self.known.accounts[-1], made

    def change_policy(self, text: bytes) -> Changing:
        """Put another policy in the place of the present one, at once or when others have approved it.

        Raises:
            UsageError: `policy_invalid`, or another change came first. Error: as `Session.request`.
        """
        asked = protocol.ChangePolicy(self.id, text, self.known.version)
        made = require_policy(self._ask(protocol.POLICY, asked), asked)
        self.known = made.told.wallet
        return made

    def export(self) -> Exporting:
        """Ask for the secret, which the policy must let out.

        Raises:
            PolicyError: `export_refused`. Error: as `Session.request`.
        """
        asked = protocol.Export(self.id)
        return require_export(self._ask(protocol.EXPORT, asked), self.known)

    def raise_nonce(self, account: bytes, chain_id: int, nonce: int) -> Changing:
        """Let an account go on from a nonce: for one that has signed elsewhere before.

        Raises:
            Error: as `Session.request`.
        """
        asked = protocol.RaiseNonce(account, chain_id, nonce)
        return self._own(changing(self._ask(protocol.NONCE, asked)))

    # --- approvals ------------------------------------------------------------------------------

    def proposals(self) -> tuple[Proposal, ...]:
        """Return what waits for approvals.

        Raises:
            Error: as `Session.read`.
        """
        asked = protocol.OfWallet(self.id)
        listed = Proposals.decode(self._read(protocol.PROPOSALS, asked)).proposals
        if any(proposal.wallet != self.id for proposal in listed):
            raise invalid("a proposal of another wallet")
        return listed

    def proposal(self, named: bytes) -> Proposal:
        """Return an open proposal.

        Raises:
            UsageError: `not_found`, no open one of this wallet; it may be settled or expired. Error: as `Session.read`.
        """
        found = Proposal.decode(self._read(protocol.PROPOSAL, protocol.OfProposal(named)))
        if (found.proposal, found.wallet) != (named, self.id):
            raise invalid("another proposal is shown than asked for")
        return found

    def approve(self, proposal: Proposal) -> Changing:
        """Approve what was read, and nothing else: the approval names its digest.

        Raises:
            VerificationError: the proposal's digest is not that of its content. Error: as `Session.request`.
        """
        self.require_content(proposal)
        asked = protocol.Approve(proposal.proposal, proposal.digest)
        return self._own(changing(self._ask(protocol.APPROVE, asked)))

    def require_content(self, proposal: Proposal) -> None:
        """Refuse a proposal whose digest is not that of its content under the present policy.

        Raises:
            VerificationError: it is of something else.
        """
        shown = self.show().wallet
        if proposal.digest != proposal_digest(
            self.id, proposal.method, proposal.requester, shown.policy_hash, proposal.content
        ):
            raise invalid("the proposal is of other content, or was made under another policy")

    def reject(self, proposal: bytes) -> Changing:
        """Put an end to a proposal.

        Raises:
            Error: as `Session.request`.
        """
        asked = protocol.OfProposal(proposal)
        return self._own(changing(self._ask(protocol.REJECT, asked)))

    def claim(self, proposal: Proposal | bytes) -> Signing | Changing | Exporting:
        """Get what was approved; the policy is asked once more, and a nonce is chosen now.

        Where approvals are missing still, it stays pending.

        Raises:
            PaymentRefused: the policy has come to refuse it. Error: as `Session.request`.
        """
        if isinstance(proposal, bytes):
            proposal = self.proposal(proposal)
        # On disk before it is sent: once it is claimed, nobody else knows what was asked for.
        keep_claim(self._session, proposal)
        asked = protocol.OfProposal(proposal.proposal)
        try:
            carried = self._ask(protocol.CLAIM, asked)
        except UnavailableError:
            raise
        except Error:
            drop_claim(self._session, proposal.proposal)
            raise
        claimed = self.claimed(carried, proposal)
        drop_claim(self._session, proposal.proposal)
        return claimed

    def claimed(self, carried: Carried, proposal: Proposal) -> Signing | Changing | Exporting:
        """Verify that what was claimed is what the proposal asked for.

        Raises:
            VerificationError: it is not.
        """
        if proposal.method == protocol.SIGN:
            return require_signing(carried, Sign.decode(proposal.content))
        if proposal.method == protocol.EXPORT:
            return require_export(carried, self.known)
        asked = protocol.ChangePolicy.decode(proposal.content)
        made = require_policy(carried, asked)
        self.known = made.told.wallet
        return made

    def wait_claim(
        self,
        proposal: bytes,
        *,
        timeout_s: float,
        waiting: Callable[[Proposal], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Signing | Changing | Exporting:
        """Wait until enough have approved, and get what was approved.

        Args:
            timeout_s: how long at most.
            waiting: told of every look at it.
            sleep: waits between looks, seconds.

        Raises:
            PolicyError: `approval_pending`, too few have approved it by then. Error: as `claim`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self.proposal(proposal)
            if len(seen.approved) >= seen.needed:
                return self.claim(seen)
            if time.monotonic() >= deadline:
                raise PolicyError(
                    "approval_pending",
                    f"{len(seen.approved)} of {seen.needed} have approved it by now; it waits as "
                    f"proposal {proposal.hex()}",
                )
            waiting(seen)
            sleep(_POLL_S)

    # --- reads ----------------------------------------------------------------------------------

    def show(self) -> Shown:
        """Return the wallet with its policy, meters and nonces; `known` is as new from then on.

        Raises:
            VerificationError: of another wallet. Error: as `Session.read`.
        """
        shown = Shown.decode(self._read(protocol.SHOW, protocol.OfWallet(self.id)))
        if shown.wallet.wallet != self.id:
            raise invalid("another wallet is shown than asked for")
        self.known = shown.wallet
        return shown

    def next_nonce(self, account: bytes, chain_id: int) -> int:
        """Return the nonce that an account's next transaction on a chain gets.

        Raises:
            Error: as `Session.read`.
        """
        for known in self.show().nonces:
            if (known.account, known.chain_id) == (account, chain_id):
                return known.nonce
        return 0

    def audit(self, start: int = 0) -> AuditPage:
        """Return audit entries from a place on, as many as one answer holds.

        Raises:
            VerificationError: they are not in order. Error: as `Session.read`.
        """
        page = AuditPage.decode(self._read(protocol.AUDIT, protocol.AskAudit(self.id, start)))
        places = [entry.place for entry in page.entries]
        if places != list(range(start, start + len(places))) or start + len(places) > max(
            page.total, start
        ):
            raise invalid("audit entries are missing, or not in order")
        return page

    # --- how it is asked ------------------------------------------------------------------------

    def _ask(self, method: str, asked: Message, name: str = "") -> Carried:
        return ask_wallet(self._session, method, asked, self.known.ordering, name)

    def _read(self, method: str, asked: Message) -> bytes:
        return read_wallet(self._session, method, asked)

    def _own(self, made: Changing) -> Changing:
        if made.told.wallet.wallet != self.id:
            raise invalid("the answer of another wallet")
        self.known = made.told.wallet
        return made
