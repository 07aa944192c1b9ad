"""Presentations of another implementation, of all published examples: what it shows, we show.

`peer_presentations.json.gz` was made by the Python package `sd-jwt` 0.10.4 from the example specifications of RFC 9901,
of draft-ietf-oauth-sd-jwt-vc and of that package's own tests, with their fixed keys and salts.
"""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.credentials.holding import hold, present
from adyton.client.credentials.issuing import issue
from adyton.protocol.credentials import key_binding, sd_jwt_vc
from adyton.protocol.credentials.disclosed import Path as Place
from adyton.protocol.credentials.disclosed import put_together
from adyton.protocol.credentials.jwk import read_jwk
from adyton.protocol.credentials.presentation import Expected, check_presentation
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.sd_jwt import read_sd_jwt
from adyton.protocol.credentials.status import Status
from tests.credential_kit import HOLDER_KEY, ISSUER_KEY, POLICY, begun, entropy, plain, refusal

_FILE = Path(__file__).with_name("peer_presentations.json.gz")
CASES: list[dict[str, Any]] = json.loads(gzip.decompress(_FILE.read_bytes()))
NAMES = [f"{case['set']}-{case['name']}" for case in CASES]
MADE_AT = 1683000100


def shown_by_us(case: dict[str, Any], presentation: str) -> Any:
    read = read_sd_jwt(presentation)
    payload = sd_jwt_vc.read_payload(
        read.jwt.verify(read_jwk(case["issuer_key"], "it"), Reason.ISSUER_SIGNATURE)
    )
    if case["bound"] and read.binding is not None:
        binding = key_binding.read_binding(read.binding, sd_jwt_vc.read_holder_key(payload))
        key_binding.require_audience(binding, case["audience"])
        key_binding.require_nonce(binding, case["nonce"])
        key_binding.require_hash(binding, read.sd_hash)
        key_binding.require_fresh(binding, MADE_AT, oldest_s=0, skew_s=0)
    return plain(put_together(payload, read.disclosures).values)


def test_there_are_cases() -> None:
    assert len(CASES) == 25
    assert {case["set"] for case in CASES} == {
        *("rfc9901", "sd-jwt-python", "sd-jwt-python-tests", "sd-jwt-vc")
    }
    assert sum(case["bound"] for case in CASES) >= 4


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_we_show_what_the_other_shows(case: dict[str, Any]) -> None:
    assert shown_by_us(case, case["presented"]) == case["shown"]
    # With all its disclosures, a credential holds what was to be issued.
    everything = shown_by_us(case, case["issued"])
    confirmed = {"cnf": everything["cnf"]} if case["bound"] else {}
    assert everything == {**case["claims"], **confirmed}
    if case["expected"] is not None:
        assert {name: case["shown"][name] for name in case["expected"]} == case["expected"]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_its_presentations_altered(case: dict[str, Any]) -> None:
    first, *disclosures, last = case["presented"].split("~")
    if last:
        with refusal(Reason.BINDING_HASH):
            shown_by_us(case, "~".join([first, *disclosures[1:], last]))
    header, payload, signature = first.split(".")
    other = "A" if signature[9] != "A" else "B"
    forged = f"{header}.{payload}.{signature[:9]}{other}{signature[10:]}"
    with refusal(Reason.ISSUER_SIGNATURE):
        shown_by_us(case, "~".join([forged, *disclosures, last]))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_we_issue_and_present_the_same_claims(case: dict[str, Any]) -> None:
    paths: list[Place] = [tuple(path) for path in case["hidden"]]
    claims = {"vct": "urn:example", **case["claims"]}
    claims.pop("cnf", None)
    issued = issue(
        claims,
        hidden=paths,
        key=ISSUER_KEY,
        kid="",
        holder=HOLDER_KEY.public,
        entropy=entropy(),
        decoys=2,
    )
    held = hold(issued)
    assert set(held.places) == set(paths)
    everything = plain(held.unverified_claims)
    del everything["cnf"]
    assert everything == claims
    # With nothing chosen, what is hidden is not there.
    nothing = read_sd_jwt(present(held, []))
    payload = sd_jwt_vc.read_payload(nothing.jwt.unverified_payload)
    assert put_together(payload, []).places == {}
    for path in paths:
        chosen = read_sd_jwt(present(held, [path]))
        places = put_together(payload, chosen.disclosures).places
        assert len(places) == sum(path[: len(place)] == place for place in paths)


@pytest.mark.parametrize("name", ["rfc9901-arf-pid", "sd-jwt-vc-03-pid"])
def test_its_credentials_pass_the_whole_check(name: str) -> None:
    case = CASES[NAMES.index(name)]
    vct = case["claims"]["vct"]
    key = read_jwk(case["issuer_key"], "it")
    issuer = case["claims"]["iss"]
    checklist = begun()
    credential = check_presentation(
        case["presented"],
        policy=replace(POLICY, types=frozenset({vct})),
        expected=Expected(case["audience"], case["nonce"]),
        now_s=MADE_AT + 5,
        issuer_key=lambda iss, _: key if iss == issuer else None,
        status_of=lambda _: Status.UNKNOWN,
        checklist=checklist,
    )
    assert credential.age_by == "age_equal_or_over.18"
    assert plain(credential.claims) == case["shown"]
