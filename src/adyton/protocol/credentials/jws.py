"""Compact JWS (RFC 7515), verified by a key that the caller has: nothing in the header is believed about it."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from adyton.core import limits
from adyton.core.errors import VerificationError
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.strict_json import Object

HEADER: Final = 16 * limits.KIB  # room for a chain of certificates, which is not read
# Characters of a header that is kept for the next one like it: too few to name a holder's key, or else the time that a
# check takes would tell who has come again.
_KNOWN: Final = 64
_OWN_KEY: Final = frozenset({"jwk", "jku", "x5u"})
_EXTENSION: Final = frozenset({"crit", "b64"})


class UnverifiedJws(NamedTuple):
    """A JWS that has the form of one; whether it is authentic is not known yet.

    Attributes:
        what: its name, for errors.
        alg: the algorithm that the header names.
        typ: the type that it names.
        kid: the key's name, where there is one: a hint for a look-up, never a reason to believe.
        unverified_payload: bytes.
        signed: what the signature is over.
        signature: bytes.
    """

    what: str
    alg: str
    typ: str
    kid: str | None
    unverified_payload: bytes
    signed: bytes
    signature: bytes

    def verify(self, key: PublicKey, otherwise: Reason) -> bytes:
        """Return the payload, verified.

        Trust: runs in the enclave; all but `key` comes from a stranger.

        Args:
            key: from a registry, or from what a verified issuer has signed; it pins the algorithm.
            otherwise: reason to refuse a signature with that does not verify.

        Raises:
            CredentialError: another algorithm, or the signature does not verify.
        """
        if self.alg not in key.algorithms:
            raise refused(Reason.ALG_MISMATCH, self.what)
        try:
            key.verify(self.signature, self.signed)
        except VerificationError:
            raise refused(otherwise, self.what) from None
        return self.unverified_payload


def read_jws(unverified: str, what: str) -> UnverifiedJws:
    """Return a compact JWS in its parts.

    Args:
        unverified: ASCII or not.
        what: its name, for the error.

    Raises:
        CredentialError: another form, unsigned, or a header that brings a key or demands an extension.
    """
    parts = unverified.split(".")
    if len(parts) != 3:
        raise refused(Reason.JWS_FORM, what)
    header_text, payload_text, signature_text = parts
    read_header = _known_header if len(header_text) <= _KNOWN else _header
    alg, typ, kid = read_header(header_text, what)
    payload = base64url.decode(payload_text, f"{what}'s payload")
    signature = base64url.decode(signature_text, f"{what}'s signature")
    signed = unverified[: len(header_text) + 1 + len(payload_text)].encode("ascii")
    return UnverifiedJws(what, alg, typ, kid, payload, signed, signature)


def _header(unverified: str, what: str) -> tuple[str, str, str | None]:
    named = f"{what}'s header"
    header = strict_json.read_object(base64url.decode(unverified, named), named, most=HEADER)
    return _read_header(header, what)


_known_header: Final = lru_cache(maxsize=256)(_header)  # a refusal is not kept


def _read_header(header: Object, what: str) -> tuple[str, str, str | None]:
    if not _EXTENSION.isdisjoint(header):
        raise refused(Reason.HEADER_CRITICAL, what)
    if not _OWN_KEY.isdisjoint(header):
        raise refused(Reason.HEADER_KEY, what)
    alg, typ, kid = header.get("alg"), header.get("typ", ""), header.get("kid", "")
    if type(alg) is not str or type(typ) is not str or type(kid) is not str:
        raise refused(Reason.JWS_HEADER, what)
    if alg.lower() == "none":
        raise refused(Reason.ALG_NONE, what)
    return alg, typ, kid or None
