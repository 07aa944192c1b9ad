"""A status list that is brought in, of whichever kind: read as its issuer's record says."""

from __future__ import annotations

from collections.abc import Callable

from adyton.core.errors import UsageError
from adyton.protocol.credentials import status_bitstring, status_token
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.jws import read_jws
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.status_bitstring import read_bitstring_list
from adyton.protocol.credentials.status_list import StatusList
from adyton.protocol.credentials.status_token import read_token_list
from adyton.protocol.identity.registries import IssuerRecord


def require_listed(record: IssuerRecord, uri: str) -> None:
    """Refuse an address at which the issuer has no list.

    Raises:
        UsageError: `not_found`.
    """
    if uri not in record.lists:
        raise UsageError("not_found", "the issuer's record has no list of that address")


def read_brought_list(
    unverified: str,
    *,
    uri: str,
    issuer: bytes,
    record: IssuerRecord,
    key_of: Callable[[str | None], PublicKey | None],
    now_s: int,
) -> StatusList:
    """Return the list that was brought.

    Trust: runs in the enclave; the list comes from whoever sent the transaction. Whoever brings it can look before.

    Args:
        unverified: compact JWS.
        uri: its address.
        issuer: name of the issuer's record, 32 bytes.
        record: the issuer's.
        key_of: gives the issuer's key by the header's `kid`; None where it has none of that name.
        now_s: block time, seconds since 1970.

    Raises:
        CredentialError: the JWS, or its JSON, has not its form, or is not signed by that key.
        MalformedError: the list has not its form, or is too large.
        VerificationError: `status_invalid` or `status_stale`.
    """
    jws = read_jws(unverified, status_token.WHAT)
    key = key_of(jws.kid)
    if key is None:
        raise refused(Reason.ISSUER_UNKNOWN, status_token.WHAT)
    if jws.typ == status_bitstring.TYPE:
        return read_bitstring_list(
            unverified, uri=uri, issuer=issuer, iss=record.iss, key=key, now_s=now_s
        )
    return read_token_list(unverified, uri=uri, issuer=issuer, key=key, now_s=now_s)
