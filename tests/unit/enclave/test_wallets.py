"""Wallets in the enclave: made, imported, known to their own clients, and still there after a restart."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.core.errors import Error, PolicyError, UsageError
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.hd import account_path, master
from adyton.protocol.ethereum.messages import personal_hash
from adyton.protocol.ethereum.mnemonic import seed_of
from adyton.protocol.ethereum.signature import Signature, public_key, recover
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import Changed
from tests.host_simulator import HostSimulator, SimulatedClient
from tests.wallet_kit import STRANGER, WalletClient, payment, plain_policy, policy

PHRASE = "test test test test test test test test test test test junk"
FIRST = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


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


def test_a_payment_is_signed_by_the_account(owner: WalletClient) -> None:
    wallet = owner.new(plain_policy())
    account = wallet.accounts[0].address
    signed = owner.sign(account, payment())
    assert (signed.status, signed.rule, signed.nonce, signed.chain_id) == ("signed", "pay", 0, 1)
    read = decode_signed(signed.raw)
    assert read.sender == account
    assert (read.transaction.value, read.transaction.nonce) == (1025, 0)
    assert read.transaction.signing_hash == signed.digest
    assert signed.policy_hash == wallet.policy_hash
    assert any(signed.policy_hash)


def test_without_a_policy_nothing_is_signed(owner: WalletClient) -> None:
    wallet = owner.new()
    signed = owner.sign(wallet.accounts[0].address, payment())
    assert (signed.status, signed.signature, signed.raw) == ("refused", b"", b"")
    assert "no policy yet" in signed.reason


def test_what_the_policy_does_not_allow_is_refused_with_the_reason(owner: WalletClient) -> None:
    wallet = owner.new(plain_policy())
    signed = owner.sign(wallet.accounts[0].address, payment(to=checksummed(STRANGER)))
    assert (signed.status, signed.signature, signed.raw, signed.nonce) == (
        "refused",
        b"",
        b"",
        None,
    )
    assert signed.reason
    [made, refused] = owner.audit(wallet)
    assert (made.method, refused.method, refused.status) == ("new", "transaction", "refused")
    assert (refused.to, refused.reason) == (STRANGER, signed.reason)


def test_a_wallet_is_unknown_to_others(owner: WalletClient, other: WalletClient) -> None:
    wallet = owner.new(plain_policy())
    account = wallet.accounts[0].address
    assert other.wallets() == ()
    for attempt in (
        lambda: other.sign(account, payment()),
        lambda: other.show(wallet),
        lambda: other.audit(wallet),
        lambda: other.proposals(wallet),
        lambda: other.change(wallet, plain_policy()),
        lambda: other.export(wallet),
    ):
        with pytest.raises(UsageError, match="wallet_unknown"):
            attempt()
    assert len(owner.audit(wallet)) == 1


def test_wallets_are_the_same_after_a_restart(host: HostSimulator, owner: WalletClient) -> None:
    wallet = owner.new(plain_policy(), kind=requests.HD, accounts=2)
    account = wallet.accounts[0].address
    owner.sign(account, payment())
    audited = owner.audit(wallet)
    host.restart()
    assert owner.wallets() == (wallet,)
    assert owner.audit(wallet) == audited
    assert owner.sign(account, payment()).nonce == 1
    assert [entry.place for entry in owner.audit(wallet)] == [0, 1, 2]


def test_accounts_of_a_phrase_lie_where_other_wallets_have_them(owner: WalletClient) -> None:
    asked = requests.Import(requests.PHRASE, PHRASE.encode(), b"", 3, plain_policy(), "single-host")
    wallet = owner.ordered(requests.IMPORT, asked, Changed).wallet
    assert checksummed(wallet.accounts[0].address) == FIRST
    assert [account.path for account in wallet.accounts] == [
        f"m/44'/60'/0'/0/{place}" for place in range(3)
    ]
    more = owner.ordered(requests.ACCOUNT, requests.AddAccount(wallet.wallet), Changed).wallet
    key = master(seed_of(PHRASE)).derive(account_path(3))
    assert more.accounts[3].address == address_of(public_key(key.secret))
    assert owner.sign(more.accounts[3].address, payment()).status == "signed"


def test_an_imported_key_signs_and_has_one_account(owner: WalletClient) -> None:
    secret = bytes(range(1, 33))
    wallet = owner.import_key(secret, plain_policy())
    assert wallet.accounts[0].address == address_of(public_key(secret))
    with pytest.raises(UsageError, match="wallet_full"):
        owner.ordered(requests.ACCOUNT, requests.AddAccount(wallet.wallet), Changed)
    assert owner.sign(wallet.accounts[0].address, payment()).status == "signed"


def test_a_key_lies_in_one_wallet_only(owner: WalletClient, other: WalletClient) -> None:
    owner.import_key(bytes(range(1, 33)), plain_policy())
    with pytest.raises(UsageError, match="exists"):
        other.import_key(bytes(range(1, 33)), plain_policy())


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32, b"short", b""])
def test_what_is_no_key_is_not_imported(owner: WalletClient, secret: bytes) -> None:
    with pytest.raises(Error):
        owner.import_key(secret, plain_policy())
    assert owner.wallets() == ()


def test_two_wallets_have_different_keys(owner: WalletClient) -> None:
    accounts = {owner.new(plain_policy()).accounts[0].address for _ in range(3)}
    accounts |= {owner.new(plain_policy(), kind=requests.HD).accounts[0].address}
    assert len(accounts) == 4


def test_messages_and_typed_data_need_rules_of_their_own(owner: WalletClient) -> None:
    rules = [{"id": "login", "effect": "allow", "message": {"prefix": "login "}}]
    text = json.dumps({"v": 1, "rules": rules}).encode()
    account = owner.new(text).accounts[0].address
    message = "0x" + b"login at noon".hex()
    signed = owner.sign(account, {"message": message}, "message")
    assert (signed.status, signed.raw, signed.nonce) == ("signed", b"", None)
    public = recover(personal_hash(b"login at noon"), Signature.from_bytes(signed.signature))
    assert address_of(public) == account
    refused = owner.sign(account, {"message": "0x" + b"give away".hex()}, "message")
    assert refused.status == "refused"


def test_in_public_every_request_looks_the_same(host: HostSimulator, owner: WalletClient) -> None:
    wallet = owner.new(plain_policy())
    account = wallet.accounts[0].address
    owner.sign(account, payment())
    allowed = len(owner.raw_answer)
    owner.sign(account, payment(to=checksummed(STRANGER)))
    refused = len(owner.raw_answer)
    with pytest.raises(Error):
        owner.sign(account, payment(value=1.5))
    failed = len(owner.raw_answer)
    assert allowed == refused == failed


def test_a_secret_leaves_only_where_the_policy_says_so(owner: WalletClient) -> None:
    secret = bytes(range(1, 33))
    wallet = owner.import_key(secret, plain_policy())
    with pytest.raises(PolicyError, match="export_refused"):
        owner.export(wallet)
    open_wallet = owner.import_key(secret[::-1], plain_policy(export="owner"))
    assert owner.export(open_wallet).secret == secret[::-1]
    made = owner.new(plain_policy(export="owner"), kind=requests.HD)
    words = owner.export(made)
    assert words.kind == requests.PHRASE
    key = master(seed_of(words.secret.decode())).derive(account_path(0))
    assert address_of(public_key(key.secret)) == made.accounts[0].address
    assert [entry.method for entry in owner.audit(made)] == ["new", "export"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"nonce": 2**64}, "nonce"),
        ({"value": 2**256}, "value"),
        ({"maxPriorityFeePerGas": 21 * 10**9}, "maxPriorityFeePerGas is over maxFeePerGas"),
        ({"chainId": None}, "chainId"),
        ({"data": "0x123"}, "odd number"),
        ({"to": "0xf125691d24a6b5cdcb87a89cb825fdf4487c2a34"}, "all lowercase"),
        ({"to": "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2a34"}, "wrong checksum"),
        ({"value": 1.5}, "fraction"),
        ({"value": "1.5"}, "whole"),
        ({"type": 3}, "blobs"),
        ({"type": 4}, "set code"),
        ({"from": checksummed(STRANGER)}, "another account"),
        ({"colour": "red"}, "no field"),
        ({"to": None}, "lacks 'to'"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_field(
    owner: WalletClient, changed: dict[str, object], told: str
) -> None:
    account = owner.new(plain_policy()).accounts[0].address
    with pytest.raises(Error, match=told):
        owner.sign(account, payment(**changed))


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"to":1,"to":2}', b"\xff", b"null", b"[" * 9000]
)
def test_what_is_not_a_document_is_refused(owner: WalletClient, text: bytes) -> None:
    account = owner.new(plain_policy()).accounts[0].address
    with pytest.raises(Error):
        owner.sign(account, text)


def test_what_no_account_can_pay_leaves_the_audit_readable(owner: WalletClient) -> None:
    wallet = owner.new(plain_policy())
    account = wallet.accounts[0].address
    with pytest.raises(UsageError, match="together"):
        owner.sign(account, payment(value=2**256 - 1))
    most = 2**256 - 1 - 21_000 * 20 * 10**9
    assert owner.sign(account, payment(value=most)).status == "refused"
    assert int.from_bytes(owner.audit(wallet)[1].max_cost, "big") == 2**256 - 1


def test_own_wallets_are_listed_before_those_of_strangers(
    owner: WalletClient, other: WalletClient
) -> None:
    named = [other.new(policy([], clients={"victim": owner.key.hex()})) for _ in range(6)]
    own = [owner.new() for _ in range(2)]
    # The oldest first: a wallet that paid yesterday is not hidden by a hundred of today.
    assert list(owner.wallets()) == [*own, *named]
