"""Pseudonyms: a relying party recognises a holder who comes again, and two of them cannot compare notes.

    party key = KDF(secret, kdf/pseudonym ‖ relying party)
    pseudonym = MAC(party key, mac/pseudonym ‖ issuer ‖ claim ‖ kind of value ‖ value)

The secret stays in the enclave: without it nobody can try values, of which there may be few. It is one that outlives
epochs and re-keyings, or pseudonyms would change with them. The policy states the claim; it should be one that the
issuer gives to one holder once and never anew, such as the number of a document or a pairwise subject.
"""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import derive, mac
from adyton.core.errors import MalformedError

_TEXT: Final = b"text"
_NUMBER: Final = b"number"


def pseudonym(secret: bytes, party: bytes, issuer: str, claim: str, value: object) -> bytes:
    """Return the pseudonym of a holder at a relying party, 32 bytes.

    Trust: runs in the enclave. `value` is what a verified credential says; no error text repeats it.

    Args:
        secret: 32 bytes, for pseudonyms alone or a root they are derived from.
        party: name of the relying party, of any length.
        issuer: identifier of the credential's issuer.
        claim: name of the claim, as the policy states it.
        value: a text that is not empty, or an integer; texts are compared code point by code point.

    Raises:
        MalformedError: a value of another kind, or too long: nothing to tell a holder by.
    """
    kind, data = _encoded(value)
    party_key = derive(secret, Context.KDF_PSEUDONYM, party)
    return mac(party_key, Context.PSEUDONYM, _utf8(issuer), _utf8(claim), kind, data)


def require_stable(value: object) -> None:
    """Refuse a value that no pseudonym can be made of.

    Raises:
        MalformedError: as `pseudonym`.
    """
    _encoded(value)


def _encoded(value: object) -> tuple[bytes, bytes]:
    if type(value) is str and 0 < len(value) <= limits.PSEUDONYM_CLAIM:
        return _TEXT, _utf8(value)
    if type(value) is int and abs(value) <= limits.UINT_MAX:
        return _NUMBER, str(value).encode()
    raise MalformedError(
        "malformed",
        f"the stable claim is a text of 1 to {limits.PSEUDONYM_CLAIM} characters, or an integer",
    )


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The library's error holds the text.
        raise MalformedError(
            "malformed", "the stable claim, its name or its issuer holds half of a surrogate pair"
        ) from None
