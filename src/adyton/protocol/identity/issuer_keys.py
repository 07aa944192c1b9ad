"""Keys of one issuer, by the name that a signature's header gives: a hint, of which nothing is believed."""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.protocol.credentials import strict_json
from adyton.protocol.credentials.jwk import PublicKey, read_jwk
from adyton.protocol.identity.registries import IssuerRecord

# What one takes of memory, rather too much: of itself, and each of its keys, for each byte of it as well.
_OF_ISSUER: Final = 1024
_OF_KEY: Final = 1024
_OF_BYTE: Final = 5
_WHAT: Final = "an issuer's key"


class IssuerKeys:
    """The keys of one issuer; a key is read when it is first asked for.

    Args:
        record: the issuer's.

    Raises:
        CredentialError: a key is not JSON in its one reading.
        MalformedError: no key, or several that their names do not tell apart.

    Attributes:
        version: of the record.
        memory: bytes that they take, rather too many.
    """

    def __init__(self, record: IssuerRecord) -> None:
        self.version = record.version
        self.memory = _OF_ISSUER
        # A key that was not asked for stays as it came: parsed, a stranger's JSON takes twenty times as much.
        self._keys: dict[str, bytes | PublicKey] = {}
        for encoded in record.keys:
            kid = _parsed(encoded).get("kid", "")
            if type(kid) is not str or kid in self._keys:
                raise MalformedError("malformed", "an issuer's keys have a text each as kid")
            self._keys[kid] = encoded
            self.memory += _OF_KEY + _OF_BYTE * len(encoded)
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
        key = self._keys[name] = read_jwk(_parsed(found), _WHAT)
        return key

    def require_all(self) -> None:
        """Refuse keys that are none.

        Raises:
            CredentialError: one is no public key for signatures.
        """
        for kid in self._keys:
            self.key(kid)


def _parsed(encoded: bytes) -> strict_json.Object:
    return strict_json.read_object(encoded, _WHAT, most=limits.JWK)
