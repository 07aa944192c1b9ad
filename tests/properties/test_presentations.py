"""Presentations, whatever is issued and chosen, and whatever somebody changes on the way."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adyton.client.credentials.holding import bind, hold, present
from adyton.client.credentials.issuing import issue
from adyton.core.errors import CredentialError
from adyton.protocol.credentials.disclosed import Path
from adyton.protocol.credentials.presentation import Credential
from adyton.protocol.credentials.sd_jwt_vc import Validity
from tests.credential_kit import (
    ADULT,
    ED_KEY,
    EXPECTED,
    HOLDER_KEY,
    ISSUER,
    ISSUER_KEY,
    NOW,
    VCT,
    check,
    entropy,
    issued,
    presented,
)

NAMES = st.sampled_from(["a", "b", "ä ö", "", "iss2", "..", "__sd"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, path: Path = ()) -> list[Path]:
    """Return the paths of all that is in a value."""
    if isinstance(value, dict):
        parts: list[tuple[Any, Any]] = list(value.items())
    else:
        parts = list(enumerate(value)) if isinstance(value, list) else []
    return [
        place for name, item in parts for place in [(*path, name), *places(item, (*path, name))]
    ]


def shown(value: Any, hidden: list[Path], chosen: list[Path], path: Path = ()) -> Any:
    """Return what is left of a value, as one would say it without digests."""

    def stays(place: Path) -> bool:
        return place not in hidden or any(way[: len(place)] == place for way in chosen)

    if isinstance(value, dict):
        return {
            name: shown(item, hidden, chosen, (*path, name))
            for name, item in value.items()
            if stays((*path, name))
        }
    if isinstance(value, list):
        return [
            shown(item, hidden, chosen, (*path, number))
            for number, item in enumerate(value)
            if stays((*path, number))
        ]
    return value


@given(st.data(), st.dictionaries(NAMES, VALUES, max_size=4), st.integers(0, 2))
def test_what_was_chosen_is_shown_and_nothing_else(
    data: st.DataObject, claims: dict[str, Any], decoys: int
) -> None:
    paths = places(claims)
    hidden = data.draw(st.lists(st.sampled_from(paths), unique=True)) if paths else []
    chosen = data.draw(st.lists(st.sampled_from(hidden), unique=True)) if hidden else []
    text = issue(
        {"iss": ISSUER, "vct": VCT, **claims},
        hidden=hidden,
        key=ISSUER_KEY,
        kid="k",
        holder=HOLDER_KEY.public,
        entropy=entropy(),
        decoys=decoys,
    )
    bound = bind(
        present(hold(text), chosen),
        key=HOLDER_KEY,
        audience=EXPECTED.audience,
        nonce=EXPECTED.nonce,
        now_s=NOW,
    )
    found = dict(check(bound, age=None, validity=Validity(60, expiry_required=False)).claims)
    assert found.pop("cnf") == {"jwk": dict(HOLDER_KEY.public.members)}
    assert found == {"iss": ISSUER, "vct": VCT, **shown(claims, hidden, chosen)}


SOUND = presented(disclosed=[ADULT, ("given_name",)])
EDWARDS = presented(issued(key=ED_KEY, holder=ED_KEY.public), key=ED_KEY)


def accepted(text: str, key: Any = ISSUER_KEY) -> Credential | None:
    """Return what a presentation shows, or None where it is refused with an error of ours."""
    try:
        return check(text, key=key.public)
    except CredentialError:
        return None


def same_or_refused(text: str, sound: str, key: Any) -> None:
    """Require that a changed presentation is refused, or says the same."""
    found, expected = accepted(text, key), accepted(sound, key)
    assert expected is not None
    if found is not None:
        assert (found.claims, found.age_by) == (expected.claims, expected.age_by)


def test_every_byte_matters() -> None:
    for at, byte in enumerate(SOUND):
        other = "A" if byte != "A" else "B"
        assert accepted(SOUND[:at] + other + SOUND[at + 1 :]) is None, at


@given(st.data())
def test_a_changed_byte_never_changes_what_is_shown(data: st.DataObject) -> None:
    sound, key = data.draw(st.sampled_from([(SOUND, ISSUER_KEY), (EDWARDS, ED_KEY)]))
    at = data.draw(st.integers(0, len(sound) - 1))
    byte = data.draw(st.characters(codec="latin-1") | st.sampled_from("~.=-_ \nAQgw\u20ac"))
    same_or_refused(sound[:at] + byte + sound[at + 1 :], sound, key)


@given(st.integers(0, len(SOUND) - 1), st.integers(0, 12), st.text(max_size=4))
def test_nor_do_bytes_that_are_put_in_or_taken_out(at: int, size: int, more: str) -> None:
    same_or_refused(SOUND[:at] + more + SOUND[at + size :], SOUND, ISSUER_KEY)


ACCEPTED = [
    SOUND,
    presented(issued(given_name="Max"), [ADULT, ("given_name",)]),
    presented(disclosed=[("birthdate",)]),
]
PARTS = [part for text in (*ACCEPTED, presented(nonce="other")) for part in text.split("~")]


@given(st.lists(st.sampled_from(PARTS), max_size=6), st.sampled_from(PARTS))
def test_parts_of_several_presentations_put_together(parts: list[str], last: str) -> None:
    text = "~".join([*parts, last])
    found = accepted(text)
    assert (found is not None) == (text in ACCEPTED)
