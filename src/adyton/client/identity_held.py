"""Credentials of this client, on its own disk and nowhere else.

HOME/chains/<chain id>/credentials/<name>      HeldFile; the name is the digest of the issuer's part, 16 hex digits
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from adyton.client.credentials.holding import HeldCredential, hold
from adyton.client.identity_dids import OwnDid
from adyton.client.private_files import load, make_directory, write
from adyton.client.session import Session
from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.core.fields import AtMost
from adyton.core.schema import Message, Uint, message
from adyton.protocol.credentials.jwk import read_jwk

_NAME: Final = re.compile(r"[0-9a-f]{16}")
_WHAT: Final = "the credential's holder key"


@message("held-credential/1", max_bytes=limits.CREDENTIAL + 4096)
class HeldFile(Message):
    """A credential as it is kept.

    Attributes:
        text: SD-JWT with all its disclosures.
        did: of this client, whose key it is bound to.
        taken_ms: when.
    """

    text: Annotated[str, AtMost(limits.CREDENTIAL)]
    did: Annotated[str, AtMost(limits.DID)]
    taken_ms: Uint


@dataclass(frozen=True)
class Held:
    """A credential of this client.

    Attributes:
        name: 16 hex digits, for this directory alone.
        did: whose key it is bound to.
        credential: opened.
    """

    name: str
    did: str
    credential: HeldCredential

    def text_of(self, claim: str) -> str:
        """Return a claim that is text; empty where it is not there, or something else."""
        value = self.credential.unverified_claims.get(claim)
        return value if type(value) is str else ""

    @property
    def expires_s(self) -> int | None:
        """When it ends, seconds since 1970; None where it does not say."""
        value = self.credential.unverified_claims.get("exp")
        return value if type(value) is int else None


def take(session: Session, unverified: str, dids: list[OwnDid]) -> Held:
    """Keep a credential that an issuer has given.

    Trust: the issuer's signature is not checked here: whether the network believes it is for each policy to say.

    Raises:
        CredentialError: no SD-JWT, or its holder's key is none. UsageError: it is bound to no key of this client.
    """
    text = unverified.strip()
    held = hold(text)
    bound = bound_to(held)
    for own in dids:
        if own.key_of(bound) is not None:
            break
    else:
        raise UsageError(
            "bad_argument", "the credential is bound to a key that is not this client's"
        )
    place = _directory(session)
    make_directory(place)
    name = _name(held.jwt)
    write(place / name, HeldFile(text, own.did, session.now_ms()).encode())
    return Held(name, own.did, held)


def bound_to(credential: HeldCredential) -> bytes:
    """Return the thumbprint of the key that a credential is bound to, 32 bytes.

    Raises:
        CredentialError: its holder's key is none. UsageError: it is bound to nobody.
    """
    confirmed = credential.unverified_claims.get("cnf")
    jwk = confirmed.get("jwk") if type(confirmed) is dict else None
    if jwk is None:
        raise UsageError("bad_argument", "the credential is bound to nobody; no policy takes it")
    return read_jwk(jwk, _WHAT).thumbprint()


def held_credentials(session: Session) -> list[Held]:
    """Return the credentials of this client, the one taken first first.

    Raises:
        UsageError: `keystore`, a file is damaged, or others may read it.
    """
    place = _directory(session)
    if not place.is_dir():
        return []
    found: list[tuple[int, Held]] = []
    for path in place.iterdir():
        file = load(path, HeldFile.decode) if _NAME.fullmatch(path.name) else None
        if file is not None:
            found.append((file.taken_ms, Held(path.name, file.did, hold(file.text))))
    return [held for _, held in sorted(found, key=lambda pair: (pair[0], pair[1].name))]


def drop(session: Session, held: Held) -> None:
    """Forget a credential."""
    (_directory(session) / held.name).unlink(missing_ok=True)


def _directory(session: Session) -> Path:
    return session.keystore.home / "chains" / session.pin.chain_id.hex() / "credentials"


def _name(jwt: str) -> str:
    return hashlib.sha256(jwt.encode("ascii")).hexdigest()[:16]
