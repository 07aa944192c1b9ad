"""What a client believes of wallets: signatures of what it asked for, by whom it asked, as the ledger has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import PaymentRefused
from adyton.client.wallet_changes import Changing, Exporting
from adyton.client.wallet_making import import_wallet, new_wallet, open_wallet, wallets
from adyton.client.wallet_resume import pending, resume
from adyton.client.wallet_signed import Signing
from adyton.core.errors import MalformedError, UnavailableError, UsageError, VerificationError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.wallet.answers import AuditEntry, Changed, Proposal
from tests.adversary.server_simulator import open_session
from tests.adversary.wallet_server import WalletServer

VENDOR = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
POLICY = b'{"v":1,"rules":[]}'
PHRASE = b"test test test test test test test test test test test junk"
FIRST_OF_PHRASE = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
TYPED = {
    "types": {"EIP712Domain": [{"name": "chainId", "type": "uint256"}],
              "Order": [{"name": "amount", "type": "uint256"}]},
    "primaryType": "Order",
    "domain": {"chainId": 5},
    "message": {"amount": 7},
}  # fmt: skip


def payment(**changed: Any) -> dict[str, Any]:
    document = {
        "to": VENDOR, "value": 1025, "chainId": 4, "gas": 21_000, "maxFeePerGas": 20,
        "maxPriorityFeePerGas": 2,
    }  # fmt: skip
    return {name: value for name, value in (document | changed).items() if value is not None}


@pytest.fixture
def server(tmp_path: Path) -> WalletServer:
    (tmp_path / "server").mkdir()
    return WalletServer(tmp_path / "server")


@pytest.fixture
def session(tmp_path: Path, server: WalletServer) -> Iterator[Session]:
    with open_session(tmp_path / "home", server) as made:
        yield made


@pytest.fixture
def wallet(session: Session) -> Wallet:
    return new_wallet(session, policy=POLICY)[0]


# --- making -------------------------------------------------------------------------------------


def test_a_wallet_is_made_listed_and_found(session: Session) -> None:
    first, made = new_wallet(session, kind="hd", accounts=2, policy=POLICY)
    assert (first.known.kind, len(first.accounts), made.told.status) == ("hd", 2, "done")
    second, _ = new_wallet(session)
    assert second.known.policy_hash == bytes(32)
    assert {one.id for one in wallets(session)} == {first.id, second.id}
    assert open_wallet(session, first.id).known == first.known
    assert open_wallet(session, first.accounts[1]).id == first.id
    for unknown in (bytes(32), bytes(20)):
        with pytest.raises(UsageError) as refused:
            open_wallet(session, unknown)
        assert refused.value.code == "wallet_unknown"


def test_two_wallets_are_made_of_other_entropy(session: Session, server: WalletServer) -> None:
    from adyton.protocol.wallet.requests import New

    for _ in range(2):
        new_wallet(session)
    given = [New.decode(one.request.arguments).entropy for one in server.recorded.values()]
    assert len(set(given)) == 2
    assert bytes(32) not in given


@pytest.mark.parametrize(
    "lie",
    [
        {"wallet": bytes(32)},
        {"owner": bytes(32)},
        {"kind": "hd"},
        {"ordering": "bft"},
        {"policy_hash": bytes(32)},
        {"version": 2},
        {"accounts": ()},
    ],
)
def test_a_wallet_is_made_as_it_was_asked_for(
    session: Session, server: WalletServer, wallet: Wallet, lie: dict[str, Any]
) -> None:
    made = server.carried_out

    def lying(*given: Any) -> Any:
        told = made(*given)
        assert isinstance(told, Changed)
        return replace(told, wallet=replace(told.wallet, **lie))

    vars(server)["carried_out"] = lying
    with pytest.raises(VerificationError, match="another wallet"):
        new_wallet(session, policy=POLICY)


def test_an_imported_secret_is_the_one_that_was_given(
    session: Session, server: WalletServer
) -> None:
    key, _ = import_wallet(session, b"\x46" * 32, kind="key", policy=POLICY)
    assert checksummed(key.account) == "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
    words, _ = import_wallet(session, PHRASE, kind="phrase", accounts=3)
    assert words.account == FIRST_OF_PHRASE
    assert len(words.accounts) == 3
    salted, _ = import_wallet(session, PHRASE, kind="phrase", passphrase=b"salt")
    assert salted.account != words.account
    another = server.held[key.id].known.accounts
    made = server.carried_out

    def lying(*given: Any) -> Any:
        told = made(*given)
        assert isinstance(told, Changed)
        return replace(told, wallet=replace(told.wallet, accounts=another))

    vars(server)["carried_out"] = lying
    with pytest.raises(VerificationError, match="not those of its secret"):
        import_wallet(session, PHRASE, kind="phrase")


def holding(session: Session, secret: bytes) -> list[str]:
    """Return the names of the client's files that hold these bytes."""
    files = [path for path in session.keystore.home.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if secret in path.read_bytes()]


def test_an_imported_secret_does_not_stay_on_the_client_s_disk(
    session: Session, server: WalletServer
) -> None:
    one, two = b"\x46\x47\x48\x49" * 8, b"\x56\x57\x58\x59" * 8
    import_wallet(session, one, kind="key")
    assert holding(session, one) == []
    server.drops = ["POST /task"] * 20
    with pytest.raises(UnavailableError):
        import_wallet(session, two, kind="key")
    server.drops = []
    assert holding(session, two)  # to be asked again; the files are this user's alone
    (record,) = pending(session)
    resume(session, record)
    assert holding(session, two) == []


@pytest.mark.parametrize(
    ("secret", "kind"),
    [(b"\0" * 32, "key"), (b"\1" * 31, "key"), (b"test test", "phrase"), (b"\xff", "phrase")],
)
def test_what_is_no_secret_is_not_sent(
    session: Session, server: WalletServer, secret: bytes, kind: str
) -> None:
    with pytest.raises(UsageError) as refused:
        import_wallet(session, secret, kind=kind)
    assert secret.hex() not in str(refused.value)
    assert not server.recorded


def test_an_account_more(wallet: Wallet, server: WalletServer) -> None:
    before = wallet.accounts
    added, _ = wallet.add_account()
    assert wallet.accounts == (*before, added.address)
    server.told = {"wallet": replace(wallet.known, accounts=wallet.known.accounts[:1])}
    with pytest.raises(VerificationError, match="one more account"):
        wallet.add_account()


# --- signatures ---------------------------------------------------------------------------------


def test_a_transaction_is_signed_and_its_nonce_chosen(wallet: Wallet) -> None:
    first = wallet.sign_transaction(wallet.account, payment())
    second = wallet.sign_transaction(wallet.account, payment(value="0x401"))
    assert [first.told.nonce, second.told.nonce] == [0, 1]
    assert first.transaction is not None
    assert decode_signed(first.raw).sender == wallet.account
    assert first.transaction.transaction.value == 1025
    assert wallet.next_nonce(wallet.account, 4) == 2
    assert wallet.next_nonce(wallet.account, 5) == 0
    wallet.raise_nonce(wallet.account, 5, 9)
    assert wallet.sign_transaction(wallet.account, payment(chainId=5)).told.nonce == 9


@pytest.mark.parametrize(
    "changed",
    [
        {"to": b"\1" * 20},
        {"to": None},
        {"value": 1026},
        {"data": b"\1"},
        {"gas": 21_001},
        {"max_fee": 21},
        {"tip": 3},
        {"chain_id": 5},
        {"kind": 1, "tip": None},
        {"access_list": ((b"\1" * 20, ()),)},
    ],
)
def test_another_transaction_than_was_asked_for_is_refused(
    wallet: Wallet, server: WalletServer, changed: dict[str, Any]
) -> None:
    def change(transaction: Transaction) -> Transaction:
        return replace(transaction, **changed)

    server.changed = change
    with pytest.raises(VerificationError, match="another transaction is signed"):
        wallet.sign_transaction(wallet.account, payment())


def test_only_a_nonce_that_was_left_open_may_be_chosen(
    wallet: Wallet, server: WalletServer
) -> None:
    server.changed = lambda transaction: replace(transaction, nonce=9)
    assert wallet.sign_transaction(wallet.account, payment()).told.nonce == 9
    with pytest.raises(VerificationError, match="nonce is another one"):
        wallet.sign_transaction(wallet.account, payment(nonce=3))


def test_a_transaction_is_signed_by_the_account_that_was_asked(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    other, _ = new_wallet(session)
    server.held[wallet.id].keys = server.held[other.id].keys
    with pytest.raises(VerificationError, match="another account"):
        wallet.sign_transaction(wallet.account, payment())
    with pytest.raises(VerificationError, match="another account's"):
        wallet.sign_message(wallet.account, b"hello")
    with pytest.raises(VerificationError, match="another account's"):
        wallet.sign_typed_data(wallet.account, TYPED)


@pytest.mark.parametrize(
    "told",
    [
        {"digest": bytes(32)},
        {"chain_id": 5},
        {"chain_id": None},
        {"nonce": 7},
        {"signature": bytes(64) + b"\x1b"},
        {"raw": b""},
        {"raw": b"\x02\xc0"},
        {"status": "pending"},
        {"status": "done"},
        {"proposal": bytes(32)},
    ],
)
def test_what_is_told_of_a_transaction_is_true(
    wallet: Wallet, server: WalletServer, told: dict[str, Any]
) -> None:
    server.told = told
    with pytest.raises(VerificationError):
        wallet.sign_transaction(wallet.account, payment())


@pytest.mark.parametrize(
    "told",
    [
        {"digest": bytes(32)},
        {"chain_id": 1},
        {"nonce": 0},
        {"raw": b"\1"},
        {"signature": b""},
        {"signature": b"\1" * 64 + b"\x1d"},
    ],
)
def test_what_is_told_of_a_message_is_true(
    wallet: Wallet, server: WalletServer, told: dict[str, Any]
) -> None:
    assert len(wallet.sign_message(wallet.account, b"hello").signature) == 65
    assert wallet.sign_typed_data(wallet.account, TYPED).told.chain_id == 5
    server.told = told
    with pytest.raises(VerificationError):
        wallet.sign_message(wallet.account, b"hello")
    with pytest.raises(VerificationError):
        wallet.sign_typed_data(wallet.account, TYPED)


def test_a_message_is_signed_as_everywhere(session: Session) -> None:
    key = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
    wallet, _ = import_wallet(session, key, kind="key")
    signed = wallet.sign_message(wallet.account, b"Some data").signature
    assert signed.hex() == (
        "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
        "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
    )


@pytest.mark.parametrize(
    ("document", "match"),
    [
        (payment(to=VENDOR.lower()), "checksum"),
        (payment(to=VENDOR[:-1] + "5"), "wrong checksum"),
        (payment(value=1.5), "fraction"),
        (payment(value="1.5"), "not whole"),
        (payment(chainId=None), "chainId"),
        (payment(maxFeePerGas=None), "maxFeePerGas"),
        (payment(nonce=2**64), "nonce"),
        (payment(value=2**256), "value"),
        (payment(maxPriorityFeePerGas=21), "maxPriorityFeePerGas"),
        (payment(gas=None), "gas"),
        (payment(colour="red"), "colour"),
        ({**payment(), "from": VENDOR}, "another account"),
        ('{"to": 1, "to": 2}', "twice"),
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
    ],
)
def test_a_document_that_says_no_one_thing_is_not_sent(
    wallet: Wallet, server: WalletServer, document: Any, match: str
) -> None:
    before = len(server.recorded)
    with pytest.raises((UsageError, MalformedError), match=match):
        wallet.sign_transaction(wallet.account, document)
    assert len(server.recorded) == before


def test_the_article_s_document(wallet: Wallet) -> None:
    document = {
        "gasPrice": "01", "gasLimit": "0186a0", "value": "0401", "chainId": "04",
        "to": VENDOR[2:].lower(), "data": "fe05a1c31bd2",
    }  # fmt: skip
    signing = wallet.sign_transaction(wallet.account, document, profile="article")
    assert signing.transaction is not None
    made = signing.transaction.transaction
    assert (made.value, made.gas, made.data) == (1025, 100_000, b"fe05a1c31bd2")
    for wrong in ({"value": 1}, {"value": "0x01"}, {"to": "00"}):
        with pytest.raises(UsageError):
            wallet.sign_transaction(wallet.account, document | wrong, profile="article")


def test_a_cancel_moves_nothing(wallet: Wallet) -> None:
    wallet.sign_transaction(wallet.account, payment())
    fees = {"maxFeePerGas": 22, "maxPriorityFeePerGas": 3}
    signing = wallet.cancel(wallet.account, 4, 0, fees)
    assert signing.transaction is not None
    made = signing.transaction.transaction
    assert (made.to, made.value, made.data, made.nonce) == (wallet.account, 0, b"", 0)


def test_one_key_one_signature(wallet: Wallet) -> None:
    first = wallet.sign_transaction(wallet.account, payment(), key="order 7")
    second = wallet.sign_transaction(wallet.account, payment(), key="order 7")
    assert first.raw == second.raw


def test_a_refusal_is_told_with_its_rule_and_proof(wallet: Wallet, server: WalletServer) -> None:
    server.told = {
        "status": "refused", "reason": "value is over the limit", "signature": b"", "raw": b"",
    }  # fmt: skip
    with pytest.raises(PaymentRefused, match="over the limit") as refused:
        wallet.sign_transaction(wallet.account, payment())
    assert (refused.value.code, refused.value.carried.fields["status"]) == (
        "payment_refused", b"refused",
    )  # fmt: skip
    assert refused.value.signed is not None
    assert refused.value.signed.rule == "pay"
    server.told = {}
    server.answer = {"code": "payment_refused", "reason": "no rule", "body": b""}
    with pytest.raises(PaymentRefused, match="no rule") as refused:
        wallet.sign_transaction(wallet.account, payment())
    assert refused.value.signed is None
    server.answer = {"code": "nonce_used", "reason": "used", "body": b""}
    with pytest.raises(UsageError, match="used"):
        wallet.sign_transaction(wallet.account, payment())


@pytest.mark.parametrize(
    "claimed",
    [{"digest": bytes(32)}, {"rule": b"x"}, {"document": b"{}"}, {"caller": bytes(32)}],
)
def test_the_entry_commits_to_what_was_asked_and_answered(
    wallet: Wallet, server: WalletServer, claimed: dict[str, bytes]
) -> None:
    server.claimed = claimed
    with pytest.raises(VerificationError, match="does not commit"):
        wallet.sign_transaction(wallet.account, payment())


def test_an_answer_is_of_the_kind_that_was_asked_for(wallet: Wallet, server: WalletServer) -> None:
    signed = wallet.sign_message(wallet.account, b"x").told
    server.answer = {"body": signed.encode()}
    for ask in (wallet.add_account, wallet.export, lambda: wallet.change_policy(POLICY)):
        with pytest.raises(VerificationError, match="another request"):
            ask()
    server.answer = {"body": b"\x82\x63abc\x01"}
    with pytest.raises(VerificationError, match="unknown form"):
        wallet.add_account()


# --- policy, export, approvals ------------------------------------------------------------------


def test_a_policy_is_put_in_the_place_of_its_forerunner(
    wallet: Wallet, server: WalletServer
) -> None:
    other = b'{"v":1,"rules":[{}]}'
    changed = wallet.change_policy(other)
    assert (wallet.known.version, changed.told.warnings) == (2, ("any receiver",))
    assert wallet.show().policy == other
    server.told = {"wallet": wallet.known}
    with pytest.raises(VerificationError, match="another policy"):
        wallet.change_policy(POLICY)


def test_a_secret_that_comes_out_is_the_wallet_s(session: Session, server: WalletServer) -> None:
    wallet, _ = new_wallet(session, kind="hd", accounts=2)
    told = wallet.export().told
    assert len(told.secret.split()) == 24
    server.told = {"secret": PHRASE}
    with pytest.raises(VerificationError, match="not those of its secret"):
        wallet.export()
    server.told = {"status": "pending"}
    with pytest.raises(VerificationError, match="pending, and yet shown"):
        wallet.export()


def approve(wallet: Wallet, named: bytes | None) -> Proposal:
    assert named is not None
    seen = wallet.proposal(named)
    wallet.approve(seen)
    return wallet.proposal(named)


def test_what_others_approve_is_claimed(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 2
    waiting = wallet.sign_transaction(wallet.account, payment())
    assert waiting.pending is not None
    assert (waiting.raw, waiting.signature, waiting.transaction) == (b"", b"", None)
    assert wallet.claim(waiting.pending).pending == waiting.pending
    with pytest.raises(UnavailableError, match="0 of 2"):
        wallet.wait_claim(waiting.pending, timeout_s=0)
    approve(wallet, waiting.pending)
    looks: list[int] = []

    def look(seen: Proposal) -> None:
        looks.append(len(seen.approved))
        approve(wallet, seen.proposal)

    signing = wallet.wait_claim(waiting.pending, timeout_s=60, waiting=look, sleep=lambda _: None)
    assert isinstance(signing, Signing)
    assert signing.transaction is not None
    assert looks == [1]
    assert wallet.proposals() == ()


def test_a_claim_is_held_against_what_was_proposed(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 1
    for lie in ({"value": 1}, {"to": b"\1" * 20}):
        waiting = wallet.sign_transaction(wallet.account, payment())
        seen = approve(wallet, waiting.pending)
        server.changed = lambda one, lie=lie: replace(one, **lie)
        with pytest.raises(VerificationError, match="another transaction"):
            wallet.claim(seen)
        server.changed = None


def test_policies_and_exports_wait_for_approvals_too(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 1
    change = wallet.change_policy(b'{"v":1}')
    assert wallet.known.version == 1
    claimed = wallet.claim(approve(wallet, change.pending))
    assert isinstance(claimed, Changing)
    assert (wallet.known.version, claimed.pending) == (2, None)
    waiting = wallet.export()
    assert waiting.told.secret == b""
    exported = wallet.claim(approve(wallet, waiting.pending))
    assert isinstance(exported, Exporting)
    assert exported.told.secret
    assert exported.told.secret.hex() not in repr(exported)


def test_an_approval_is_of_what_was_read(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 1
    named = wallet.sign_transaction(wallet.account, payment()).pending
    assert named is not None
    seen = wallet.proposal(named)
    for other in (
        replace(seen, content=b"{}"),
        replace(seen, requester=bytes(32)),
        replace(seen, method="export"),
    ):
        with pytest.raises(VerificationError, match="other content"):
            wallet.approve(other)
    server.waiting[named] = replace(seen, wallet=bytes(32))
    server.shown["proposals"] = {"proposals": (server.waiting[named],)}
    with pytest.raises(VerificationError, match="another wallet"):
        wallet.proposals()
    server.shown = {}
    server.waiting[named] = seen
    wallet.reject(named)
    with pytest.raises(UsageError, match="no open proposal"):
        wallet.proposal(named)


# --- lost answers -------------------------------------------------------------------------------


def test_a_lost_answer_is_asked_for_again(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    server.drops = ["POST /task"] * 20
    with pytest.raises(UnavailableError):
        wallet.sign_transaction(wallet.account, payment())
    server.drops = []
    (record,) = pending(session)
    assert (record.method, record.name) == ("sign", "transaction")
    again, signing = resume(session, record)
    assert isinstance(signing, Signing)
    assert (again.id, signing.told.nonce) == (wallet.id, 0)
    assert pending(session) == []
    assert wallet.next_nonce(wallet.account, 4) == 1


def test_a_lost_claim_is_held_against_its_proposal(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    server.approvals = 1
    waiting = wallet.sign_transaction(wallet.account, payment())
    seen = approve(wallet, waiting.pending)
    server.drops = ["POST /task"] * 20
    with pytest.raises(UnavailableError):
        wallet.claim(seen)
    server.drops = []
    (record,) = pending(session)
    _, signing = resume(session, record)
    assert isinstance(signing, Signing)
    assert signing.transaction is not None
    assert not list((session.keystore.home / "chains").glob("*/claims/*"))


def test_lost_changes_are_asked_for_again(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    def lose(ask: Any) -> Any:
        server.drops = ["POST /task"] * 20
        with pytest.raises(UnavailableError):
            ask()
        server.drops = []
        (record,) = pending(session)
        return resume(session, record)

    _, made = lose(lambda: new_wallet(session, kind="hd"))
    assert made.told.wallet.kind == "hd"
    _, made = lose(wallet.add_account)
    assert len(made.told.wallet.accounts) == 2
    again, _ = lose(lambda: wallet.change_policy(b"{}"))
    assert again.known.version == 2
    assert again.next_nonce(wallet.account, 9) == 0
    lose(lambda: wallet.raise_nonce(wallet.account, 9, 4))
    assert again.next_nonce(wallet.account, 9) == 4
    words, _ = new_wallet(session, kind="hd", accounts=2)
    _, exported = lose(words.export)
    assert exported.told.secret.decode() == server.held[words.id].phrase


# --- audit --------------------------------------------------------------------------------------


def entry(place: int) -> AuditEntry:
    return AuditEntry(
        place, 1, 2, bytes(32), bytes(32), "transaction", "signed", "", "pay", 1, bytes(32),
        bytes(20), 4, 0, bytes(20), b"\1", b"\2", bytes(32), None,
    )  # fmt: skip


def test_an_audit_has_no_gaps(wallet: Wallet, server: WalletServer) -> None:
    server.audited = [entry(place) for place in range(3)]
    assert [one.place for one in wallet.audit().entries] == [0, 1]
    assert [one.place for one in wallet.audit(2).entries] == [2]
    assert wallet.audit(7).entries == ()
    server.audited = [entry(0), entry(2)]
    with pytest.raises(VerificationError, match="not in order"):
        wallet.audit()
    server.audited = [entry(0)]
    server.shown["audit"] = {"total": 0}
    with pytest.raises(VerificationError, match="not in order"):
        wallet.audit()
