"""Wallets for tests of the enclave: made, asked and audited through a host in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from adyton.client.problems import error_of
from adyton.core.schema import Message
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.padding import unpad
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import (
    ANSWER_LEAST,
    Answer,
    AuditEntry,
    AuditPage,
    Changed,
    Exported,
    Proposal,
    Proposals,
    Shown,
    Signed,
    Wallet,
    Wallets,
)
from tests.host_simulator import HostSimulator, SimulatedClient, public

_M = TypeVar("_M", bound=Message)
GWEI = 10**9
ETHER = 10**18
VENDOR = bytes.fromhex("f125691d24a6b5cdcb87a89cb825fdf4487c2a34")
STRANGER = bytes.fromhex("55c2d462b27e49df96ae923a131bdf81548e3b2e")


def plain_policy(**more: Any) -> bytes:
    """Return a policy that lets the owner pay the vendor up to one ether at a time, on chains 1 and 4."""
    return policy(
        [
            {
                "id": "pay",
                "effect": "allow",
                "chain": [1, 4],
                "when": {
                    "to": {"in": "@vendors"},
                    "value": {"lte": hex(ETHER)},
                    "fee": {"lte": hex(ETHER // 100)},
                },
            }
        ],
        **more,
    )


def policy(rules: list[dict[str, Any]], **more: Any) -> bytes:
    """Return the text of a policy of these rules, with a set of vendors."""
    sets = {"vendors": [checksummed(VENDOR)], **more.pop("sets", {})}
    return json.dumps({"v": 1, "sets": sets, "rules": rules, **more}).encode()


def payment(**changed: Any) -> dict[str, Any]:
    """Return a document of a payment to the vendor that the plain policy allows; None leaves a field out."""
    fields = {
        "to": checksummed(VENDOR),
        "value": hex(1025),
        "chainId": 1,
        "gas": 21_000,
        "maxFeePerGas": 20 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        **changed,
    }
    return {name: value for name, value in fields.items() if value is not None}


class WalletClient:
    """One client and its wallets.

    Args:
        host: on which.
        client: whose requests they are.
    """

    def __init__(self, host: HostSimulator, client: SimulatedClient) -> None:
        self.host = host
        self.client = client
        self.answer: Answer | None = None
        self.raw_answer = b""

    @property
    def key(self) -> bytes:
        """The client's public key."""
        return self.client.key.public

    def send(self, method: str, arguments: bytes) -> Answer:
        """Carry out a request in a block of its own, and return its opened answer."""
        if not self.client.tickets:
            self.client.contact()
        request = self.client.request(requests.APP, method, arguments)
        block = self.host.block(self.client.envelope(request))
        part = public(block.entries[0])
        response = self.client.open(block, 0, request)
        if response.code:
            raise error_of(response.code, "refused in public")
        assert part.code == ""
        assert part.body is None
        self.raw_answer = response.result
        self.answer = Answer.decode(unpad(response.result, least=ANSWER_LEAST))
        return self.answer

    def ordered(self, method: str, arguments: Message, told: type[_M]) -> _M:
        """Carry out a request and return what it is told, or raise the error."""
        answer = self.send(method, arguments.encode())
        if answer.code:
            raise error_of(answer.code, answer.reason)
        return told.decode(answer.body)

    def new(
        self, policy_text: bytes = b"", *, kind: str = requests.RANDOM, accounts: int = 1
    ) -> Wallet:
        """Make a wallet."""
        asked = requests.New(kind, accounts, bytes(32), policy_text, "single-host")
        return self.ordered(requests.NEW, asked, Changed).wallet

    def import_key(self, secret: bytes, policy_text: bytes = b"") -> Wallet:
        """Import a key."""
        asked = requests.Import(requests.KEY, secret, b"", 1, policy_text, "single-host")
        return self.ordered(requests.IMPORT, asked, Changed).wallet

    def sign(
        self,
        account: bytes,
        document: Mapping[str, Any] | bytes,
        method: str = "transaction",
        *,
        replace: bool = False,
        key: str = "",
        profile: str = requests.JSON_RPC,
    ) -> Signed:
        """Ask for a signature."""
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        asked = requests.Sign(account, method, profile, text, replace, key)
        return self.ordered(requests.SIGN, asked, Signed)

    def change(self, wallet: Wallet, text: bytes, version: int | None = None) -> Changed:
        """Change a wallet's policy."""
        asked = requests.ChangePolicy(
            wallet.wallet, text, wallet.version if version is None else version
        )
        return self.ordered(requests.POLICY, asked, Changed)

    def export(self, wallet: Wallet) -> Exported:
        """Export a wallet's secret."""
        return self.ordered(requests.EXPORT, requests.Export(wallet.wallet), Exported)

    def approve(self, proposal: Proposal) -> Changed:
        """Approve a proposal."""
        asked = requests.Approve(proposal.proposal, proposal.digest)
        return self.ordered(requests.APPROVE, asked, Changed)

    def claim(self, proposal: bytes, told: type[_M]) -> _M:
        """Claim what a proposal was made for."""
        return self.ordered(requests.CLAIM, requests.OfProposal(proposal), told)

    # --- reads ----------------------------------------------------------------------------------

    def read(self, method: str, arguments: bytes, told: type[_M]) -> _M:
        """Ask without order."""
        if not self.client.tickets:
            self.client.contact()
        answer = self.client.read(self.client.request(requests.APP, method, arguments))
        if answer.code:
            raise error_of(answer.code, "refused")
        return told.decode(answer.result)

    def wallets(self, place: requests.Place = (False, 0, bytes(32))) -> tuple[Wallet, ...]:
        """Return the wallets that the client knows behind a place of its list, as many as one page has."""
        return self.page(place).wallets

    def page(self, place: requests.Place = (False, 0, bytes(32))) -> Wallets:
        """Return a page of the client's list of wallets."""
        return self.read(requests.LIST, requests.AskWallets(*place).encode(), Wallets)

    def find(self, account: bytes) -> Wallet:
        """Return the wallet of an account."""
        return self.read(requests.FIND, requests.Find(account).encode(), Wallet)

    def proposal(self, named: bytes) -> Proposal:
        """Return an open proposal."""
        return self.read(requests.PROPOSAL, requests.OfProposal(named).encode(), Proposal)

    def show(self, wallet: Wallet) -> Shown:
        """Return a wallet with its policy."""
        return self.read(requests.SHOW, requests.OfWallet(wallet.wallet).encode(), Shown)

    def audit(self, wallet: Wallet, start: int = 0) -> tuple[AuditEntry, ...]:
        """Return audit entries."""
        asked = requests.AskAudit(wallet.wallet, start).encode()
        return self.read(requests.AUDIT, asked, AuditPage).entries

    def proposals(self, wallet: Wallet) -> tuple[Proposal, ...]:
        """Return the open proposals of a wallet."""
        asked = requests.OfWallet(wallet.wallet).encode()
        return self.read(requests.PROPOSALS, asked, Proposals).proposals
