"""Keys of registered issuers, by the name that a signature's header gives: a hint, of which nothing is believed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.enclave.identity.book import Book
from adyton.protocol.credentials import strict_json
from adyton.protocol.credentials.jwk import PublicKey, read_jwk
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.identity.giving_up import is_given_up
from adyton.protocol.identity.registries import IssuerRecord

_HELD: Final = 1024
_WHAT: Final = "an issuer's key"
_SIGNED: Final = "the credential or list"


class IssuerKeys:
    """The keys of one issuer; a key is read when it is first asked for.

    Args:
        record: the issuer's.

    Raises:
        CredentialError: a key is not JSON in its one reading.
        MalformedError: no key, or several that their names do not tell apart.
    """

    def __init__(self, record: IssuerRecord) -> None:
        self.version = record.version
        self._keys: dict[str, strict_json.Json | PublicKey] = {}
        for encoded in record.keys:
            jwk = strict_json.read_object(encoded, _WHAT, most=limits.JWK)
            kid = jwk.get("kid", "")
            if type(kid) is not str or kid in self._keys:
                raise MalformedError("malformed", "an issuer's keys have a text each as kid")
            self._keys[kid] = jwk
        if not self._keys or (len(self._keys) > 1 and "" in self._keys):
            raise MalformedError("malformed", "an issuer has a key, or several with a kid each")

    def key(self, kid: str | None) -> PublicKey | None:
        """Return the key of that name, or the only one there is; None where that is none.

        Raises:
            CredentialError: it is no key for signatures: refused when it was registered.
        """
        name = kid or ""
        if len(self._keys) == 1:
            name = next(iter(self._keys))
        found = self._keys.get(name)
        if found is None or isinstance(found, PublicKey):
            return found
        key = self._keys[name] = read_jwk(found, _WHAT)
        return key

    def require_all(self) -> None:
        """Refuse keys that are none.

        Raises:
            CredentialError: one is no public key for signatures.
        """
        for kid in self._keys:
            self.key(kid)


class Issuers:
    """Keys of the issuers in a book; those used lately are at hand.

    Args:
        book: of records.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._held: OrderedDict[bytes, IssuerKeys] = OrderedDict()

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
            keys = self._held[issuer] = IssuerKeys(record)
            if len(self._held) > _HELD:
                self._held.popitem(last=False)
        self._held.move_to_end(issuer)
        return keys.key(kid)
