"""What a DID resolves to: keys, and what each may be used for. Without a network: no method here asks anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials.did import Did, read_did_url
from adyton.protocol.credentials.multikey import ED25519, SIGNING, X25519, Multikey

AUTHENTICATION: Final = "authentication"
ASSERTION: Final = "assertionMethod"
AGREEMENT: Final = "keyAgreement"
PURPOSES: Final = (AUTHENTICATION, ASSERTION, AGREEMENT)


@dataclass(frozen=True, slots=True)
class Method:
    """A key of a document.

    Attributes:
        fragment: its name within the document.
        key: the key.
        purposes: what it may be used for, of `PURPOSES`, in their order.
    """

    fragment: str
    key: Multikey
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DidDocument:
    """The keys of a DID.

    Attributes:
        did: whose.
        methods: in the order of the document, at least one, each with another fragment.

    Raises:
        MalformedError: no key, too many, two of one name, or a purpose that a key's curve cannot serve.
    """

    did: Did
    methods: tuple[Method, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.methods) <= limits.DID_KEYS:
            raise MalformedError("too_large", f"a did has 1 to {limits.DID_KEYS} keys")
        if len({method.fragment for method in self.methods}) != len(self.methods):
            raise MalformedError("malformed", "two keys of a did have the same name")
        for method in self.methods:
            _require_purposes(method)

    def url(self, method: Method) -> str:
        """Return the full name of a key."""
        return f"{self.did}#{method.fragment}"

    def key(self, unverified_name: str, purpose: str) -> Multikey:
        """Return the key of that full name, if it may be used so.

        Raises:
            MalformedError: the name has not the form of one.
            VerificationError: `not_found`, no key of this document; `key_purpose`, not for this use.
        """
        did, fragment = read_did_url(unverified_name)
        found = next((m for m in self.methods if m.fragment == fragment), None)
        if did != self.did or found is None:
            raise VerificationError("not_found", "the did's document has no key of that name")
        if purpose not in found.purposes:
            raise VerificationError("key_purpose", f"the key is not one for {purpose}")
        return found.key

    def agreement(self) -> Multikey:
        """Return the first X25519 key to which something may be sealed.

        Raises:
            VerificationError: `key_purpose`, there is none.
        """
        for method in self.methods:
            if AGREEMENT in method.purposes and method.key.curve == X25519:
                return method.key
        raise VerificationError("key_purpose", f"the did has no {X25519} key for {AGREEMENT}")


def _require_purposes(method: Method) -> None:
    purposes, curve = method.purposes, method.key.curve
    if purposes != tuple(purpose for purpose in PURPOSES if purpose in purposes):
        raise MalformedError("malformed", f"a key's uses are, in order: {', '.join(PURPOSES)}")
    if AGREEMENT in purposes and curve == ED25519:
        raise MalformedError("malformed", f"an {curve} key is not one for {AGREEMENT}")
    if curve not in SIGNING and purposes not in ((), (AGREEMENT,)):
        raise MalformedError("malformed", f"an {curve} key is one for {AGREEMENT} only")
