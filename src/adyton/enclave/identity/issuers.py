"""Keys of the issuers that are registered; those used lately are at hand."""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.recent import Recent
from adyton.enclave.identity.book import Book
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.identity.giving_up import is_given_up
from adyton.protocol.identity.issuer_keys import IssuerKeys
from adyton.protocol.identity.registries import IssuerRecord

_HELD: Final = 1024
_ROOM: Final = 16 * limits.MIB  # of memory that all of them take
_SIGNED: Final = "the credential or list"


class Issuers:
    """Keys of the issuers in a book; those used lately are at hand.

    Args:
        book: of records.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._held = Recent[bytes, IssuerKeys](_HELD, _ROOM)

    def key(self, issuer: bytes, kid: str | None) -> PublicKey | None:
        """Return a key of an issuer as it is registered now; None where it has none of that name.

        Raises:
            UsageError: `not_found`, no such issuer.
            CredentialError: `issuer_given_up`.
        """
        record = self._book.record(issuer, IssuerRecord)
        if is_given_up(record):
            raise refused(Reason.ISSUER_GIVEN_UP, _SIGNED)
        keys = self._held.get(issuer)
        if keys is None or keys.version != record.version:
            keys = IssuerKeys(record)
            self._held.put(issuer, keys, keys.memory)
        return keys.key(kid)
