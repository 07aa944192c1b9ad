"""Where the status of a credential stands: which lists, and which index in each.

Two kinds are read: the Token Status List (`status.status_list`) and the Bitstring Status List of VCDM
(`credentialStatus`). Another kind is refused, since a status that nobody looks up is as good as none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from adyton.core import limits
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.strict_json import Json, Object

_WHAT: Final = "the credential"
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_PURPOSES: Final = ("revocation", "suspension")
_LISTS_MOST: Final = 4


class ListKind(Enum):
    """Which standard a status list follows."""

    TOKEN = "token"
    BITSTRING = "bitstring"


@dataclass(frozen=True, slots=True)
class StatusReference:
    """A place in a status list. It names one credential: it never leaves the enclave.

    Attributes:
        kind: the list's standard.
        uri: the list's address, as the issuer wrote it.
        index: place in the list.
        purpose: `revocation` or `suspension` in a bitstring list, empty in a token list.
    """

    kind: ListKind
    uri: str
    index: int
    purpose: str = ""


class Status(Enum):
    """What a list says of a place in it, or that it cannot say anything; by the reason to refuse with."""

    VALID = None
    REVOKED = Reason.REVOKED
    SUSPENDED = Reason.SUSPENDED
    UNKNOWN = Reason.STATUS_UNKNOWN
    STALE = Reason.STATUS_STALE
    OTHER = Reason.STATUS_VALUE


def read_status(claims: Object) -> tuple[StatusReference, ...]:
    """Return where the status of a credential stands; nothing where it has none.

    Raises:
        CredentialError: `status_form` or `status_mechanism`.
    """
    found: list[StatusReference] = []
    if "status" in claims:
        found.append(_token(claims["status"]))
    if "credentialStatus" in claims:
        entries = claims["credentialStatus"]
        listed = entries if type(entries) is list else [entries]
        if not 1 <= len(listed) <= _LISTS_MOST:
            raise refused(Reason.STATUS_FORM, _WHAT)
        found += map(_bitstring, listed)
    return tuple(found)


def require_valid(status: Status) -> None:
    """Refuse a status other than valid.

    Raises:
        CredentialError: with the reason that stands for it.
    """
    if status.value is not None:
        raise refused(status.value, _WHAT)


def _token(status: Json) -> StatusReference:
    if type(status) is not dict:
        raise refused(Reason.STATUS_FORM, _WHAT)
    # Beside a kind that is known, one that is not could still say "revoked".
    if status.keys() != {"status_list"}:
        raise refused(Reason.STATUS_MECHANISM, _WHAT)
    place = status["status_list"]
    if type(place) is not dict:
        raise refused(Reason.STATUS_FORM, _WHAT)
    index = place.get("idx")
    if type(index) is not int or index < 0:
        raise refused(Reason.STATUS_FORM, _WHAT)
    return StatusReference(ListKind.TOKEN, _uri(place.get("uri")), index)


def _bitstring(entry: Json) -> StatusReference:
    if type(entry) is not dict:
        raise refused(Reason.STATUS_FORM, _WHAT)
    purpose, index = entry.get("statusPurpose"), entry.get("statusListIndex")
    if entry.get("type") != "BitstringStatusListEntry" or purpose not in _PURPOSES:
        raise refused(Reason.STATUS_MECHANISM, _WHAT)
    if type(index) is not str or not _DECIMAL.fullmatch(index) or int(index) > limits.JSON_INTEGER:
        raise refused(Reason.STATUS_FORM, _WHAT)
    uri = _uri(entry.get("statusListCredential"))
    return StatusReference(ListKind.BITSTRING, uri, int(index), str(purpose))


def _uri(value: Json) -> str:
    if type(value) is not str or len(value) > limits.STATUS_URI or not _URI.fullmatch(value):
        raise refused(Reason.STATUS_FORM, _WHAT)
    return value
