"""An issuer, a holder and a policy for tests of credentials, and ways to make what no honest one makes."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from adyton.client.credentials.holding import bind, hold, present
from adyton.client.credentials.issuing import Entropy, issue
from adyton.client.credentials.signing import EdDsaKey, Es256Key, JoseKey
from adyton.core.errors import CredentialError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.age import AgePolicy
from adyton.protocol.credentials.disclosed import Path
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.presentation import (
    Credential,
    CredentialPolicy,
    Expected,
    check_presentation,
)
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.sd_jwt_vc import Validity
from adyton.protocol.credentials.status import Status, StatusReference
from adyton.protocol.credentials.steps import Checklist, Mark, Step
from adyton.protocol.credentials.strict_json import Inexact

NOW = 1_795_000_000  # 2026-11-18, 09:06:40 UTC
ISSUER = "https://issuer.example"
VCT = "urn:eudi:pid:1"
EXPECTED = Expected("x509_hash:network", "the-request")
ISSUER_KEY = Es256Key(b"\x11" * 32)
HOLDER_KEY = Es256Key(b"\x22" * 32)
OTHER_KEY = Es256Key(b"\x33" * 32)
ED_KEY = EdDsaKey(b"\x44" * 32)
POLICY = CredentialPolicy(
    types=frozenset({VCT}),
    former_typ=False,
    validity=Validity(skew_s=60, expiry_required=True),
    binding_required=True,
    binding_oldest_s=600,
    status_required=False,
    claims=frozenset(),
    age=AgePolicy(18, "1mar", 60),
)
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "vct": VCT,
    "iat": NOW - 1000,
    "nbf": NOW - 1000,
    "exp": NOW + 1000,
    "given_name": "Erika",
    "birthdate": "1990-02-28",
    "nationalities": ["DE", "FR"],
    "age_equal_or_over": {"16": True, "18": True, "21": False},
}
ADULT: Path = ("age_equal_or_over", "18")
HIDDEN: tuple[Path, ...] = (
    ("given_name",),
    ("birthdate",),
    ("nationalities", 0),
    ("nationalities", 1),
    ("age_equal_or_over",),
    ("age_equal_or_over", "16"),
    ADULT,
    ("age_equal_or_over", "21"),
)


def entropy(seed: str = "seed") -> Entropy:
    """Return a source of bytes that gives the same each time."""
    numbers = itertools.count()
    return lambda size: hashlib.shake_128(f"{seed} {next(numbers)}".encode()).digest(size)


def issued(
    *,
    hidden: Sequence[Path] = HIDDEN,
    key: JoseKey = ISSUER_KEY,
    holder: PublicKey | None = HOLDER_KEY.public,
    without: Sequence[str] = (),
    decoys: int = 0,
    **claims: Any,
) -> str:
    """Return a credential with these claims instead of the usual ones."""
    values = {name: value for name, value in {**CLAIMS, **claims}.items() if name not in without}
    places = [path for path in hidden if path[0] in values]
    return issue(
        values, hidden=places, key=key, kid="k1", holder=holder, entropy=entropy(), decoys=decoys
    )


def presented(
    credential: str | None = None,
    disclosed: Sequence[Path] = (ADULT,),
    *,
    key: JoseKey = HOLDER_KEY,
    audience: str = EXPECTED.audience,
    nonce: str = EXPECTED.nonce,
    now_s: int = NOW,
) -> str:
    """Return a bound presentation of a credential."""
    shown = present(hold(issued() if credential is None else credential), disclosed)
    return bind(shown, key=key, audience=audience, nonce=nonce, now_s=now_s)


def jws(header: Any, payload: Any, key: JoseKey = ISSUER_KEY) -> str:
    """Return a JWS of anything: a dictionary becomes JSON, bytes and texts stay."""
    signed = f"{part(header)}.{part(payload)}"
    return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"


def part(value: Any) -> str:
    """Return base64url of JSON, of bytes, or a text as it is."""
    if isinstance(value, str):
        return value
    return base64url.encode(value if isinstance(value, bytes) else json.dumps(value).encode())


def disclosure(*parts: Any) -> str:
    """Return a disclosure of these parts."""
    return part(list(parts))


def digest(text: str) -> str:
    """Return the digest of a disclosure."""
    return base64url.encode(hashlib.sha256(text.encode()).digest())


def credential_of(payload: dict[str, Any], *disclosures: str, **header: Any) -> str:
    """Return a signed SD-JWT with this payload, sound or not."""
    signed = jws({"alg": "ES256", "typ": "dc+sd-jwt", **header}, payload)
    return "~".join([signed, *disclosures, ""])


def bound(
    presentation: str, payload: dict[str, Any], *, key: JoseKey = HOLDER_KEY, **header: Any
) -> str:
    """Return a presentation with a key binding that has these claims instead of the right ones; None leaves one out."""
    claims = {
        "iat": NOW,
        "aud": EXPECTED.audience,
        "nonce": EXPECTED.nonce,
        "sd_hash": digest(presentation),
        **payload,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return presentation + jws({"alg": key.alg, "typ": "kb+jwt", **header}, claims, key)


def begun(first: Step = Step.FORM) -> Checklist:
    """Return the list of a check that begins with a step, as of one that has no envelope."""
    checklist = Checklist()
    for step in range(1, first):
        checklist.skip(Step(step))
    return checklist


def check(
    presentation: str,
    *,
    now_s: int = NOW,
    expected: Expected = EXPECTED,
    key: PublicKey | None = ISSUER_KEY.public,
    status: Callable[[StatusReference], Status] = lambda _: Status.UNKNOWN,
    **policy: Any,
) -> Credential:
    """Check a presentation under the usual policy, or one with these parts instead."""
    return check_presentation(
        presentation,
        policy=replace(POLICY, **policy),
        expected=expected,
        now_s=now_s,
        issuer_key=lambda issuer, _: key if issuer == ISSUER else None,
        status_of=status,
        checklist=begun(),
    )


def plain(value: Any) -> Any:
    """Return a JSON value with numbers that have a fraction or an exponent as a usual parser reads them."""
    if isinstance(value, Inexact):
        return float(value.digits)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


_PART = re.compile(r"(?!None\b)[a-z].* ")  # what a text says something of


def require_told(problem: CredentialError, reason: Reason) -> None:
    """Require that an error tells this reason, after the part that it is about."""
    assert (problem.reason, problem.code) == (reason.word, "credential_refused")
    assert problem.message.endswith(reason.text)
    assert _PART.fullmatch(problem.message.removesuffix(reason.text)), problem.message


@contextmanager
def refusal(reason: Reason) -> Iterator[None]:
    """Expect a refusal for this reason, with its text."""
    with pytest.raises(CredentialError) as caught:
        yield
    require_told(caught.value, reason)


def refused_at(presentation: str, reason: Reason, step: Step, **arguments: Any) -> None:
    """Expect that a check fails in this step, for this reason, and that its list says so."""
    checklist = begun()
    given = {"now_s": NOW, "expected": EXPECTED, "policy": POLICY, **arguments}
    given.setdefault("issuer_key", lambda iss, _: ISSUER_KEY.public if iss == ISSUER else None)
    given.setdefault("status_of", lambda _: Status.UNKNOWN)
    with pytest.raises(CredentialError) as caught:
        check_presentation(presentation, checklist=checklist, **given)
    require_told(caught.value, reason)
    lines = checklist.lines(caught.value)
    failed = [line for line in lines if line.mark is Mark.FAILED]
    assert [(line.step, line.reason, line.text) for line in failed] == [
        (step, reason.word, caught.value.message)
    ]
    assert all(line.mark is Mark.NOT_REACHED for line in lines if line.step > step)
    assert all(line.mark in (Mark.PASSED, Mark.NOT_ASKED) for line in lines if line.step < step)
