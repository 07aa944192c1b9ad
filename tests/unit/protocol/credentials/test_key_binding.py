"""Key binding: by this holder, for this verifier, this request, these disclosures, now."""

from typing import Any

import pytest

from adyton.core.errors import CredentialError
from adyton.protocol.credentials import key_binding
from adyton.protocol.credentials.jws import read_jws
from adyton.protocol.credentials.key_binding import Binding
from adyton.protocol.credentials.reasons import Reason
from tests.credential_kit import ED_KEY, HOLDER_KEY, ISSUER_KEY, NOW, jws, refusal, require_told

CLAIMS: dict[str, Any] = {"aud": "network", "nonce": "n", "sd_hash": "h", "iat": NOW}
SOUND = Binding("network", "n", "h", NOW, None, None)


def read(
    claims: Any, key: Any = HOLDER_KEY, holder: Any = HOLDER_KEY, typ: str = "kb+jwt"
) -> Binding:
    unverified = read_jws(jws({"alg": key.alg, "typ": typ}, claims, key), "it")
    return key_binding.read_binding(unverified, holder.public)


def test_a_binding_is_read() -> None:
    assert read(CLAIMS) == SOUND
    assert read({**CLAIMS, "more": [1]}, ED_KEY, ED_KEY) == SOUND
    timed = read({**CLAIMS, "exp": NOW + 5, "nbf": NOW - 5})
    assert (timed.ends, timed.begins) == (NOW + 5, NOW - 5)


@pytest.mark.parametrize("typ", ["", "JWT", "dc+sd-jwt", "KB+JWT", "application/kb+jwt"])
def test_another_type(typ: str) -> None:
    with refusal(Reason.TYPE):
        read(CLAIMS, typ=typ)


def test_another_key() -> None:
    with refusal(Reason.BINDING_SIGNATURE):
        read(CLAIMS, ISSUER_KEY)
    with refusal(Reason.ALG_MISMATCH):
        read(CLAIMS, ED_KEY)


@pytest.mark.parametrize("name", ["aud", "nonce", "sd_hash"])
@pytest.mark.parametrize("value", [None, "", 1, ["network"], {"a": 1}, True])
def test_texts_are_texts(name: str, value: Any) -> None:
    with refusal(Reason.BINDING_CLAIMS):
        read({**CLAIMS, name: value})


@pytest.mark.parametrize("name", ["aud", "nonce", "sd_hash", "iat"])
def test_what_is_missing(name: str) -> None:
    with refusal(Reason.BINDING_CLAIMS):
        read({key: value for key, value in CLAIMS.items() if key != name})


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [None, "", str(NOW), -1, NOW + 0.5, True, [NOW]])
def test_times_are_whole_numbers(name: str, value: Any) -> None:
    with pytest.raises(CredentialError, match="the key binding has a time") as told:
        read({**CLAIMS, name: value})
    require_told(told.value, Reason.TIME_FORM)


def test_a_payload_is_strict() -> None:
    with refusal(Reason.JSON_DUPLICATE):
        read(b'{"aud":"network","aud":"other"}')
    with refusal(Reason.JSON_OBJECT):
        read(b"[]")


def test_what_a_binding_is_for() -> None:
    key_binding.require_audience(SOUND, "network")
    key_binding.require_nonce(SOUND, "n")
    key_binding.require_hash(SOUND, "h")
    for other in ("", "Network", "network ", "h"[:0], "x"):
        with refusal(Reason.AUDIENCE):
            key_binding.require_audience(SOUND, other)
        with refusal(Reason.NONCE):
            key_binding.require_nonce(SOUND, other)
        with refusal(Reason.BINDING_HASH):
            key_binding.require_hash(SOUND, other)


def fresh(now_s: int, ends: int | None = None, begins: int | None = None, skew_s: int = 60) -> None:
    binding = Binding("network", "n", "h", NOW, ends, begins)
    key_binding.require_fresh(binding, now_s, oldest_s=600, skew_s=skew_s)


@pytest.mark.parametrize("after", [-60, 0, 1, 660])
def test_fresh(after: int) -> None:
    fresh(NOW + after)
    fresh(NOW + after, ends=NOW + after + 1, begins=NOW + after)
    fresh(NOW + after, ends=NOW + after - 59, begins=NOW + after + 60)


@pytest.mark.parametrize(
    ("after", "ends", "begins", "skew", "reason"),
    [
        (-61, None, None, 60, Reason.BINDING_FUTURE),
        (-1, None, None, 0, Reason.BINDING_FUTURE),
        (661, None, None, 60, Reason.BINDING_OLD),
        (601, None, None, 0, Reason.BINDING_OLD),
        (9 * 10**6, None, None, 60, Reason.BINDING_OLD),
        (10, NOW + 10, None, 0, Reason.BINDING_EXPIRED),
        (0, None, NOW + 61, 60, Reason.BINDING_FUTURE),
        (70, NOW + 10, None, 60, Reason.BINDING_EXPIRED),
        (661, NOW + 10, None, 60, Reason.BINDING_OLD),
        (10, None, NOW + 11, 0, Reason.BINDING_FUTURE),
    ],
)
def test_not_fresh(
    after: int, ends: int | None, begins: int | None, skew: int, reason: Reason
) -> None:
    with refusal(reason):
        fresh(NOW + after, ends, begins, skew)
