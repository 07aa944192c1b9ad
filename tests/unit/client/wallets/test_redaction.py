"""Copies of a wallet's receipt that open less: they verify, and hold nothing of what is closed."""

from __future__ import annotations

import pytest

from adyton.client import Session
from adyton.client.redaction import redact_wallet
from adyton.client.wallet_answers import Carried
from adyton.client.wallet_receipt import WalletReceipt, make_wallet_receipt
from adyton.core.errors import UsageError
from adyton.protocol.claims import WALLET_FIELDS
from tests.adversary.wallet_server import WalletServer
from tests.unit.client.wallets.test_receipts import carried, verify

__all__ = ["carried"]

WHAT = ("document", "chain", "nonce")


@pytest.fixture
def whole(session: Session, carried: Carried) -> WalletReceipt:
    return make_wallet_receipt(session, carried)


@pytest.mark.parametrize(
    "close",
    [
        ("caller",),
        ("signature",),
        ("signature", "digest", *WHAT),
        ("signature", "account"),
        WALLET_FIELDS,
    ],
)
def test_what_is_closed_is_nowhere_in_the_copy(
    server: WalletServer, whole: WalletReceipt, close: tuple[str, ...]
) -> None:
    copy = redact_wallet(whole, close)
    encoded, verdict = copy.encode(), verify(server, copy)
    assert set(verdict.shown) == set(WALLET_FIELDS) - set(close)
    assert set(verdict.closed) == set(close)
    for opening in whole.openings:
        closed = opening.field in close
        assert (opening.salt in encoded) is not closed
        if len(opening.value) >= 32:  # shorter ones are found anywhere
            assert (opening.value in encoded) is not closed


@pytest.mark.parametrize(
    ("close", "said"),
    [
        (("digest",), "(document|signature) says digest too"),
        (("account",), "signature says account too"),
        (("signature", *WHAT), "digest says .*document"),
        (("signature", "digest"), "document says digest too"),
        (("colour",), "no field colour"),
    ],
)
def test_what_would_be_known_all_the_same_is_not_closed(
    whole: WalletReceipt, close: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        redact_wallet(whole, close)


def test_a_closed_field_cannot_be_closed_again(whole: WalletReceipt) -> None:
    copy = redact_wallet(whole, ("caller",))
    with pytest.raises(UsageError, match="caller is not open"):
        redact_wallet(copy, ("caller",))
