"""Which credential answers a policy, and the least of it that has to be disclosed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from adyton.client.credentials.holding import HeldCredential
from adyton.client.credentials.issuing import shown_path
from adyton.client.identity_age import age_of
from adyton.client.identity_held import Held
from adyton.core.errors import CredentialError, UsageError
from adyton.protocol.credentials.age import require_age
from adyton.protocol.credentials.disclosed import Path
from adyton.protocol.credentials.strict_json import Object
from adyton.protocol.identity.registries import PolicyRecord

_BIRTHDAY: Final[Path] = ("birthdate",)


@dataclass(frozen=True)
class Choice:
    """What a holder would present.

    Attributes:
        held: the credential.
        disclosed: paths that are disclosed, and no more.
        shown: what the network gets to see beside what is never hidden, in words.
        problems: why the answer will be no, as far as that can be seen from here; empty where nothing is known.
    """

    held: Held
    disclosed: tuple[Path, ...]
    shown: tuple[str, ...]
    problems: tuple[str, ...]


def choose(
    credentials: Sequence[Held],
    policy: PolicyRecord,
    issuers: Mapping[str, bytes],
    *,
    named: str | None,
    now_s: int,
) -> Choice:
    """Return the credential to present: the one named, else the first that answers the policy, else the nearest one.

    Args:
        credentials: of the holder.
        policy: that asks.
        issuers: record of each issuer that the policy takes, by what its credentials call it.
        named: the first characters of a credential's name.
        now_s: holder's clock, seconds since 1970.

    Raises:
        UsageError: there is none, none is of that name, or several are.
    """
    found = [one for one in credentials if named is None or one.name.startswith(named)]
    if not found:
        hint = "no credential of that name" if named else "no credential yet"
        raise UsageError("not_found", f"{hint}; `adyton credential list` shows what is held")
    if named is not None and len(found) > 1:
        listed = ", ".join(one.name for one in found)
        raise UsageError("usage", f"several credentials could be meant: {listed}")
    choices = [_choice(one, policy, issuers, now_s) for one in found]
    return min(choices, key=lambda choice: len(choice.problems))


def _choice(held: Held, policy: PolicyRecord, issuers: Mapping[str, bytes], now_s: int) -> Choice:
    credential = held.credential
    claims = credential.unverified_claims
    problems: list[str] = []
    if held.text_of("iss") not in issuers:
        problems.append("its issuer is none that the policy takes")
    if held.text_of("vct") not in policy.types:
        problems.append("it is of another type than the policy asks for")
    if held.expires_s is None:
        if policy.expiry:
            problems.append("it never expires, and the policy asks for an expiry")
    elif held.expires_s + policy.skew_s <= now_s:
        problems.append("it has expired")
    if policy.status and "status" not in claims:
        problems.append("it has no status, and the policy asks for one")
    wanted: list[Path] = []
    for name in dict.fromkeys((*policy.claims, *filter(None, [policy.pseudonym]))):
        if name in claims:
            wanted.append((name,))
        else:
            problems.append(f"it has no {name}")
    if policy.age_over:
        age, problem = _age(credential, policy, now_s)
        wanted += age
        problems += problem
    shown = tuple(shown_path(path) for path in dict.fromkeys(wanted))
    places = [_place(credential, path) for path in wanted]
    disclosed = tuple(dict.fromkeys(place for place in places if place is not None))
    return Choice(held, disclosed, shown, tuple(problems))


def _place(credential: HeldCredential, path: Path) -> Path | None:
    """Return the nearest disclosure at a path or on the way to it; None where it is always visible."""
    for size in range(len(path), 0, -1):
        if path[:size] in credential.places:
            return path[:size]
    return None


def _age(
    credential: HeldCredential, policy: PolicyRecord, now_s: int
) -> tuple[list[Path], list[str]]:
    """Return what shows the age with the least, and why it will not be believed.

    What the issuer said of an age stays as it was on that day: who has come of age since shows the birthday.
    """
    ways = _ways(credential.unverified_claims, str(policy.age_over))
    # A proof is about the birthday, so the network has to see it; the relying party does not.
    usable = [path for path in ways if path == _BIRTHDAY or not policy.range_proof]
    if not usable:
        return [], [f"it says nothing about being {policy.age_over}, and has no birthdate"]
    problems: list[str] = []
    for path in usable:
        seen = [one for one in ways if one == path or _place(credential, one) is None]
        known: Object = {}
        for one in seen:
            known |= ways[one]
        try:
            require_age(known, age_of(policy), now_s)
        except CredentialError as problem:
            problems.append(problem.message)
        else:
            return [path], []
    return usable[:1], problems[:1]


def _ways(claims: Object, years: str) -> dict[Path, Object]:
    """Return what can show an age, the least first: where it stands, and what is seen of it."""
    ways: dict[Path, Object] = {}
    over = claims.get("age_equal_or_over")
    if type(over) is dict and years in over:
        ways["age_equal_or_over", years] = {"age_equal_or_over": {years: over[years]}}
    for name in (f"age_over_{years}", *_BIRTHDAY):
        if name in claims:
            ways[(name,)] = {name: claims[name]}
    return ways
