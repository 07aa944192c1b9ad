"""COSE_Sign1 and receipts: one form, judged by pycose, every altered bit refused."""

from dataclasses import replace
from typing import Any

import cbor2
import pytest
from pycose.keys.curves import Ed25519
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message

from adyton.core import cose, limits
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.core.errors import Error, MalformedError, ReceiptError, VerificationError
from adyton.core.merkle import Tree, leaf_hash

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(range(1, 33)))
HEADERS = {cose.KID: b"12345678", cose.VDS: cose.RFC9162_SHA256}


def pycose_verifies(encoded: bytes, public: bytes, detached: bytes | None = None) -> bool:
    """Ask pycose; its own `decode` does not know cbor2's types, so the parts are handed over."""
    tag = cbor2.loads(encoded)
    assert tag.tag == 18
    protected, unprotected, payload, signature = tag.value
    message = Sign1Message.from_cose_obj([protected, dict(unprotected), payload, signature], True)
    if detached is not None:
        message.payload = detached
    message.key = OKPKey(crv=Ed25519, x=public)
    return bool(message.verify_signature())


def signed() -> cose.Sign1:
    return cose.sign1(KEY, HEADERS, b"payload")


def logged(size: int = 11) -> tuple[Tree, cose.Sign1]:
    tree = Tree()
    for number in range(size):
        tree.append(leaf_hash(bytes([number])))
    return tree, cose.sign1(KEY, HEADERS, tree.root())


def receipt_of(index: int, size: int = 11) -> bytes:
    tree, checkpoint = logged(size)
    proof = cose.InclusionProof(size, index, tuple(tree.inclusion(index)))
    return cose.make_receipt(checkpoint, proof)


def verify(receipt: bytes, leaf: bytes, public: bytes = KEY.public) -> bytes:
    message, proof = cose.parse_receipt(receipt)
    return cose.verify_receipt(message, proof, leaf, public)


def test_pycose_agrees_on_an_attached_signature() -> None:
    encoded = signed().encode()
    assert pycose_verifies(encoded, KEY.public)
    assert not pycose_verifies(encoded, OTHER.public)
    assert cose.parse_sign1(encoded, max_bytes=1000).verify(KEY.public) == b"payload"


def test_pycose_agrees_on_a_receipt() -> None:
    tree, _ = logged()
    for index in range(11):
        receipt = receipt_of(index)
        assert pycose_verifies(receipt, KEY.public, detached=tree.root())
        assert not pycose_verifies(receipt, KEY.public, detached=bytes(32))


def test_we_agree_on_a_signature_of_pycose() -> None:
    message = Sign1Message(phdr={1: -8, 4: b"12345678"}, uhdr={}, payload=b"theirs")
    message.key = OKPKey(crv=Ed25519, x=KEY.public, d=bytes(range(32)))
    parts = [message.phdr_encoded, {}, b"theirs", message.compute_signature()]
    encoded = encode(cbor2.CBORTag(18, parts))
    assert cose.parse_sign1(encoded, max_bytes=1000).verify(KEY.public) == b"theirs"


def test_round_trip() -> None:
    for message in (signed(), logged()[1]):
        assert cose.parse_sign1(message.encode(), max_bytes=1000) == message
    encoded = receipt_of(4)
    message, proof = cose.parse_receipt(encoded)
    assert cose.make_receipt(message, proof) == encoded


def test_signature_over_other_key_payload_or_header_is_refused() -> None:
    message = signed()
    message.verify(KEY.public)
    for wrong in (
        replace(message, payload=b"other"),
        replace(message, protected=encode({cose.ALG: cose.EDDSA})),
        replace(message, signature=bytes(64)),
    ):
        with pytest.raises(VerificationError):
            wrong.verify(KEY.public)
    with pytest.raises(VerificationError):
        message.verify(OTHER.public)


def test_the_payload_is_attached_or_given_and_never_both() -> None:
    detached = replace(signed(), payload=None)
    assert detached.verify(KEY.public, b"payload") == b"payload"
    with pytest.raises(VerificationError):
        detached.verify(KEY.public, b"other")
    with pytest.raises(MalformedError):
        detached.verify(KEY.public)
    with pytest.raises(MalformedError):
        signed().verify(KEY.public, b"payload")


@pytest.mark.parametrize("algorithm", [-7, -35, 8, None, "EdDSA", b"", True, -19])
def test_another_algorithm_is_refused(algorithm: Any) -> None:
    protected = encode({**HEADERS, cose.ALG: algorithm})
    signature = KEY.sign_raw(encode(["Signature1", protected, b"", b"payload"]))
    encoded = encode(cbor2.CBORTag(18, [protected, {}, b"payload", signature]))
    with pytest.raises(MalformedError):
        cose.parse_sign1(encoded, max_bytes=1000).verify(KEY.public)


def test_a_missing_algorithm_is_refused() -> None:
    protected = encode(HEADERS)
    signature = KEY.sign_raw(encode(["Signature1", protected, b"", b"payload"]))
    encoded = encode(cbor2.CBORTag(18, [protected, {}, b"payload", signature]))
    with pytest.raises(MalformedError):
        cose.parse_sign1(encoded, max_bytes=1000).verify(KEY.public)


def test_every_flipped_bit_of_a_signed_message_is_refused() -> None:
    encoded = bytearray(signed().encode())
    for at in range(len(encoded) * 8):
        encoded[at // 8] ^= 1 << at % 8
        with pytest.raises(Error) as refused:
            cose.parse_sign1(bytes(encoded), max_bytes=1000).verify(KEY.public)
        assert isinstance(refused.value, (MalformedError, VerificationError))
        encoded[at // 8] ^= 1 << at % 8


def test_every_flipped_bit_of_a_receipt_is_refused_but_for_the_unsigned_size() -> None:
    # The signed size is in a checkpoint's header: `ledger.Receipt` refuses the rest, see its tests.
    encoded, leaf = bytearray(receipt_of(6)), leaf_hash(b"\x06")
    root = verify(bytes(encoded), leaf)
    for at in range(len(encoded) * 8):
        encoded[at // 8] ^= 1 << at % 8
        try:
            assert verify(bytes(encoded), leaf) == root
            assert cose.parse_receipt(bytes(encoded))[1].size != 11
        except (MalformedError, VerificationError):
            pass
        encoded[at // 8] ^= 1 << at % 8


PARTS: list[Any] = [signed().protected, {}, b"payload", signed().signature]


@pytest.mark.parametrize(
    "value",
    [
        PARTS,
        cbor2.CBORTag(17, PARTS),
        cbor2.CBORTag(98, PARTS),
        cbor2.CBORTag(18, PARTS[:3]),
        cbor2.CBORTag(18, [*PARTS, None]),
        cbor2.CBORTag(18, b"bytes"),
        cbor2.CBORTag(18, {}),
        cbor2.CBORTag(18, cbor2.CBORTag(18, PARTS)),
        cbor2.CBORTag(18, [{}, *PARTS[1:]]),
        cbor2.CBORTag(18, [b"", *PARTS[1:]]),
        cbor2.CBORTag(18, [encode([1]), *PARTS[1:]]),
        cbor2.CBORTag(18, [b"\xa1\x01", *PARTS[1:]]),
        cbor2.CBORTag(18, [b"\xb8\x01\x01\x27", *PARTS[1:]]),
        cbor2.CBORTag(18, [PARTS[0] + b"\x00", *PARTS[1:]]),
        cbor2.CBORTag(18, [PARTS[0], [], *PARTS[2:]]),
        cbor2.CBORTag(18, [PARTS[0], None, *PARTS[2:]]),
        cbor2.CBORTag(18, [*PARTS[:2], "payload", PARTS[3]]),
        cbor2.CBORTag(18, [*PARTS[:2], 1, PARTS[3]]),
        cbor2.CBORTag(18, [*PARTS[:3], bytes(63)]),
        cbor2.CBORTag(18, [*PARTS[:3], bytes(65)]),
        cbor2.CBORTag(18, [*PARTS[:3], None]),
        None,
        18,
    ],
)
def test_what_is_not_a_signed_message_is_refused(value: Any) -> None:
    with pytest.raises(MalformedError):
        cose.parse_sign1(encode(value), max_bytes=1000)


def test_a_signed_message_over_its_bound_is_refused() -> None:
    encoded = signed().encode()
    with pytest.raises(MalformedError) as refused:
        cose.parse_sign1(encoded, max_bytes=len(encoded) - 1)
    assert refused.value.code == "too_large"


def test_wrong_leaf_key_root_size_or_index_is_refused() -> None:
    tree, checkpoint = logged()
    path = tuple(tree.inclusion(6))
    good = cose.InclusionProof(11, 6, path)
    verify(cose.make_receipt(checkpoint, good), leaf_hash(b"\x06"))
    with pytest.raises(VerificationError):
        verify(cose.make_receipt(checkpoint, good), leaf_hash(b"\x07"))
    with pytest.raises(VerificationError):
        verify(cose.make_receipt(checkpoint, good), leaf_hash(b"\x06"), OTHER.public)
    elsewhere = cose.sign1(KEY, HEADERS, bytes(32))
    for wrong in (
        cose.make_receipt(elsewhere, good),
        cose.make_receipt(checkpoint, replace(good, index=7)),
        cose.make_receipt(checkpoint, replace(good, index=2)),
        cose.make_receipt(checkpoint, replace(good, path=path[:-1])),
        cose.make_receipt(checkpoint, replace(good, path=(*path, bytes(32)))),
        cose.make_receipt(checkpoint, replace(good, path=tuple(reversed(path)))),
        cose.make_receipt(checkpoint, replace(good, size=7)),
        cose.make_receipt(checkpoint, replace(good, size=1 << 40)),
    ):
        with pytest.raises(VerificationError):
            verify(wrong, leaf_hash(b"\x06"))


def test_the_size_of_the_proof_is_judged_by_the_checkpoint() -> None:
    # Path and root alone do not fix the size: `ledger.Receipt` compares it with the signed one.
    tree, checkpoint = logged(11)
    twin = cose.InclusionProof(12, 0, tuple(tree.inclusion(0)))
    assert verify(cose.make_receipt(checkpoint, twin), leaf_hash(b"\x00")) == tree.root()


def _crafted(unprotected: Any, payload: Any = None, headers: dict[int, Any] = HEADERS) -> bytes:
    message = cose.sign1(KEY, headers, b"root")
    return encode(cbor2.CBORTag(18, [message.protected, unprotected, payload, message.signature]))


PROOF = encode([11, 6, [bytes(32)]])


@pytest.mark.parametrize(
    "unprotected",
    [
        {},
        {cose.VDP: {}},
        {cose.VDP: []},
        {cose.VDP: None},
        {cose.VDP: {-2: [PROOF]}},
        {cose.VDP: {-1: [PROOF], -2: [PROOF]}},
        {cose.VDP: {-1: [PROOF]}, 99: 1},
        {cose.VDP: {-1: []}},
        {cose.VDP: {-1: [PROOF, PROOF]}},
        {cose.VDP: {-1: PROOF}},
        {cose.VDP: {-1: [[11, 6, [bytes(32)]]]}},
        {cose.VDP: {-1: [encode([11, 6])]}},
        {cose.VDP: {-1: [encode([11, 6, [], 1])]}},
        {cose.VDP: {-1: [encode({11: 6})]}},
        {cose.VDP: {-1: [encode([11, 11, []])]}},
        {cose.VDP: {-1: [encode([11, -1, []])]}},
        {cose.VDP: {-1: [encode([0, 0, []])]}},
        {cose.VDP: {-1: [encode([True, False, []])]}},
        {cose.VDP: {-1: [encode(["11", 6, []])]}},
        {cose.VDP: {-1: [encode([11, 6, None])]}},
        {cose.VDP: {-1: [encode([11, 6, [bytes(31)]])]}},
        {cose.VDP: {-1: [encode([11, 6, ["x" * 32]])]}},
        {cose.VDP: {-1: [PROOF + b"\x00"]}},
        {cose.VDP: {-1: [b"\x9f" + PROOF[1:] + b"\xff"]}},
        {cose.VDP: {-1: [encode([11, 6, [bytes(32)] * (limits.PROOF_NODES + 1)])]}},
    ],
)
def test_what_is_not_a_receipt_is_refused(unprotected: Any) -> None:
    with pytest.raises(MalformedError):
        cose.parse_receipt(_crafted(unprotected))


def test_a_receipt_with_a_payload_or_over_another_structure_is_refused() -> None:
    good = {cose.VDP: {cose.INCLUSION: [PROOF]}}
    cose.parse_receipt(_crafted(good))
    for wrong in (
        _crafted(good, payload=b"root"),
        _crafted(good, payload=b""),
        _crafted(good, headers={cose.KID: b"12345678"}),
        _crafted(good, headers={**HEADERS, cose.VDS: 2}),
        _crafted(good, headers={**HEADERS, cose.VDS: "1"}),
    ):
        with pytest.raises(MalformedError):
            cose.parse_receipt(wrong)


def test_checked_path() -> None:
    assert cose.checked_path([bytes(32)] * 3) == (bytes(32),) * 3
    assert len(cose.checked_path([bytes(32)] * limits.PROOF_NODES)) == limits.PROOF_NODES
    for wrong in (None, (bytes(32),), [bytes(33)], [None], b"x" * 32, [bytes(32)] * 65):
        with pytest.raises(MalformedError):
            cose.checked_path(wrong)


def test_an_index_beyond_the_tree_is_a_receipt_error_for_direct_callers() -> None:
    tree, checkpoint = logged()
    with pytest.raises(ReceiptError):
        cose.verify_receipt(checkpoint, cose.InclusionProof(3, 3, ()), tree.leaf(0), KEY.public)
