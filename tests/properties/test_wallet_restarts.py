"""Wallets after a restart: whatever was asked before, every later block leaves the same bytes as without one.

A random walk over all that can be asked of a wallet, refusals among it, with jumps in time past windows, proposals
and idempotency keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import Error
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import Changed, Signed, Wallet
from tests.followed_host import FollowedHost
from tests.host_simulator import SimulatedClient
from tests.wallet_kit import GWEI, STRANGER, VENDOR, WalletClient, payment, policy

FEE = {"lte": hex(10**17)}
HOLDER = bytes(range(20))
RECEIVERS = (VENDOR, STRANGER, HOLDER)
WINDOWS = (3, 40, 600)
DAY_MS = 24 * 3600 * 1000


class Walk:
    """An owner, two who approve, and what they do.

    Args:
        host: followed by a node that is started anew at each block.
        seed: of the walk.
    """

    def __init__(self, host: FollowedHost, seed: int) -> None:
        self.host = host
        self.random = Random(seed)
        names = (b"owner", b"one", b"two")
        self.clients = [WalletClient(host, SimulatedClient(host, name * 8)) for name in names]
        self.owner = self.clients[0]
        self.wallets: list[Wallet] = []
        self.proposals = [bytes(32)]  # and one that never was
        self.seen: Counter[str] = Counter()
        self.moves: list[Callable[[], str]] = [
            *[self.pay] * 6,
            *[self.replace] * 4,
            *[self.approve, self.claim, self.wait] * 2,
            *(self.cancel, self.keyed, self.change, self.sign_text),
            *(self.make, self.add, self.raise_nonce, self.reject, self.nonsense),
        ]

    def step(self) -> None:
        """Do something; whether it is refused does not matter here."""
        move = self.random.choice(self.moves)
        try:
            told = move()
        except Error as problem:
            told = problem.code
        self.seen[f"{move.__name__} {told}"] += 1

    # --- policies -------------------------------------------------------------------------------

    def policy(self) -> bytes:
        """Return a policy of random limits, some of them shared, under which others must approve what is much."""
        pick = self.random
        keys = [client.key.hex() for client in self.clients]
        when: dict[str, Any] = {"fee": FEE, "value": "any", "to": "any"}
        small: dict[str, Any] = {"id": "small", "effect": "allow", "chain": [1, 4], "when": when}
        small["limits"] = [self._limit() for _ in range(pick.randint(1, 3))]
        big: dict[str, Any] = {"id": "big", "effect": "allow", "chain": [1, 4], "when": when}
        big["limits"] = [self._limit()]
        big["approvals"] = {"m": pick.randint(1, 2), "of": "@people", "within": 600}
        cancel: dict[str, Any] = {
            "id": "undo",
            "effect": "allow",
            "method": ["cancel"],
            "chain": [1, 4],
        }
        cancel["when"] = {"fee": "any"}
        text: dict[str, Any] = {
            "id": "text",
            "effect": "allow",
            "message": "any",
            "limits": [self._limit(True)],
        }
        more = {"limits": [self._limit()]} if pick.random() < 0.5 else {}
        return policy([small, big, cancel, text], sets={"people": keys}, time="host", **more)

    def _limit(self, counts: bool = False) -> dict[str, Any]:
        pick = self.random
        window = pick.choice(WINDOWS)
        if counts or pick.random() < 0.3:
            made: dict[str, Any] = {"count": True, "window": window, "max": pick.choice([3, 20])}
        else:
            made = {
                "sum": pick.choice(["value", "value", "fee"]),
                "window": window,
                "max": hex(pick.choice([3000, 10**16, 10**18])),
            }
        if not counts:
            made["per"] = pick.choice(["wallet", "account", "to", "client"])
        if pick.random() < 0.4:
            kind = "count" if "count" in made else "sum"
            made["name"] = f"{kind}-{window}-{made.get('per', 'wallet')}"
        return made

    # --- what is asked --------------------------------------------------------------------------

    def account(self) -> bytes:
        """Return some account."""
        return self.random.choice(self.random.choice(self.wallets).accounts).address

    def document(self, **changed: Any) -> dict[str, Any]:
        """Return a random payment."""
        pick = self.random
        fee = pick.choice([20, 22, 25, 30, 40, 80]) * GWEI
        return payment(
            to=checksummed(pick.choice(RECEIVERS)),
            value=pick.choice([0, 1, 700, 1025, 4000]),
            chainId=pick.choice([1, 1, 4]),
            maxFeePerGas=fee,
            maxPriorityFeePerGas=fee,
            **changed,
        )

    def _asked(self, signed: Signed) -> str:
        if signed.proposal is not None:
            self.proposals.append(signed.proposal)
        return signed.status

    def make(self) -> str:
        self.wallets.append(self.owner.new(self.policy(), accounts=2))
        return "done"

    def pay(self) -> str:
        client = self.random.choice(self.clients)
        return self._asked(client.sign(self.account(), self.document()))

    def replace(self) -> str:
        client = self.random.choice([self.owner, *self.clients])
        nonce = self.random.randint(0, 2)
        return self._asked(client.sign(self.account(), self.document(nonce=nonce), replace=True))

    def cancel(self) -> str:
        client = self.random.choice([self.owner, *self.clients])
        fee = self.random.choice([30, 50, 100]) * GWEI
        fees = {"maxFeePerGas": fee, "maxPriorityFeePerGas": fee}
        asked = {"chainId": 1, "nonce": self.random.randint(0, 3), **fees}
        return self._asked(client.sign(self.account(), asked, "cancel"))

    def keyed(self) -> str:
        document = payment(value=self.random.choice([1, 2]))
        key = self.random.choice(["a", "b"])
        return self._asked(self.owner.sign(self.account(), document, key=key))

    def sign_text(self) -> str:
        return self._asked(self.owner.sign(self.account(), {"message": "0x68690a"}, "message"))

    def change(self) -> str:
        place = self.random.randrange(len(self.wallets))
        wallet = self.wallets[place]
        self.wallets[place] = self.owner.change(wallet, self.policy()).wallet
        return "done"

    def add(self) -> str:
        place = self.random.randrange(len(self.wallets))
        asked = requests.AddAccount(self.wallets[place].wallet)
        self.wallets[place] = self.owner.ordered(requests.ACCOUNT, asked, Changed).wallet
        return "done"

    def raise_nonce(self) -> str:
        asked = requests.RaiseNonce(self.account(), 1, self.random.randint(1, 9))
        return self.owner.ordered(requests.NONCE, asked, Changed).status

    def approve(self) -> str:
        client = self.random.choice(self.clients[1:])
        return client.approve(client.proposal(self.random.choice(self.proposals))).status

    def claim(self) -> str:
        client = self.random.choice(self.clients)
        return client.claim(self.random.choice(self.proposals), Signed).status

    def reject(self) -> str:
        asked = requests.OfProposal(self.random.choice(self.proposals))
        return self.owner.ordered(requests.REJECT, asked, Changed).status

    def nonsense(self) -> str:
        return self.owner.sign(self.account(), b'{"to": 1}').status

    def wait(self) -> str:
        self.host.time_ms += self.random.choice(
            [500, 2_000, 2_000, 45_000, 45_000, 700_000, 31 * DAY_MS]
        )
        for client in self.clients:
            client.client.tickets.clear()
        return "done"

    def compare_reads(self) -> None:
        """Expect of a node that is started anew what this one says without order."""
        self.host.time_ms += 1000 - self.host.time_ms % 1000
        self.host.block()  # what has ended by this second goes, and nothing before the next one
        before = [self._told(wallet) for wallet in self.wallets]
        self.host.restart()
        assert [self._told(wallet) for wallet in self.wallets] == before

    def _told(self, wallet: Wallet) -> tuple[Any, ...]:
        audit = [
            entry for start in range(0, 1000, 100) for entry in self.owner.audit(wallet, start)
        ]
        assert [entry.place for entry in audit] == list(range(len(audit)))
        listed = [client.wallets() for client in self.clients]
        return audit, self.owner.show(wallet), self.owner.proposals(wallet), listed


@pytest.mark.parametrize("seed", range(3))
def test_a_node_that_is_started_at_each_block_signs_and_refuses_alike(
    tmp_path_factory: pytest.TempPathFactory, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few that all of them are reached.
    monkeypatch.setattr(limits, "WALLET_METERS", 10)
    monkeypatch.setattr(limits, "WALLET_PROPOSALS_EACH", 2)
    monkeypatch.setattr(limits, "WALLET_PROPOSALS", 3)
    monkeypatch.setattr(limits, "EXPIRED_PER_BLOCK", 2)
    host = FollowedHost(tmp_path_factory.mktemp("walk"))
    host.start()
    walk = Walk(host, seed)
    walk.make()
    for _ in range(100):
        walk.step()
    monkeypatch.undo()
    walk.compare_reads()
    assert host.followed > 60
    host.stop()
    for move in ("pay signed", "pay refused", "replace signed", "replace nonce_used"):
        assert walk.seen[move], walk.seen
