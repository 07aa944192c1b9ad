"""DIDs: their syntax, and the network's own method."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials.did import (
    Did,
    own_did,
    own_name,
    read_did,
    read_did_url,
    read_own,
)

CHAIN = bytes(range(32))
NAME = bytes(range(32, 64))


@pytest.mark.parametrize(
    ("text", "method", "identifier"),
    [
        ("did:example:123", "example", "123"),
        ("did:web:example.com%3A3000:user:alice", "web", "example.com%3A3000:user:alice"),
        ("did:a1:-._A", "a1", "-._A"),
        ("did:x::y", "x", ":y"),
    ],
)
def test_dids(text: str, method: str, identifier: str) -> None:
    assert read_did(text) == Did(method, identifier)
    assert str(read_did(text)) == text
    assert read_did_url(f"{text}#key-1") == (Did(method, identifier), "key-1")


@pytest.mark.parametrize(
    "wrong",
    [
        "", "did", "did:", "did:web", "did:web:", "DID:web:a", "did:Web:a", "did:we-b:a",
        "did:web:a:", "did:web:a/b", "did:web:a?b", "did:web:a#b", "did:web:a b", "did:web:%3",
        "did:web:%3a", "did:web:a\n", " did:web:a", "did::a", "did:web:é",
    ],
)  # fmt: skip
def test_other_texts_are_refused(wrong: str) -> None:
    with pytest.raises(MalformedError, match="not a did"):
        read_did(wrong)


def test_length_is_bounded() -> None:
    most = "did:web:" + "a" * (limits.DID - 8)
    assert str(read_did(most)) == most
    with pytest.raises(MalformedError) as refusal:
        read_did(most + "a")
    assert refusal.value.code == "too_large"


@given(st.text(":%aA09.#", max_size=60))
def test_reading_takes_no_time(text: str) -> None:
    """Nothing in the syntax makes the expression try again and again."""
    try:
        assert str(read_did("did:web:" + text)) == "did:web:" + text
    except MalformedError:
        pass


def test_a_long_identifier_that_ends_wrong_is_refused_at_once() -> None:
    with pytest.raises(MalformedError):
        read_did("did:web:" + "a:" * 500)


@pytest.mark.parametrize(
    "wrong", ["did:a:b", "did:a:b#", "#key-1", "did:a:b#c#d", "did:a:b/c#d", "did:a:b?x#d"]
)
def test_a_key_has_a_full_name(wrong: str) -> None:
    with pytest.raises(MalformedError):
        read_did_url(wrong)


def test_a_fragment_is_bounded_too() -> None:
    longest = "did:a:b#" + "x" * limits.DID
    assert read_did_url(longest)[1] == "x" * limits.DID
    with pytest.raises(MalformedError):
        read_did_url(longest + "x")


def test_the_networks_own_dids() -> None:
    did = own_did(CHAIN, NAME)
    assert str(did) == f"did:adyton:0001020304050607:{NAME.hex()}"
    assert read_own(read_did(str(did)), CHAIN) == NAME
    with pytest.raises(VerificationError) as refusal:
        read_own(did, bytes(32))
    assert refusal.value.code == "wrong_chain"


@pytest.mark.parametrize(
    "identifier",
    [
        NAME.hex(), f"0001020304050607:{NAME.hex().upper()}", f"00010203:{NAME.hex()}",
        f"0001020304050607:{NAME.hex()}00", f"0001020304050607:{NAME.hex()}:a",
    ],
)  # fmt: skip
def test_other_forms_of_an_own_did_are_refused(identifier: str) -> None:
    with pytest.raises(MalformedError, match="not a did:adyton"):
        read_own(Did("adyton", identifier), CHAIN)
    with pytest.raises(MalformedError, match="not a did:adyton"):
        read_own(Did("web", own_did(CHAIN, NAME).identifier), CHAIN)


def test_a_name_is_of_one_chain_client_and_salt() -> None:
    names = {
        own_name(chain, client, salt)
        for chain in (CHAIN, bytes(32))
        for client in (b"\x01" * 32, b"\x02" * 32)
        for salt in (bytes(16), b"\x01" * 16)
    }
    assert len(names) == 8
    assert own_name(CHAIN, bytes(32), bytes(16)) == own_name(CHAIN, bytes(32), bytes(16))
