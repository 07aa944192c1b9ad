"""Evidence of the simulated platform, as `docs/spec/evidence.md` defines its appraisal."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from ledger import Chain, verify_cose
from strict import (
    Form,
    Many,
    Maybe,
    Number,
    Octets,
    Refused,
    Text,
    Value,
    decode,
    lp,
    require,
    verify_signature,
)

KIB = 1024
MEDIA_TYPE = "application/vnd.adyton.simulated-not-hardware+cwt"
PROFILE = "tag:adyton.invalid,2026:simulated-evidence-not-hardware#1"
MARK = x509.ObjectIdentifier("2.25.219632774440717071748427637193648212553")
SKEW_S = 120
ATTESTED = Form(
    "attested/1",
    512 * KIB,
    kind=Text(40),
    role=Text(40, "recorder", "runner"),
    signing_key=Octets(32),
    hpke_key=Maybe(Octets(32)),
    chain_id=Octets(32),
    config_digest=Octets(32),
    incarnation=Number(2**32 - 1),
    sandbox=Text(40),
)
BUNDLE = Form(
    "evidence/1",
    512 * KIB,
    attested=ATTESTED,
    nonce=Octets(32, exactly=False),
    evidence=Octets(32 * KIB, exactly=False),
    endorsements=Many(8, Octets(32 * KIB, exactly=False)),
)


@dataclass(frozen=True)
class Key:
    """A key whose evidence holds."""

    role: str
    public: bytes
    issued_s: int


def appraise(bundle: list[Value], chain: Chain, role: str, now_ms: int) -> Key:
    """Appraise evidence of record: steps 2 to 8, for a key of this role on this chain."""
    shown = BUNDLE.fields_of(bundle)
    attested = ATTESTED.fields_of(shown["attested"])
    require(attested["role"] == role, f"not the evidence of a {role} key")
    require(attested["kind"] == chain.configuration["platform"] == "simulated", "another platform")
    require(attested["chain_id"] == chain.chain_id, "evidence of another chain")
    require(attested["config_digest"] == chain.configuration_digest, "another configuration")
    claims, certificate, message = _take_apart(shown["evidence"])
    # 3
    roots = shown["endorsements"]
    require(len(roots) == 1, "one endorsement: the root")
    pinned = chain.genesis["simulated_root"]
    require(hashlib.sha256(roots[0]).digest() == pinned, "another root than genesis fixes")
    root, leaf = _certificate(roots[0]), _certificate(certificate)
    _require_extensions(root, authority=True)
    _require_extensions(leaf, authority=False)
    _require_issued(root, root)
    _require_issued(leaf, root)
    # 4
    verify_cose(message, message[2], _raw_key(leaf))
    # 5
    require(claims[10] == shown["nonce"], "the nonce is not the signed one")
    issued = claims[6]
    for one in (root, leaf):
        valid = one.not_valid_before_utc <= _when(issued) <= one.not_valid_after_utc
        require(valid, "made outside of a certificate's validity")
    require(issued <= now_ms // 1000 + SKEW_S, "evidence from the future")
    # 6
    kind = attested["kind"].encode()
    encoded = cbor2.dumps(shown["attested"], canonical=True)
    context = b"adyton/1/hash/report-data"
    data = hashlib.sha512(lp(context, kind, encoded, shown["nonce"])).digest()
    require(claims[-70001] == data, "the report data are of something else")
    # 7
    require(claims[-70006] == attested["kind"], "the signed kind is another")
    require(claims[263] == 0, "another debug state")
    # 8
    require(claims[-70002] == chain.genesis["measurement"], "the measurement is another")
    require(claims[256] == b"\x01" + hashlib.sha256(certificate).digest()[:16], "another device")
    return Key(role, attested["signing_key"], issued)


_CLAIMS: dict[int, Any] = {
    6: Number(),
    10: Octets(32, exactly=False),
    256: Octets(17),
    263: Number(),
    265: Text(100, PROFILE),
    -70001: Octets(64),
    -70002: Octets(48),
    -70003: Octets(32),
    -70004: Text(40, "adyton"),
    -70005: Number(),
    -70006: Text(40, "simulated"),
}


def _take_apart(evidence: bytes) -> tuple[dict[int, Value], bytes, list[Value]]:
    tagged = decode(evidence, tags=True)
    cwt = isinstance(tagged, cbor2.CBORTag) and tagged.tag == 61
    require(cwt and isinstance(tagged.value, cbor2.CBORTag), "not a CWT")
    require(tagged.value.tag == 18, "not a COSE_Sign1")
    message = tagged.value.value
    require(type(message) is list and len(message) == 4, "a COSE_Sign1 has four parts")
    protected, unprotected, payload, signature = message
    sizes = type(protected) is bytes and type(payload) is bytes and type(signature) is bytes
    require(sizes and unprotected == {}, "a part of a wrong type, or unprotected headers")
    headers, claims = decode(protected), decode(payload)
    require(type(headers) is dict and set(headers) == {1, 3, 33}, "other headers")
    require(headers[1] == -8 and headers[3] == MEDIA_TYPE, "another algorithm or media type")
    require(type(headers[33]) is bytes, "one certificate")
    require(type(claims) is dict and set(claims) == set(_CLAIMS), "other claims")
    for name, kind in _CLAIMS.items():
        kind.check(claims[name])
    require(len(claims[10]) >= 8, "a nonce of fewer than 8 bytes")
    require(claims[-70003] == bytes(32), "nobody signs images for this platform")
    return claims, headers[33], message


def _certificate(data: bytes) -> x509.Certificate:
    try:
        made = x509.load_der_x509_certificate(data)
        again = made.public_bytes(Encoding.DER)
    except Exception as problem:
        raise Refused(f"not a certificate: {problem}") from problem
    require(again == data, "not the one encoding of a certificate")
    return made


def _require_extensions(certificate: x509.Certificate, *, authority: bool) -> None:
    try:
        listed = {item.oid: item for item in certificate.extensions}
    except Exception as problem:
        raise Refused(f"extensions that cannot be read: {problem}") from problem
    oids = {x509.BasicConstraints.oid, MARK}
    require(set(listed) == oids, "other extensions")
    require(all(item.critical for item in listed.values()), "an extension that is not critical")
    basic, mark = listed[x509.BasicConstraints.oid].value, listed[MARK].value
    wanted = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    require(basic == wanted, "other basic constraints")
    text = b"simulated, not hardware"
    marked = isinstance(mark, x509.UnrecognizedExtension) and mark.value in (
        b"\x0c" + bytes([len(text)]) + text,
        text,
    )
    require(marked, "the certificate does not say that it is simulated")


def _require_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        named = certificate.issuer == issuer.subject
        signed, signature = certificate.tbs_certificate_bytes, certificate.signature
    except Exception as problem:
        raise Refused(f"a certificate that cannot be read: {problem}") from problem
    require(named, "another issuer")
    verify_signature(_raw_key(issuer), signature, signed)


def _raw_key(certificate: x509.Certificate) -> bytes:
    try:
        key = certificate.public_key()
    except Exception as problem:
        raise Refused(f"a key that cannot be read: {problem}") from problem
    if not isinstance(key, Ed25519PublicKey):
        raise Refused("a key that is not Ed25519")
    return key.public_bytes_raw()


def _when(seconds: int) -> datetime.datetime:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, ValueError, OSError) as problem:
        raise Refused("a time that is none") from problem
