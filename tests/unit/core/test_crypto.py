"""Cryptography: equal to independent implementations, and every primitive refuses another context."""

import hashlib
import hmac
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import crypto
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SigningKey, SivKey
from adyton.core.errors import VerificationError
from tests.unit.core import references

SECRET = bytes(range(32))
OTHER = bytes(range(1, 33))
ONE, TWO = Context.BLOB, Context.CONTENT
SPLITS = [(b"ab",), (b"a", b"b"), (b"", b"ab"), (b"ab", b""), (b"b", b"a"), (), (b"",)]


def test_prefixed_is_the_length_prefix_of_the_specification() -> None:
    for parts in SPLITS:
        assert crypto.prefixed(*parts) == references.length_prefixed(*parts)
    assert crypto.prefixed(bytes(300))[:4] == b"\x00\x00\x01\x2c"


@given(st.lists(st.binary(max_size=6), max_size=5), st.lists(st.binary(max_size=6), max_size=5))
def test_prefixed_is_injective(one: list[bytes], other: list[bytes]) -> None:
    assert (crypto.prefixed(*one) == crypto.prefixed(*other)) == (one == other)


@given(st.lists(st.binary(max_size=6), max_size=5))
def test_prefixed_can_be_read_back(parts: list[bytes]) -> None:
    rest, read = crypto.prefixed(*parts), []
    while rest:
        size = int.from_bytes(rest[:4], "big")
        read.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    assert read == parts


def test_digests_are_the_hash_of_context_and_parts() -> None:
    message = references.length_prefixed(ONE.value, b"a", b"bc")
    assert crypto.digest(ONE, b"a", b"bc") == hashlib.sha256(message).digest()
    assert crypto.digest512(ONE, b"a", b"bc") == hashlib.sha512(message).digest()
    assert crypto.mac(SECRET, ONE, b"a", b"bc") == hmac.new(SECRET, message, "sha256").digest()


@pytest.mark.parametrize("key", [SECRET, b"", bytes(64), bytes(range(200))])
def test_a_kept_mac_key_gives_what_mac_gives_again_and_again(key: bytes) -> None:
    kept = crypto.MacKey(key)
    for parts in SPLITS:
        assert kept.mac(ONE, *parts) == crypto.mac(key, ONE, *parts)
    assert kept.mac_raw(b"text") == hmac.new(key, b"text", "sha256").digest()
    assert kept.mac(TWO) != kept.mac(ONE)
    assert repr(kept) == "<MacKey>"


def test_derive_is_rfc_5869_with_an_empty_salt() -> None:
    info = references.length_prefixed(ONE.value, b"a")
    for size in (16, 32, 64, 100):
        assert crypto.derive(SECRET, ONE, b"a", size=size) == references.hkdf(SECRET, info, size)


def test_each_of_several_is_derived_as_if_alone() -> None:
    lasts = [b"a", b"bc", b"", b"x" * 2000, b"a"]
    for secret in (SECRET, b"", b"s" * 100):
        expected = tuple(crypto.derive(secret, ONE, b"first", last) for last in lasts)
        assert crypto.derive_each(secret, ONE, b"first", lasts) == expected
    assert crypto.derive_each(SECRET, ONE, b"first", []) == ()


def test_each_of_several_is_hashed_as_if_alone() -> None:
    parts = [(b"a",), (b"a", b"bc"), (), (b"x" * 2000,)]
    assert crypto.digest_each(ONE, parts) == tuple(crypto.digest(ONE, *each) for each in parts)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_an_exchange_is_openssls(secret: bytes, public: bytes) -> None:
    private = X25519PrivateKey.from_private_bytes(secret)
    try:
        expected = private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        with pytest.raises(VerificationError):
            crypto.exchange(secret, public)
        return
    assert crypto.exchange(secret, public) == expected
    own = private.public_key().public_bytes_raw()
    assert crypto.exchange_anew(secret, public) == (own, expected)


def test_an_exchange_anew_is_public_key_and_exchange() -> None:
    public = crypto.hpke_public(OTHER)
    made = crypto.exchange_anew(SECRET, public)
    assert made == (crypto.hpke_public(SECRET), crypto.exchange(SECRET, public))
    for wrong in (b"", bytes(31), bytes(32)):
        with pytest.raises(VerificationError):
            crypto.exchange_anew(SECRET, wrong)


def test_no_two_splits_contexts_or_keys_agree() -> None:
    functions: list[Callable[[Context, tuple[bytes, ...]], bytes]] = [
        lambda c, p: crypto.digest(c, *p),
        lambda c, p: crypto.digest512(c, *p),
        lambda c, p: crypto.mac(SECRET, c, *p),
        lambda c, p: crypto.derive(SECRET, c, *p),
        lambda c, p: SivKey(SECRET, c, *p).seal(b"text", ONE),
        lambda c, p: SigningKey(SECRET).sign(c, *p),
    ]
    for function in functions:
        made = [function(context, parts) for context in (ONE, TWO) for parts in SPLITS]
        assert len(set(made)) == len(made)
    assert crypto.mac(SECRET, ONE) != crypto.mac(OTHER, ONE)
    assert crypto.derive(SECRET, ONE) != crypto.derive(OTHER, ONE)


def test_equal() -> None:
    assert crypto.equal(b"ab", b"ab")
    assert not crypto.equal(b"ab", b"ac")
    assert not crypto.equal(b"ab", b"abc")


def test_siv_is_rfc_5297_under_the_derived_key() -> None:
    key = references.hkdf(SECRET, references.length_prefixed(ONE.value, b"part"), 64)
    for text in (b"", b"a", bytes(15), bytes(16), bytes(17), b"long" * 100):
        sealed = SivKey(SECRET, ONE, b"part").seal(text, TWO, b"x", b"")
        assert sealed == references.siv_seal(key, text, TWO.value, b"x", b"")
        assert len(sealed) == len(text) + crypto.SIV_OVERHEAD
        assert SivKey(SECRET, ONE, b"part").open(sealed, TWO, b"x", b"") == text


def test_siv_refuses_everything_else() -> None:
    key = SivKey(SECRET, ONE, b"part")
    sealed = key.seal(b"text", TWO, b"x", b"y")
    for other in (SivKey(OTHER, ONE, b"part"), SivKey(SECRET, TWO, b"part"), SivKey(SECRET, ONE)):
        with pytest.raises(VerificationError):
            other.open(sealed, TWO, b"x", b"y")
    for context, associated in (
        (ONE, (b"x", b"y")),
        (TWO, (b"xy",)),
        (TWO, (b"xy", b"")),
        (TWO, (b"y", b"x")),
        (TWO, (b"x",)),
        (TWO, (b"x", b"y", b"")),
    ):
        with pytest.raises(VerificationError):
            key.open(sealed, context, *associated)
    for at in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[at // 8] ^= 1 << at % 8
        with pytest.raises(VerificationError):
            key.open(bytes(altered), TWO, b"x", b"y")
    for end in range(len(sealed)):
        with pytest.raises(VerificationError):
            key.open(sealed[:end], TWO, b"x", b"y")


def test_signatures_verify_under_their_key_context_and_parts_alone() -> None:
    key = SigningKey(SECRET)
    signature = key.sign(ONE, b"a", b"b")
    crypto.verify(key.public, signature, ONE, b"a", b"b")
    for public, context, parts in (
        (SigningKey(OTHER).public, ONE, (b"a", b"b")),
        (key.public, TWO, (b"a", b"b")),
        (key.public, ONE, (b"ab",)),
        (key.public, ONE, (b"ab", b"")),
        (key.public, ONE, (b"a",)),
    ):
        with pytest.raises(VerificationError):
            crypto.verify(public, signature, context, *parts)
    for at in range(512):
        altered = bytearray(signature)
        altered[at // 8] ^= 1 << at % 8
        with pytest.raises(VerificationError):
            crypto.verify(key.public, bytes(altered), ONE, b"a", b"b")


def test_a_raw_signature_is_not_one_with_a_context() -> None:
    key = SigningKey(SECRET)
    raw = key.sign_raw(b"a")
    crypto.verify_raw(key.public, raw, b"a")
    with pytest.raises(VerificationError):
        crypto.verify(key.public, raw, ONE, b"a")
    with pytest.raises(VerificationError):
        crypto.verify_raw(key.public, key.sign(ONE, b"a"), b"a")


@pytest.mark.parametrize("size", [0, 1, 31, 33, 63, 65, 96])
def test_a_signature_or_key_of_a_wrong_size_is_refused(size: int) -> None:
    key = SigningKey(SECRET)
    signature = key.sign_raw(b"a")
    with pytest.raises(VerificationError):
        crypto.verify_raw(key.public, bytes(size), b"a")
    with pytest.raises(VerificationError):
        crypto.verify_raw(bytes(size), signature, b"a")
    # Bytes moved between signature and message must not count.
    with pytest.raises(VerificationError):
        crypto.verify_raw(key.public, signature + b"a", b"")
    with pytest.raises(VerificationError):
        crypto.verify_raw(key.public, signature[:-1], signature[-1:] + b"a")


def test_hpke_is_rfc_9180_with_context_and_parts_as_info() -> None:
    key = HpkeKey(SECRET)
    info = references.length_prefixed(ONE.value, b"a", b"b")
    sealed = crypto.hpke_seal(key.public, b"text", ONE, b"a", b"b")
    assert len(sealed) == len(b"text") + crypto.HPKE_OVERHEAD
    assert references.hpke_open(SECRET, sealed, info) == b"text"
    theirs = references.hpke_seal(OTHER, key.public, b"other text", info)
    assert key.open(theirs, ONE, b"a", b"b") == b"other text"
    assert crypto.hpke_public(SECRET) == key.public


def test_hpke_refuses_everything_else() -> None:
    key = HpkeKey(SECRET)
    sealed = crypto.hpke_seal(key.public, b"text", ONE, b"a", b"b")
    with pytest.raises(VerificationError):
        HpkeKey(OTHER).open(sealed, ONE, b"a", b"b")
    for context, info in ((TWO, (b"a", b"b")), (ONE, (b"ab",)), (ONE, (b"b", b"a")), (ONE, ())):
        with pytest.raises(VerificationError):
            key.open(sealed, context, *info)
    for at in range(len(sealed)):
        altered = bytearray(sealed)
        # The top bit of an X25519 point is ignored by the curve, but not by HPKE's key schedule.
        altered[at] ^= 0x80
        with pytest.raises(VerificationError):
            key.open(bytes(altered), ONE, b"a", b"b")
        with pytest.raises(VerificationError):
            key.open(sealed[:at], ONE, b"a", b"b")


LOW_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
]


@pytest.mark.parametrize("point", LOW_ORDER)
def test_a_low_order_point_is_refused_both_ways(point: str) -> None:
    with pytest.raises(VerificationError):
        crypto.hpke_seal(bytes.fromhex(point), b"text", ONE)
    with pytest.raises(VerificationError):
        HpkeKey(SECRET).open(bytes.fromhex(point) + bytes(20), ONE)


@pytest.mark.parametrize("unused_bit", [0, 0x80])
@pytest.mark.parametrize("point", LOW_ORDER)
def test_nothing_is_shared_with_a_low_order_point(point: str, unused_bit: int) -> None:
    public = bytearray.fromhex(point)
    public[31] |= unused_bit
    for exchange in (crypto.exchange, crypto.exchange_anew):
        with pytest.raises(VerificationError):
            exchange(SECRET, bytes(public))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_public_key_of_a_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(VerificationError):
        crypto.hpke_seal(bytes(size), b"text", ONE)


def test_hpke_seals_differently_each_time() -> None:
    key = HpkeKey(SECRET)
    sealed = {crypto.hpke_seal(key.public, b"text", ONE) for _ in range(20)}
    assert len({s[:32] for s in sealed}) == 20


def test_key_id() -> None:
    message = references.length_prefixed(Context.KEY_ID.value, SECRET)
    assert crypto.key_id(SECRET) == hashlib.sha256(message).digest()[:8]


@pytest.mark.parametrize("key", [SivKey(SECRET, ONE), SigningKey(SECRET), HpkeKey(SECRET)])
def test_no_secret_is_shown_or_kept_where_it_can_be_shown(key: object) -> None:
    for shown in (repr(key), str(key), repr([key])):
        assert SECRET.hex() not in shown
        assert repr(SECRET)[2:20] not in shown
    assert not hasattr(key, "__dict__")
    for name in getattr(type(key), "__slots__", ()):
        assert getattr(key, name) != SECRET


def test_no_secret_is_in_an_error() -> None:
    key = SivKey(SECRET, ONE)
    with pytest.raises(VerificationError) as refused:
        key.open(key.seal(b"the text", TWO), ONE)
    assert "the text" not in repr(refused.value) + str(refused.value)
    assert SECRET.hex() not in repr(refused.value)
