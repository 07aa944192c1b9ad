"""Evidence of the simulated platform: a CWT over COSE_Sign1, in a form that no hardware uses.

    61(18([
        << {1: -8, 3: "application/vnd.adyton.simulated-not-hardware+cwt", 33: h'certificate'} >>,
        {},
        << {6: 1767225600, 10: h'nonce', 256: h'01…', 263: 0, 265: "tag:…", -70001: h'…', …} >>,
        h'signature']))

It cannot be taken for a hardware platform's: it has a profile, a media type and a critical
certificate extension of its own, its root is made per installation and pinned by the policy, and
its debug state always says that the enclave can be looked into.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier, SignatureAlgorithmOID

from adyton.attestation.claims import Claims
from adyton.core import limits
from adyton.core.cose import ALG, CONTENT_TYPE, EDDSA, X5CHAIN, Sign1, sign1, sign1_from_tag
from adyton.core.crypto import SigningKey, equal, verify_raw
from adyton.core.encoding import decode, encode
from adyton.core.errors import EvidenceError, MalformedError, VerificationError

KIND: Final = "simulated"
PROFILE: Final = "tag:adyton.invalid,2026:simulated-evidence-not-hardware#1"
MEDIA_TYPE: Final = "application/vnd.adyton.simulated-not-hardware+cwt"
# An arc that nobody has to be asked for: 2.25 and a random UUID as an integer (ITU-T X.667).
EXTENSION: Final = ObjectIdentifier("2.25.219632774440717071748427637193648212553")
EXTENSION_VALUE: Final = b"\x0c\x17simulated, not hardware"  # DER UTF8String
CWT_TAG: Final = 61

# EAT (RFC 9711) and CWT (RFC 8392) claims, then private ones.
IAT: Final = 6
NONCE: Final = 10
UEID: Final = 256
DBGSTAT: Final = 263
EAT_PROFILE: Final = 265
REPORT_DATA: Final = -70001
MEASUREMENT: Final = -70002
SIGNER: Final = -70003
PRODUCT: Final = -70004
SVN: Final = -70005
PLATFORM_KIND: Final = -70006

DEBUG_ENABLED: Final = 0
NO_SIGNER: Final = bytes(32)  # nobody signs an image for the simulated platform
PRODUCT_NAME: Final = "adyton"
NONCE_MIN: Final = 8  # RFC 9711, 4.1
_IAT_MAX: Final = 2**40

_CLAIMS: Final = frozenset(
    (
        IAT,
        NONCE,
        UEID,
        DBGSTAT,
        EAT_PROFILE,
        REPORT_DATA,
        MEASUREMENT,
        SIGNER,
        PRODUCT,
        SVN,
        PLATFORM_KIND,
    )
)


def device_id(certificate: bytes) -> bytes:
    """Return the EAT `ueid` that belongs to an attestation key's certificate, 17 bytes."""
    return b"\x01" + hashlib.sha256(certificate).digest()[:16]


def produce(
    key: SigningKey,
    certificate: bytes,
    *,
    report_data: bytes,
    measurement: bytes,
    svn: int,
    nonce: bytes,
    issued_s: int,
) -> bytes:
    """Return evidence under the attestation key; the other half of `parse`, used by the platform
    alone.

    Args:
        key: the attestation key.
        certificate: its certificate, DER.
        report_data: 64 bytes.
        measurement: 48 bytes.
        svn: security version of the code.
        nonce: 8 to 32 bytes.
        issued_s: the platform's clock, seconds since 1970.
    """
    claims = {
        IAT: issued_s,
        NONCE: nonce,
        UEID: device_id(certificate),
        DBGSTAT: DEBUG_ENABLED,
        EAT_PROFILE: PROFILE,
        REPORT_DATA: report_data,
        MEASUREMENT: measurement,
        SIGNER: NO_SIGNER,
        PRODUCT: PRODUCT_NAME,
        SVN: svn,
        PLATFORM_KIND: KIND,
    }
    signed = sign1(key, {CONTENT_TYPE: MEDIA_TYPE, X5CHAIN: certificate}, encode(claims))
    parts: list[Any] = [signed.protected, {}, signed.payload, signed.signature]
    return encode(cbor2.CBORTag(CWT_TAG, cbor2.CBORTag(18, parts)))


@dataclass(frozen=True)
class ParsedEvidence:
    """Evidence of the right form; nothing in it is authentic before `verify` returns."""

    message: Sign1
    claims: dict[int, Any]
    leaf: x509.Certificate
    root: x509.Certificate
    root_bytes: bytes

    def verify(self, root_digest: bytes) -> Claims:
        """Verify certificates and signature, and return what they make authentic.

        Args:
            root_digest: SHA-256 of the root certificate that is pinned, 32 bytes.

        Raises:
            EvidenceError: step 3, the certificates; step 4, the signature over the claims.
        """
        # Step 3: the pinned root signed itself and the attestation key's certificate.
        if not equal(hashlib.sha256(self.root_bytes).digest(), root_digest):
            raise EvidenceError("evidence_signature", 3, "the root is not the one that is pinned")
        root_key = _check_certificate(self.root, self.root, authority=True)
        _check_certificate(self.leaf, self.root, authority=False)
        _check_signature(self.root, root_key)
        _check_signature(self.leaf, root_key)
        # Step 4: the attestation key signed the claims.
        try:
            self.message.verify(_ed25519(self.leaf))
        except (MalformedError, VerificationError) as problem:
            raise EvidenceError(
                "evidence_signature", 4, "the claims' signature does not verify"
            ) from problem
        chain = (self.leaf, self.root)
        return Claims(
            kind=self.claims[PLATFORM_KIND],
            hardware_rooted=False,
            nonce=self.claims[NONCE],
            issued_ms=self.claims[IAT] * 1000,
            debug_state=self.claims[DBGSTAT],
            report_data=self.claims[REPORT_DATA],
            measurement=self.claims[MEASUREMENT],
            svn=self.claims[SVN],
            valid_from_ms=max(int(c.not_valid_before_utc.timestamp()) * 1000 for c in chain),
            valid_to_ms=min(int(c.not_valid_after_utc.timestamp()) * 1000 for c in chain),
        )


def parse(unverified: bytes, unverified_endorsements: Sequence[bytes]) -> ParsedEvidence:
    """Return evidence as its parts (step 2).

    Trust: both arguments come from the host.

    Args:
        unverified: the CWT, at most `limits.EVIDENCE` bytes.
        unverified_endorsements: the root certificate, DER, and nothing else.

    Raises:
        EvidenceError: step 2, not of this form; `evidence_kind` where it is of another profile.
    """
    try:
        value = decode(unverified, max_bytes=limits.EVIDENCE, tags=True)
        if type(value) is not cbor2.CBORTag or value.tag != CWT_TAG:
            raise MalformedError("malformed", "not a CWT")
        message = sign1_from_tag(value.value)
        claims = decode(message.payload or b"", max_bytes=limits.EVIDENCE)
    except MalformedError as problem:
        raise _malformed(problem.message) from problem
    if message.headers.get(CONTENT_TYPE) != MEDIA_TYPE:
        raise EvidenceError("evidence_kind", 2, "not the simulated platform's media type")
    if set(message.headers) != {ALG, CONTENT_TYPE, X5CHAIN} or message.headers[ALG] != EDDSA:
        raise _malformed("headers other than algorithm, media type and certificate")
    if message.unprotected:
        raise _malformed("headers that the signature does not cover")
    leaf = message.headers[X5CHAIN]
    if type(leaf) is not bytes or len(unverified_endorsements) != 1:
        raise _malformed("not one attestation certificate and one root")
    root = unverified_endorsements[0]
    checked = _checked(claims)
    if checked[UEID] != device_id(leaf):
        raise _malformed("the device's name is not its certificate's")
    return ParsedEvidence(message, checked, _load(leaf), _load(root), root)


def _checked(claims: Any) -> dict[int, Any]:
    if type(claims) is not dict or claims.get(EAT_PROFILE) != PROFILE:
        raise EvidenceError("evidence_kind", 2, "not the simulated platform's profile")
    if set(claims) != _CLAIMS:
        raise _malformed("a claim is missing or not of the profile")
    for claim, sizes in (
        (NONCE, range(NONCE_MIN, limits.NONCE + 1)),
        (UEID, (17,)),
        (REPORT_DATA, (64,)),
        (MEASUREMENT, (48,)),
        (SIGNER, (32,)),
    ):
        if type(claims[claim]) is not bytes or len(claims[claim]) not in sizes:
            raise _malformed(f"claim {claim} is not a byte string of its size")
    for claim, most in ((IAT, _IAT_MAX), (DBGSTAT, 4), (SVN, 2**32 - 1)):
        if type(claims[claim]) is not int or not 0 <= claims[claim] <= most:
            raise _malformed(f"claim {claim} is not an integer from 0 to {most}")
    if claims[PRODUCT] != PRODUCT_NAME or claims[SIGNER] != NO_SIGNER:
        raise _malformed("another product or signer")
    if type(claims[PLATFORM_KIND]) is not str:
        raise _malformed("the kind is not text")
    return claims


def _malformed(reason: str) -> EvidenceError:
    return EvidenceError("evidence_malformed", 2, reason)


def _load(unverified: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(unverified)
        # Both are parsed on first use: a fault in them belongs to this step.
        _ = certificate.extensions, certificate.public_key()
    except Exception as problem:
        # The library raises ValueError, UnsupportedAlgorithm, DuplicateExtension and more.
        raise _malformed("not a certificate") from problem
    return certificate


def _ed25519(certificate: x509.Certificate) -> bytes:
    key = certificate.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError("evidence_signature", 3, "a certificate's key is not Ed25519")
    return key.public_bytes_raw()


def _check_certificate(
    certificate: x509.Certificate, issuer: x509.Certificate, *, authority: bool
) -> bytes:
    """Check form, names and extensions, and return the certificate's key."""
    # Invariant: without the critical extension an ordinary X.509 verifier could take it for its
    # own.
    wanted = {
        ExtensionOID.BASIC_CONSTRAINTS: x509.BasicConstraints(authority, 0 if authority else None),
        EXTENSION: x509.UnrecognizedExtension(EXTENSION, EXTENSION_VALUE),
    }
    held = list(certificate.extensions)
    if {extension.oid for extension in held} != set(wanted) or not all(
        extension.critical and extension.value == wanted[extension.oid] for extension in held
    ):
        raise EvidenceError(
            "evidence_signature", 3, "a certificate's extensions are not the simulated platform's"
        )
    if certificate.issuer != issuer.subject:
        raise EvidenceError("evidence_signature", 3, "a certificate names another issuer")
    return _ed25519(certificate)


def _check_signature(certificate: x509.Certificate, issuer_key: bytes) -> None:
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ED25519:
        raise EvidenceError("evidence_signature", 3, "a certificate is not signed by Ed25519")
    try:
        verify_raw(issuer_key, certificate.signature, certificate.tbs_certificate_bytes)
    except VerificationError as problem:
        raise EvidenceError(
            "evidence_signature", 3, "a certificate's signature does not verify"
        ) from problem
