"""DID documents as JSON: ours are written, those of did:web are read, once, from the transaction that pins them.

Nothing is fetched. A did:web stands for a place on the web; here it stands for the document that whoever keeps the
registry has looked at and pinned, until another is pinned. Its keys are read and its services are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials import strict_json
from adyton.protocol.credentials.did import OWN, WEB, Did, read_did_url
from adyton.protocol.credentials.did_document import (
    AGREEMENT,
    ASSERTION,
    AUTHENTICATION,
    PURPOSES,
    DidDocument,
    Method,
)
from adyton.protocol.credentials.did_jwk import read_public_jwk
from adyton.protocol.credentials.multikey import ED25519, P256, X25519, Multikey, read_multikey
from adyton.protocol.credentials.strict_json import Json, Object

_WHAT: Final = "the did document"
_CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1")
_DID_CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://www.w3.org/ns/did/v1.1")
# Type of a method, the member that holds its key, and the curve where the type names one.
_TYPES: Final = {
    "Multikey": ("publicKeyMultibase", None),
    "Ed25519VerificationKey2020": ("publicKeyMultibase", ED25519),
    "X25519KeyAgreementKey2020": ("publicKeyMultibase", X25519),
    "JsonWebKey": ("publicKeyJwk", None),
    "JsonWebKey2020": ("publicKeyJwk", None),
}
_KEY_MEMBERS: Final = frozenset(
    {"publicKeyMultibase", "publicKeyJwk", "publicKeyBase58", "publicKeyHex", "publicKeyPem"}
)
_KNOWN: Final = frozenset(
    {"@context", "id", "alsoKnownAs", "controller", "verificationMethod", "service"}
    | {*PURPOSES, "capabilityInvocation", "capabilityDelegation"}
)
_OWN_SIGNING: Final = (ED25519, P256)
_SIGNATURES: Final = (AUTHENTICATION, ASSERTION)
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?:%3A[1-9][0-9]{0,4})?"
)


def parsed(unverified: bytes) -> Object:
    """Return a document as it is parsed, its form not yet looked at.

    Raises:
        CredentialError: not a JSON object in its one reading, or too large.
    """
    return strict_json.read_object(unverified, _WHAT, most=limits.IDENTITY_JSON)


def document_json(document: DidDocument) -> Object:
    """Return a document as JSON, its keys as Multikey."""
    methods: list[Json] = []
    for method in document.methods:
        entry: Object = {"id": document.url(method), "type": "Multikey"}
        entry |= {"controller": str(document.did), "publicKeyMultibase": method.key.multikey()}
        methods.append(entry)
    made: Object = {"@context": list(_CONTEXTS), "id": str(document.did)}
    made["verificationMethod"] = methods
    for purpose in PURPOSES:
        names: list[Json] = [
            document.url(method) for method in document.methods if purpose in method.purposes
        ]
        if names:
            made[purpose] = names
    return made


def web_address(did: Did) -> str:
    """Return where on the web a did:web lies: for people, who look before they pin.

    Raises:
        MalformedError: of another method, or no host that a document could lie at.
    """
    host, *path = did.identifier.split(":")
    # A last label of digits would be an address, which has no name to be held to.
    last = host.partition("%3A")[0].rpartition(".")[2]
    if did.method != WEB or _HOST.fullmatch(host) is None or last.isdigit():
        raise MalformedError("malformed", f"not a did:{WEB} of a host's name, in lower case")
    if not all(path) or any(part in (".", "..") or "%" in part for part in path):
        raise MalformedError("malformed", f"not a did:{WEB}: a part of its path cannot be there")
    place = "/".join(path) if path else ".well-known"
    return f"https://{host.replace('%3A', ':')}/{place}/did.json"


def read_pinned(unverified: bytes, did: Did) -> DidDocument:
    """Return the document of a did:web that a transaction pins.

    Trust: runs in the enclave. That these are the keys of whoever owns the name is the word of who pins it.

    Args:
        unverified: JSON.
        did: under which it is to be pinned.

    Raises:
        CredentialError: not JSON in its one reading, or too large.
        MalformedError: another form, a key of another kind, or no key.
        VerificationError: `not_found`, the document of another DID.
    """
    return pinned_document(parsed(unverified), did)


def pinned_document(unverified: Object, did: Did) -> DidDocument:
    """Return what `read_pinned` does, of a document that is parsed already."""
    web_address(did)
    return read_document(unverified, did)


def read_own_document(unverified: bytes, did: Did) -> DidDocument:
    """Return the document that a client registers for a DID of the network's own method.

    Trust: runs in the enclave; the document is a client's, which alone can have that name (`did.own_name`).

    Raises:
        CredentialError: not JSON in its one reading, or too large.
        MalformedError: another form, a key that is none, or other keys than: at least one of Ed25519 or P-256 that
            signs, and one of X25519 for key agreement.
        VerificationError: `not_found`, the document of another DID.
    """
    return own_document(parsed(unverified), did)


def own_document(unverified: Object, did: Did) -> DidDocument:
    """Return what `read_own_document` does, of a document that is parsed already."""
    if did.method != OWN:
        raise MalformedError("malformed", f"not a did:{OWN}")
    document = read_document(unverified, did)
    sealing = [method for method in document.methods if method.key.curve == X25519]
    signing = [method for method in document.methods if method.key.curve in _OWN_SIGNING]
    if len(sealing) != 1 or AGREEMENT not in sealing[0].purposes:
        raise _wrong(f"it has one {X25519} key, for {AGREEMENT}, to which things are sealed")
    if not signing or len(signing) + 1 != len(document.methods):
        raise _wrong(f"beside it, it has keys of {' and '.join(_OWN_SIGNING)} that sign")
    if any(method.purposes != _SIGNATURES for method in signing):
        raise _wrong(f"a key that signs serves {' and '.join(_SIGNATURES)}")
    return document


def write_own_document(did: Did, signing: Sequence[Multikey], agreement: Multikey) -> bytes:
    """Return the document of an own DID as it is registered; a key is named by its own text.

    Raises:
        MalformedError: other keys than `read_own_document` takes.
    """
    methods = [Method(key.multikey(), key, _SIGNATURES) for key in signing]
    methods.append(Method(agreement.multikey(), agreement, (AGREEMENT,)))
    written = strict_json.write(document_json(DidDocument(did, tuple(methods))))
    read_own_document(written, did)
    return written


def read_document(unverified: Object, did: Did) -> DidDocument:
    """Return the document of a DID that parsed JSON describes.

    Raises:
        CredentialError: a key is not base64url.
        MalformedError: another form, a key of another kind, or no key.
        VerificationError: `not_found`, the document of another DID.
    """
    if unverified.get("id") != str(did):
        raise VerificationError("not_found", "the document is another did's: id differs")
    unknown = sorted(unverified.keys() - _KNOWN)
    if unknown:
        raise _wrong("it has members that are not of DID core 1.0; leave them out")
    contexts = unverified.get("@context", list(_DID_CONTEXTS))
    listed = contexts if type(contexts) is list else [contexts]
    if not listed or listed[0] not in _DID_CONTEXTS:
        raise _wrong(f"@context begins with {_DID_CONTEXTS[0]}")
    entries = _array(unverified, "verificationMethod")
    keys = dict(_read_method(entry, did) for entry in entries)
    if len(keys) != len(entries):
        raise _wrong("two keys have the same id")
    uses = {purpose: _read_uses(unverified, purpose, did, keys) for purpose in PURPOSES}
    methods = tuple(
        Method(name, key, tuple(purpose for purpose in PURPOSES if name in uses[purpose]))
        for name, key in keys.items()
    )
    return DidDocument(did, methods)


def _read_uses(
    document: Object, purpose: str, did: Did, keys: dict[str, Multikey]
) -> frozenset[str]:
    """Return the names of the keys for a purpose; a key that stands here only is added to `keys`."""
    names: list[str] = []
    for entry in _array(document, purpose):
        if type(entry) is str:
            name = _name(entry, did)
            if name not in keys:
                raise _wrong(f"{purpose} names a key that is not there")
        else:
            name, key = _read_method(entry, did)
            if name in keys:
                raise _wrong("two keys have the same id")
            keys[name] = key
        names.append(name)
    if len(set(names)) != len(names):
        raise _wrong(f"{purpose} names a key twice")
    return frozenset(names)


def _read_method(entry: Json, did: Did) -> tuple[str, Multikey]:
    if type(entry) is not dict:
        raise _wrong("a key is an object with id, type and controller")
    kind, controller = entry.get("type"), entry.get("controller")
    if type(kind) is not str or kind not in _TYPES:
        raise _wrong(f"a key's type is one of {', '.join(_TYPES)}; leave out others")
    if controller != str(did):
        raise _wrong("a key of another controller; pin that one's document too")
    member, curve = _TYPES[kind]
    if _KEY_MEMBERS.intersection(entry) != {member}:
        raise _wrong(f"a {kind} has its key as {member}, and once")
    name = _name(entry.get("id"), did)
    value = entry[member]
    if member == "publicKeyJwk":
        key = read_public_jwk(value, _WHAT)[0]
    elif type(value) is str:
        key = read_multikey(value)
    else:
        raise _wrong(f"{member} is a text")
    if curve not in (None, key.curve):
        raise _wrong(f"a {kind} is not of that curve")
    return name, key


def _name(unverified: Json, did: Did) -> str:
    """Return the fragment of a key's name, which may leave out the document's own DID."""
    if type(unverified) is not str:
        raise _wrong("a key's id is a text")
    text = str(did) + unverified if unverified.startswith("#") else unverified
    found, fragment = read_did_url(text)
    if found != did:
        raise _wrong("a key's id is of another did")
    return fragment


def _array(document: Object, name: str) -> list[Json]:
    value = document.get(name, [])
    if type(value) is not list or len(value) > limits.DID_KEYS:
        raise _wrong(f"{name} is a list of at most {limits.DID_KEYS}")
    return value


def _wrong(what: str) -> MalformedError:
    return MalformedError("malformed", f"did document: {what}")
