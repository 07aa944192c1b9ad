"""The facade's signer over a session: wallets, refusals, approvals, and answers that are lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.certificate import CertificatePolicy
from adyton.client.rpc import enclave_signer
from adyton.client.rpc.enclave_signer import EnclaveSigner
from adyton.client.rpc.signer import AwaitingApproval, Refused, Signer, Unanswered
from adyton.client.wallet import Wallet
from adyton.client.wallet_making import import_wallet, new_wallet
from adyton.client.wallet_receipt import verify_wallet_receipt
from adyton.client.wallet_resume import pending
from adyton.client.wallet_sent import kept_signed
from adyton.core.errors import UnavailableError, UsageError, VerificationError
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.messages import personal_hash
from adyton.protocol.ethereum.signature import Signature, recover
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.ethereum.typed_data import read_typed_data
from tests.adversary.server_simulator import now_ms, open_session
from tests.adversary.wallet_server import WalletServer
from tests.unit.client.rpc.parts import TO
from tests.unit.client.rpc.test_methods import TYPED

CHAIN = 4
LOST = ["POST /task"] * 20


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
    return new_wallet(session, policy=b'{"v":1,"rules":[]}')[0]


@pytest.fixture
def signer(session: Session, wallet: Wallet) -> Signer:
    return EnclaveSigner(session)


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "type": "0x2",
        "chainId": hex(CHAIN),
        "to": TO,
        "value": "0x5",
        "gas": "0x5208",
        "maxFeePerGas": "0x14",
        "maxPriorityFeePerGas": "0x2",
        "data": "0x",
        "accessList": [],
        **changes,
    }


def test_accounts_of_all_wallets_are_listed(
    session: Session, wallet: Wallet, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signer.accounts() == [wallet.account]
    other, _ = new_wallet(session, kind="hd", accounts=2)
    assert signer.accounts() == [wallet.account]
    monkeypatch.setattr(enclave_signer, "_LISTED_S", 0.0)
    assert sorted(signer.accounts()) == sorted([wallet.account, *other.accounts])


def test_a_transaction_is_signed(wallet: Wallet, signer: Signer) -> None:
    for nonce in range(2):
        assert signer.next_nonce(wallet.account, CHAIN) == nonce
        made = signer.sign_transaction(wallet.account, payment())
        assert made.nonce == nonce
        assert decode_signed(made.raw).sender == wallet.account
        assert decode_signed(made.raw).hash == made.hash
        assert made.transaction.value == 5


def test_messages_and_typed_data_are_signed(wallet: Wallet, signer: Signer) -> None:
    for signature, digest in (
        (signer.sign_message(wallet.account, b"hi"), personal_hash(b"hi")),
        (signer.sign_typed_data(wallet.account, TYPED), read_typed_data(TYPED).digest),
    ):
        assert address_of(recover(digest, Signature.from_bytes(signature))) == wallet.account


def test_nonces_are_raised(wallet: Wallet, signer: Signer) -> None:
    signer.raise_nonce(wallet.account, CHAIN, 7)
    assert signer.sign_transaction(wallet.account, payment()).nonce == 7


def test_a_cancellation_is_asked_for_as_one(
    server: WalletServer, wallet: Wallet, signer: Signer
) -> None:
    from adyton.protocol.wallet.requests import Sign

    signer.sign_transaction(wallet.account, payment())
    own = checksummed(wallet.account)
    fees = {"maxFeePerGas": "0x28", "maxPriorityFeePerGas": "0x4"}
    document = payment(to=own, value="0x0", nonce="0x0", gas="0x7530", **fees)
    made = signer.sign_transaction(wallet.account, document, replace=True)
    asked = [
        Sign.decode(one.request.arguments)
        for one in server.recorded.values()
        if one.request.method == "sign"
    ]
    assert [(one.method, one.replace) for one in asked] == [
        ("transaction", False),
        ("cancel", True),
    ]
    assert (made.nonce, made.transaction.gas, made.transaction.max_fee) == (0, 30_000, 40)


def test_accounts_of_nobody_sign_nothing(signer: Signer) -> None:
    for ask in (
        lambda: signer.sign_transaction(bytes(20), payment()),
        lambda: signer.sign_message(bytes(20), b""),
        lambda: signer.next_nonce(bytes(20), CHAIN),
    ):
        with pytest.raises(UsageError) as caught:
            ask()
        assert caught.value.code == "wallet_unknown"


def everything(wallet: Wallet, signer: Signer) -> list[Any]:
    return [
        lambda: signer.sign_transaction(wallet.account, payment()),
        lambda: signer.sign_message(wallet.account, b"hi"),
        lambda: signer.sign_typed_data(wallet.account, TYPED),
    ]


def test_refusals_name_the_rule(server: WalletServer, wallet: Wallet, signer: Signer) -> None:
    server.told = {"status": "refused", "reason": "over 5 ether a day", "rule": "daily"}
    for ask in everything(wallet, signer):
        with pytest.raises(Refused, match="over 5 ether a day") as caught:
            ask()
        assert caught.value.rule == "daily"


def test_each_signature_and_refusal_leaves_a_receipt(
    session: Session, server: WalletServer, wallet: Wallet, tmp_path: Path
) -> None:
    signer, kept = EnclaveSigner(session, tmp_path / "receipts"), tmp_path / "receipts"
    policy = CertificatePolicy(
        fingerprints=frozenset({server.ledger.fingerprint}),
        kinds=frozenset({"simulated"}),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=10**9,
        allow_stale=False,
    )

    def statuses() -> list[str]:
        found = [path.read_bytes() for path in kept.glob("*.receipt")]
        verdicts = [verify_wallet_receipt(one, policy=policy, now_ms=now_ms()) for one in found]
        return sorted(verdict.shown["status"] for verdict in verdicts)

    for ask in everything(wallet, signer):
        ask()
    assert statuses() == ["signed"] * 3
    server.told = {"status": "refused", "reason": "no", "rule": "daily"}
    for ask in everything(wallet, signer):
        with pytest.raises(Refused):
            ask()
    assert statuses() == ["refused"] * 3 + ["signed"] * 3
    server.told = {}
    kept.chmod(0o755)  # others may look: nothing more goes there, and nothing is held up
    assert signer.sign_message(wallet.account, b"hi")
    assert len(statuses()) == 6


def test_what_the_program_sends_itself_can_be_cancelled_by_its_nonce(
    session: Session, wallet: Wallet, signer: Signer
) -> None:
    signer.sign_transaction(wallet.account, payment(), send=True)
    made = signer.sign_transaction(wallet.account, payment())
    assert kept_signed(session, wallet.account, CHAIN, 0) is None
    held = kept_signed(session, wallet.account, CHAIN, 1)
    assert held is not None
    assert held.hash == made.hash


def test_what_waits_names_the_proposal(
    server: WalletServer, wallet: Wallet, signer: Signer
) -> None:
    server.approvals = 2
    for ask in everything(wallet, signer):
        with pytest.raises(AwaitingApproval, match="2 approvals missing") as caught:
            ask()
        assert caught.value.proposal in {one.proposal for one in wallet.proposals()}


def test_a_lie_is_not_believed(server: WalletServer, wallet: Wallet, signer: Signer) -> None:
    from dataclasses import replace

    server.changed = lambda transaction: replace(transaction, value=6)
    with pytest.raises(VerificationError):
        signer.sign_transaction(wallet.account, payment())


def test_a_lost_answer_is_found_again(server: WalletServer, wallet: Wallet, signer: Signer) -> None:
    signer.accounts()
    server.drops = list(LOST)
    with pytest.raises(Unanswered):
        signer.sign_transaction(wallet.account, payment(), send=True)
    with pytest.raises(UnavailableError):
        signer.recover(CHAIN)
    server.drops = []
    (raw,) = signer.recover(CHAIN)
    assert decode_signed(raw).transaction.nonce == 0
    assert signer.recover(CHAIN) == []
    assert signer.sign_transaction(wallet.account, payment()).nonce == 1


def test_what_was_lost_is_left_to_the_facade_of_its_chain(
    session: Session, server: WalletServer, wallet: Wallet, signer: Signer
) -> None:
    signer.accounts()
    server.drops = list(LOST)
    with pytest.raises(Unanswered):
        signer.sign_transaction(wallet.account, payment(), send=True)
    server.drops = []
    assert EnclaveSigner(session).recover(CHAIN + 1) == []
    (raw,) = EnclaveSigner(session).recover(CHAIN)
    assert decode_signed(raw).transaction.chain_id == CHAIN


def test_what_was_not_to_be_sent_is_not_found(
    session: Session, server: WalletServer, wallet: Wallet, signer: Signer
) -> None:
    signer.accounts()
    server.drops = list(LOST)
    with pytest.raises(Unanswered):
        signer.sign_transaction(wallet.account, payment())
    with pytest.raises(UnavailableError):
        wallet.sign_transaction(wallet.account, payment(value="0x9"))
    server.drops = []
    assert signer.recover(CHAIN) == []
    # They are left to whoever asked: `adyton wallet` asks for them again.
    assert len(pending(session)) == 2


def test_other_requests_without_an_answer_are_left_alone(
    session: Session, server: WalletServer, wallet: Wallet, signer: Signer
) -> None:
    server.drops = list(LOST)
    with pytest.raises(UnavailableError):
        import_wallet(session, b"\x01" * 32, kind="key")
    with pytest.raises(UnavailableError):
        wallet.add_account()
    server.drops = []
    kept = len(pending(session))
    assert kept
    assert signer.recover(CHAIN) == []
    assert len(pending(session)) == kept


def test_what_was_lost_and_is_refused_is_forgotten(
    session: Session, server: WalletServer, wallet: Wallet, signer: Signer
) -> None:
    signer.accounts()
    server.told = {"status": "refused", "reason": "no", "rule": "daily"}
    server.drops = list(LOST)
    with pytest.raises(Unanswered):
        signer.sign_transaction(wallet.account, payment(), send=True)
    server.drops = []
    assert signer.recover(CHAIN) == []
    assert pending(session) == []


def test_what_was_never_sent_is_plainly_unavailable(
    session: Session, server: WalletServer, wallet: Wallet
) -> None:
    signer = EnclaveSigner(session)
    server.drops = ["POST /read"] * 20
    with pytest.raises(UnavailableError) as caught:
        signer.sign_transaction(wallet.account, payment(), send=True)
    assert not isinstance(caught.value, Unanswered)
    assert pending(session) == []
