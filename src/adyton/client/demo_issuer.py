"""A DEMO issuer of credentials: it believes whatever it is told, so what it signs proves nothing about anybody.

It is there so that the rest can be tried: its name on the network begins with DEMO, and every policy that takes it
says so by naming its record. Its key follows from the client's seed; what it has issued lies on the client's disk.

HOME/chains/<chain id>/demo-issuers/<name of its record, 64 hex digits>      DemoFile
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from adyton.client.credentials.issuing import issue
from adyton.client.credentials.signing import EdDsaKey, sign_jws
from adyton.client.identity import Made, bring_status, fresh_salt, own_key, register
from adyton.client.private_files import load, make_directory, write
from adyton.client.session import Session
from adyton.core import limits
from adyton.core.errors import CredentialError, UsageError
from adyton.core.fields import AtMost, Exactly
from adyton.core.schema import Bytes16, Bytes32, Message, Uint32, message
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.age import AgePolicy, birth_day, cutoff_day
from adyton.protocol.credentials.disclosed import Path as ClaimPath
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.sd_jwt_vc import ALWAYS_VISIBLE
from adyton.protocol.credentials.strict_json import Json, Object
from adyton.protocol.identity.registries import MARCH, IssuerRecord

PREFIX: Final = "DEMO "
TYPE: Final = "urn:adyton:demo:identity-card:1"
AGES: Final = (12, 14, 16, 18, 21, 65)
_ENTRIES: Final = 4096
_KID: Final = "demo"
_LIST_DAYS: Final = 365
_DAY_S: Final = 24 * 3600
_DECOYS: Final = 2
_NAME: Final = re.compile(r"[0-9a-f]{64}")


@message("demo-issued/1", max_bytes=2048)
class DemoIssued(Message):
    """A credential that was issued.

    Attributes:
        name: 16 hex digits, as its holder's list has it.
        index: in the status list.
        holder: DID that it was issued to.
    """

    name: Annotated[str, AtMost(16)]
    index: Uint32
    holder: Annotated[str, AtMost(limits.DID)]


@message("demo-issuer/1", max_bytes=limits.MIB)
class DemoFile(Message):
    """A demo issuer as it is kept.

    Attributes:
        issuer: record of it.
        salt: of the record, and of its key.
        iss: as its credentials name it.
        revoked: a bit for each index of its status list, the lowest first.
        issued: so far.
    """

    MAX_ITEMS = 2**15

    issuer: Bytes32
    salt: Bytes16
    iss: Annotated[str, AtMost(limits.IDENTITY_TEXT)]
    revoked: Annotated[bytes, Exactly(_ENTRIES // 8)]
    issued: Annotated[tuple[DemoIssued, ...], AtMost(_ENTRIES)]

    @property
    def uri(self) -> str:
        """Address of its status list."""
        return f"{self.iss}/status/1"


@dataclass(frozen=True)
class Issued:
    """What was issued.

    Attributes:
        text: SD-JWT with all its disclosures, for its holder.
        entry: as it is kept.
    """

    text: str
    entry: DemoIssued


def new_demo_issuer(session: Session, name: str) -> tuple[DemoFile, Made]:
    """Register a demo issuer, and bring its status list in.

    Raises:
        Error: as `identity.register`.
    """
    salt = fresh_salt()
    iss = f"https://{salt.hex()}.demo.invalid"
    file = DemoFile(bytes(32), salt, iss, bytes(_ENTRIES // 8), ())
    jwk = {**_key(session, file).public.members, "kid": _KID}
    record = IssuerRecord(
        own_key(session), salt, PREFIX + name, iss, (json.dumps(jwk).encode(),), (file.uri,), 1
    )
    made = register(session, record)
    file = replace(file, issuer=made.name)
    _keep(session, file)
    _bring(session, file)
    return file, made


def demo_issuer(session: Session, named: str | None) -> DemoFile:
    """Return the demo issuer that is meant: by the first digits of its record's name, or the only one.

    Raises:
        UsageError: none, or several could be meant.
    """
    place = _directory(session)
    paths = sorted(place.iterdir()) if place.is_dir() else []
    found = [path for path in paths if _NAME.fullmatch(path.name)]
    found = [path for path in found if path.name.startswith(named or "")]
    if not found:
        raise UsageError(
            "not_found", "no demo issuer here: make one with `adyton credential issuer NAME`"
        )
    if len(found) > 1:
        listed = ", ".join(path.name[:16] for path in found)
        raise UsageError("usage", f"several demo issuers could be meant: {listed}")
    file = load(found[0], DemoFile.decode)
    if file is None:
        raise UsageError("keystore", "the demo issuer's file vanished")
    return file


def require_no_demo(session: Session, issuer: bytes) -> None:
    """Refuse to put other keys into the record of a demo issuer, whose key lies here.

    Raises:
        UsageError: it is one.
    """
    if (_directory(session) / issuer.hex()).exists():
        raise UsageError(
            "bad_argument", "a demo issuer keeps its key: give it up, and make another"
        )


def forget_demo(session: Session, issuer: bytes) -> None:
    """Forget what a demo issuer that was given up has issued; nothing where it is none."""
    (_directory(session) / issuer.hex()).unlink(missing_ok=True)


def issue_demo(
    session: Session,
    file: DemoFile,
    holder: tuple[str, PublicKey],
    claims: Mapping[str, Json],
    *,
    vct: str = TYPE,
    days: int = 365,
) -> Issued:
    """Issue a credential that says what it is told to; each claim can be disclosed by itself.

    Args:
        file: of the issuer.
        holder: DID, and its key.
        claims: besides issuer, type, times and status.
        vct: its type.
        days: that it is valid, from a moment ago on; negative makes one that has expired.

    Raises:
        UsageError: a claim that the issuer makes itself, or no index is left.
    """
    taken = sorted({*ALWAYS_VISIBLE, "sub", "iat"} & claims.keys())
    if taken:
        raise UsageError("bad_argument", f"the issuer itself sets {', '.join(taken)}")
    given = {entry.index for entry in file.issued}
    free = [index for index in range(_ENTRIES) if index not in given]
    if not free:
        raise UsageError("exists", "its status list is full: make another demo issuer")
    # Drawn, not counted: an index tells nothing of when it was given.
    index = secrets.choice(free)
    now_s = _now_s(session)
    values: dict[str, Json] = {
        **claims,
        "iss": file.iss,
        "vct": vct,
        # So that the holder is told of its uses, whoever presents it.
        "sub": holder[0],
        "iat": now_s + min(0, days - 1) * _DAY_S,
        "exp": now_s + days * _DAY_S,
        "status": {"status_list": {"idx": index, "uri": file.uri}},
    }
    text = issue(
        values,
        hidden=_hidden(claims),
        key=_key(session, file),
        kid=_KID,
        holder=holder[1],
        entropy=secrets.token_bytes,
        decoys=_DECOYS,
    )
    jwt = text.partition("~")[0]
    entry = DemoIssued(hashlib.sha256(jwt.encode("ascii")).hexdigest()[:16], index, holder[0])
    _keep(session, replace(file, issued=(*file.issued, entry)))
    return Issued(text, entry)


def revoke_demo(session: Session, file: DemoFile, named: str) -> DemoIssued:
    """Revoke a credential, and bring the list in which it is revoked.

    Args:
        file: of the issuer.
        named: the first digits of the credential's name.

    Raises:
        UsageError: `not_found`, or several begin so. Error: as `identity.bring_status`.
    """
    found = [entry for entry in file.issued if entry.name.startswith(named)]
    if len(found) != 1:
        raise UsageError("not_found", "not the name of one credential that was issued here")
    revoked = bytearray(file.revoked)
    revoked[found[0].index // 8] |= 1 << found[0].index % 8
    changed = replace(file, revoked=bytes(revoked))
    _keep(session, changed)
    _bring(session, changed)
    return found[0]


def age_claims(birthdate: str, now_ms: int) -> dict[str, Json]:
    """Return a birthday, and which ages it has reached today (UTC; of 29 February, on the first of March).

    Args:
        birthdate: YYYY-MM-DD.
        now_ms: the issuer's clock.

    Raises:
        UsageError: no date, or one to come.
    """
    known: Object = {"birthdate": birthdate}
    reached: dict[str, Json] = {}
    for age in AGES:
        asked = AgePolicy(age, MARCH, 0)
        try:
            born = birth_day(known, asked, now_ms // 1000)
        except CredentialError as problem:
            raise UsageError("bad_argument", f"the birthdate: {problem.message}") from None
        reached[str(age)] = born <= cutoff_day(asked, now_ms // 1000)
    return {"birthdate": birthdate, "age_equal_or_over": reached}


def _hidden(claims: Mapping[str, Json]) -> list[ClaimPath]:
    paths: list[ClaimPath] = []
    for name, value in claims.items():
        if name == "age_equal_or_over" and type(value) is dict:
            paths += [(name, inner) for inner in value]
        else:
            paths.append((name,))
    return paths


def _bring(session: Session, file: DemoFile) -> None:
    now_s = _now_s(session)
    packed = base64url.encode(zlib.compress(file.revoked, 9))
    payload: Object = {
        "sub": file.uri,
        "iat": now_s,
        "exp": now_s + _LIST_DAYS * _DAY_S,
        "status_list": {"bits": 1, "lst": packed},
    }
    token = sign_jws(_key(session, file), {"typ": "statuslist+jwt", "kid": _KID}, payload)
    bring_status(session, file.issuer, file.uri, token)


def _now_s(session: Session) -> int:
    """Return seconds since 1970, less what clocks may differ: nothing may lie ahead of block time."""
    return (session.now_ms() - limits.CLOCK_SKEW_MS) // 1000


def _key(session: Session, file: DemoFile) -> EdDsaKey:
    identity = session.keystore.identity
    return EdDsaKey(identity.issuer_key(session.pin.chain_id, file.salt))


def _keep(session: Session, file: DemoFile) -> None:
    make_directory(_directory(session))
    write(_directory(session) / file.issuer.hex(), file.encode())


def _directory(session: Session) -> Path:
    return session.keystore.home / "chains" / session.pin.chain_id.hex() / "demo-issuers"
