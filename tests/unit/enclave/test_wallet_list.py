"""The list of a client's wallets, page by page, and the one wallet of an account; nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.core.errors import Error, UsageError
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import Changed, Wallet, Wallets
from tests.host_simulator import HostSimulator, SimulatedClient
from tests.wallet_kit import WalletClient, payment, policy

BEGIN: requests.Place = (False, 0, bytes(32))
COUNT = limits.INDEX_PAGE + 5


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostSimulator]:
    host = HostSimulator(tmp_path, sandbox=False)
    host.start()
    yield host
    host.stop()


@pytest.fixture
def owner(host: HostSimulator) -> WalletClient:
    return WalletClient(host, SimulatedClient(host, b"owner".ljust(32)))


@pytest.fixture
def other(host: HostSimulator) -> WalletClient:
    return WalletClient(host, SimulatedClient(host, b"other".ljust(32)))


def pages(client: WalletClient) -> list[Wallets]:
    listed = [client.page()]
    while listed[-1].more:
        listed.append(client.page(listed[-1].wallets[-1].place_for(client.key)))
    return listed


def names(listed: list[Wallets]) -> list[bytes]:
    return [one.wallet for page in listed for one in page.wallets]


def naming(client: WalletClient) -> bytes:
    return policy([], clients={"named": client.key.hex()})


def test_more_than_a_page_of_wallets_is_found_to_the_last(
    host: HostSimulator, owner: WalletClient, other: WalletClient
) -> None:
    made = [owner.new(naming(other)) for _ in range(COUNT)]
    own = other.new()
    for _ in range(2):
        listed = pages(owner)
        assert [len(page.wallets) for page in listed] == [limits.INDEX_PAGE, 5]
        assert names(listed) == [wallet.wallet for wallet in made]
        assert names(pages(other)) == [own.wallet, *(wallet.wallet for wallet in made)]
        for wallet in (made[0], made[-1]):
            assert owner.find(wallet.accounts[0].address) == wallet
            assert other.find(wallet.accounts[0].address) == wallet
        host.restart()  # rebuilt out of the state, whose order is another one


def test_a_page_ends_where_an_answer_is_full(owner: WalletClient) -> None:
    many = {f"client-{at}": (bytes([at]) * 32).hex() for at in range(limits.WALLET_CLIENTS - 1)}
    made = [owner.new(policy([], clients=many), accounts=64) for _ in range(48)]
    assert sum(len(wallet.encode()) for wallet in made) > limits.ENTRY
    listed = pages(owner)
    assert len(listed) == 2
    assert names(listed) == [wallet.wallet for wallet in made]


def test_who_is_named_no_longer_is_told_no_longer(owner: WalletClient, other: WalletClient) -> None:
    made = [owner.new(naming(other)) for _ in range(3)]
    dropped = made[1]
    owner.change(dropped, policy([]))
    assert names(pages(other)) == [made[0].wallet, made[2].wallet]
    # The place of what has gone from the list is a place still.
    assert names([other.page(dropped.place_for(other.key))]) == [made[2].wallet]
    changed = owner.show(dropped).wallet
    owner.change(changed, naming(other))
    assert names(pages(other)) == [wallet.wallet for wallet in made]
    added = owner.ordered(requests.ACCOUNT, requests.AddAccount(dropped.wallet), Changed).wallet
    assert other.find(added.accounts[1].address) == added
    assert len(names(pages(owner))) == 3


def test_to_others_there_is_nothing(owner: WalletClient, other: WalletClient) -> None:
    wallet = owner.new(policy([]))
    account = wallet.accounts[0].address
    assert other.page() == Wallets((), False)
    # Neither do places behind which a wallet lies, or on which it lies, tell that it is there.
    for place in (wallet.place_for(owner.key), wallet.place_for(other.key), (True, 0, bytes(32))):
        assert other.page(place) == Wallets((), False)
    refusals = []
    for unknown in (account, bytes(20)):
        with pytest.raises(UsageError, match="wallet_unknown") as read:
            other.find(unknown)
        with pytest.raises(UsageError, match="wallet_unknown") as signed:
            other.sign(unknown, payment())
        refusals.append((str(read.value), str(signed.value), len(other.raw_answer)))
    assert refusals[0] == refusals[1]


def test_a_proposal_is_found_by_its_name_and_to_others_it_is_unknown(
    owner: WalletClient, other: WalletClient, host: HostSimulator
) -> None:
    third = WalletClient(host, SimulatedClient(host, b"third".ljust(32)))
    keys = {"named": third.key.hex()}
    wallet = owner.new(
        policy([], changes={"m": 1, "of": "@them"}, clients=keys, sets={"them": ["named"]})
    )
    proposed = owner.change(wallet, policy([])).proposal
    assert proposed is not None
    found = owner.proposal(proposed)
    assert (found.proposal, found.wallet, found.needed) == (proposed, wallet.wallet, 1)
    assert third.proposal(proposed) == found
    refusals = []
    for unknown in (proposed, bytes(32)):
        with pytest.raises(UsageError, match="not_found") as read:
            other.proposal(unknown)
        asked = requests.Approve(unknown, found.digest)
        with pytest.raises(UsageError, match="not_found") as ordered:
            other.ordered(requests.APPROVE, asked, Changed)
        refusals.append((str(read.value), str(ordered.value)))
    assert refusals[0] == refusals[1]


@pytest.mark.parametrize(
    "cursor",
    [
        b"",
        b"\0",
        requests.AskWallets(*BEGIN).encode() + b"\0",
        requests.AskWallets(*BEGIN).encode()[:-1],
        requests.OfWallet(bytes(32)).encode(),
        requests.AskWallets(*BEGIN).encode().replace(b"wallet-after/1", b"wallet-after/2"),
    ],
)
def test_what_is_no_place_is_refused(owner: WalletClient, cursor: bytes) -> None:
    owner.new()
    with pytest.raises(Error, match="malformed"):
        owner.read(requests.LIST, cursor, Wallets)
    assert len(owner.wallets()) == 1


def test_behind_the_last_place_there_is_nothing(owner: WalletClient) -> None:
    owner.new()
    assert owner.page((True, limits.UINT_MAX, b"\xff" * 32)) == Wallets((), False)


def test_a_page_looks_at_no_more_than_it_holds(
    owner: WalletClient, other: WalletClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is named by many wallets costs the enclave a page, wherever it begins."""
    made = [owner.new(naming(other)) for _ in range(COUNT + 20)]
    looked = 0
    encode = Wallet.encode

    def counted(self: Wallet) -> bytes:
        nonlocal looked
        looked += 1
        return encode(self)

    monkeypatch.setattr(Wallet, "encode", counted)
    for start in (BEGIN, made[10].place_for(other.key)):
        looked = 0
        assert len(other.page(start).wallets) == limits.INDEX_PAGE
        assert looked <= limits.INDEX_PAGE + 1
