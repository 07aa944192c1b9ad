"""COSE_Sign1 (RFC 9052) with Ed25519, attached or detached, and RFC 9942 receipts of inclusion.

Sketch of a receipt, in CBOR diagnostic notation:

    18([<< {1: -8, 4: h'kid', 395: 1, …} >>, {396: {-1: [<< [size, index, [path]] >>]}}, null, h'signature'])

The signature is the checkpoint's own, over the log root as detached payload: one signature serves every leaf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from adyton.core import limits
from adyton.core.crypto import SigningKey, verify_raw
from adyton.core.encoding import decode, encode
from adyton.core.errors import MalformedError
from adyton.core.merkle import HASH, root_from_inclusion

SIGN1_TAG: Final = 18
ALG: Final = 1
CONTENT_TYPE: Final = 3
KID: Final = 4
CWT_CLAIMS: Final = 15
X5CHAIN: Final = 33
VDS: Final = 395  # verifiable data structure
VDP: Final = 396  # proofs for it
EDDSA: Final = -8
RFC9162_SHA256: Final = 1
INCLUSION: Final = -1


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return encode(["Signature1", protected, b"", payload])


@dataclass(frozen=True)
class Sign1:
    """A COSE_Sign1 whose form is checked; its signature is not until `verify` returns.

    Attributes:
        protected: encoded protected header, as signed.
        headers: the same, decoded.
        unprotected: what the signature does not cover.
        payload: None when it is detached.
        signature: 64 bytes.
    """

    protected: bytes
    headers: Mapping[Any, Any]
    unprotected: Mapping[Any, Any]
    payload: bytes | None
    signature: bytes

    def encode(self) -> bytes:
        """Return the tagged encoding."""
        parts = [self.protected, dict(self.unprotected), self.payload, self.signature]
        return encode(cbor2.CBORTag(SIGN1_TAG, parts))

    def verify(self, public_key: bytes, detached: bytes | None = None) -> bytes:
        """Verify the signature and return the payload it covers.

        Args:
            public_key: Ed25519, 32 bytes, trusted by the caller.
            detached: the payload where the message carries none.

        Raises:
            MalformedError: two payloads, or none, or another algorithm.
            VerificationError: the signature does not verify.
        """
        if (self.payload is None) == (detached is None):
            raise MalformedError("malformed", "the payload must be attached or given, not both")
        if self.headers.get(ALG) != EDDSA:
            raise MalformedError("malformed", "an algorithm other than EdDSA")
        payload = self.payload if detached is None else detached
        if payload is None:
            raise MalformedError("malformed", "no payload")
        verify_raw(public_key, self.signature, _to_be_signed(self.protected, payload))
        return payload


def sign1(key: SigningKey, headers: Mapping[int, Any], payload: bytes) -> Sign1:
    """Sign `payload` under the protected headers; the algorithm header is added."""
    protected = encode({ALG: EDDSA, **headers})
    signature = key.sign_raw(_to_be_signed(protected, payload))
    return Sign1(protected, {ALG: EDDSA, **headers}, {}, payload, signature)


def sign1_from_tag(unverified: Any) -> Sign1:
    """Return the parts of a decoded COSE_Sign1.

    Raises:
        MalformedError: not of that form.
    """
    if not isinstance(unverified, cbor2.CBORTag) or unverified.tag != SIGN1_TAG:
        raise MalformedError("malformed", "not a COSE_Sign1")
    parts = unverified.value
    if type(parts) is not list or len(parts) != 4:
        raise MalformedError("malformed", "a COSE_Sign1 has four parts")
    protected, unprotected, payload, signature = parts
    if (
        type(protected) is not bytes
        or type(unprotected) is not dict
        or not (payload is None or type(payload) is bytes)
        or type(signature) is not bytes
        or len(signature) != 64
    ):
        raise MalformedError("malformed", "a part of the COSE_Sign1 has a wrong type")
    headers = decode(protected, max_bytes=limits.EVIDENCE)
    if type(headers) is not dict:
        raise MalformedError("malformed", "the protected header is not a map")
    return Sign1(protected, headers, unprotected, payload, signature)


def parse_sign1(unverified: bytes, *, max_bytes: int) -> Sign1:
    """Return the parts of an encoded COSE_Sign1.

    Raises:
        MalformedError: not the one encoding of such a message.
    """
    return sign1_from_tag(decode(unverified, max_bytes=max_bytes, tags=True))


@dataclass(frozen=True)
class InclusionProof:
    """Where a leaf lies: tree size, leaf index, path of 32-byte nodes."""

    size: int
    index: int
    path: tuple[bytes, ...]


def make_receipt(checkpoint: Sign1, proof: InclusionProof) -> bytes:
    """Return the receipt: the checkpoint's signature, detached, plus the path."""
    inclusion = encode([proof.size, proof.index, list(proof.path)])
    unprotected = {VDP: {INCLUSION: [inclusion]}}
    return Sign1(
        checkpoint.protected, checkpoint.headers, unprotected, None, checkpoint.signature
    ).encode()


def parse_receipt(unverified: bytes) -> tuple[Sign1, InclusionProof]:
    """Return a receipt's message and its one inclusion proof, neither of them verified.

    Raises:
        MalformedError: not the one encoding of a receipt.
    """
    message = parse_sign1(unverified, max_bytes=limits.RECEIPT)
    if message.payload is not None or message.headers.get(VDS) != RFC9162_SHA256:
        raise MalformedError("malformed", "not a receipt over an RFC 9162 log")
    proofs = message.unprotected.get(VDP)
    if set(message.unprotected) != {VDP} or type(proofs) is not dict or set(proofs) != {INCLUSION}:
        raise MalformedError("malformed", "a receipt holds inclusion proofs and nothing else")
    listed = proofs[INCLUSION]
    if type(listed) is not list or len(listed) != 1 or type(listed[0]) is not bytes:
        raise MalformedError("malformed", "a receipt holds one inclusion proof")
    parts = decode(listed[0], max_bytes=limits.RECEIPT)
    if type(parts) is not list or len(parts) != 3:
        raise MalformedError("malformed", "an inclusion proof has three parts")
    size, index, path = parts
    if type(size) is not int or type(index) is not int or not 0 <= index < size:
        raise MalformedError("malformed", "size or index of the inclusion proof is out of range")
    return message, InclusionProof(size, index, checked_path(path))


def checked_path(unverified: Any) -> tuple[bytes, ...]:
    """Return a decoded list of 32-byte nodes as a tuple.

    Raises:
        MalformedError: not such a list, or longer than any proof.
    """
    if type(unverified) is not list or len(unverified) > limits.PROOF_NODES:
        raise MalformedError("malformed", "a proof is a list of nodes")
    if any(type(node) is not bytes or len(node) != HASH for node in unverified):
        raise MalformedError("malformed", "a proof's nodes are 32 bytes each")
    return tuple(unverified)


def verify_receipt(message: Sign1, proof: InclusionProof, leaf: bytes, public_key: bytes) -> bytes:
    """Verify that the log under `public_key` holds `leaf`, and return the log root.

    Args:
        message: a parsed receipt.
        proof: its inclusion proof.
        leaf: the leaf's RFC 9162 hash, computed by the caller from what it was shown.
        public_key: the recorder's Ed25519 key, trusted by the caller.

    Raises:
        ReceiptError: the path does not fit.
        VerificationError: the signature does not cover the root that the path leads to.
    """
    root = root_from_inclusion(leaf, proof.index, proof.size, proof.path)
    return message.verify(public_key, root)
