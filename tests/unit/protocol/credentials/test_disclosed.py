"""Claims put together from digests and disclosures: RFC 9901, section 7.1, rule by rule."""

from typing import Any

import pytest

from adyton.core import limits
from adyton.protocol.credentials.disclosed import Claims, put_together
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.sd_jwt import read_disclosure
from tests.credential_kit import digest, disclosure, refusal

NAME = disclosure("s1", "name", "Erika")
ITEM = disclosure("s2", "DE")
DECOY = digest("decoy")


def together(payload: dict[str, Any], *disclosures: str) -> Claims:
    return put_together(payload, map(read_disclosure, disclosures))


def values(payload: dict[str, Any], *disclosures: str) -> dict[str, Any]:
    return together(payload, *disclosures).values


def test_a_claim_and_an_item() -> None:
    payload = {
        "a": 1,
        "_sd": [DECOY, digest(NAME)],
        "list": ["FR", {"...": digest(ITEM)}, {"...": digest("other")}],
        "_sd_alg": "sha-256",
    }
    shown = together(payload, ITEM, NAME)
    assert shown.values == {"a": 1, "name": "Erika", "list": ["FR", "DE"]}
    assert shown.places == {NAME: ("name",), ITEM: ("list", 1)}
    assert values(payload) == {"a": 1, "list": ["FR"]}
    assert values(payload, NAME) == {"a": 1, "name": "Erika", "list": ["FR"]}


def test_items_behind_a_hidden_one_stay() -> None:
    payload = {"list": [{"...": DECOY}, {"...": digest(ITEM)}, "FR", {"...": digest("other")}, 1]}
    assert values(payload, ITEM) == {"list": ["DE", "FR", 1]}
    assert together(payload, ITEM).places == {ITEM: ("list", 0)}


def test_disclosures_inside_of_disclosures() -> None:
    inner = disclosure("s3", "locality", "Köln")
    item = disclosure("s4", {"_sd": [digest(inner)], "open": True})
    outer = disclosure("s5", "addresses", [{"...": digest(item)}, {"...": DECOY}])
    payload = {"_sd": [digest(outer)]}
    shown = together(payload, inner, outer, item)
    assert shown.values == {"addresses": [{"open": True, "locality": "Köln"}]}
    assert shown.places[inner] == ("addresses", 0, "locality")
    assert values(payload, outer, item) == {"addresses": [{"open": True}]}
    assert values(payload, outer) == {"addresses": []}
    with refusal(Reason.DISCLOSURE_UNREFERENCED):
        values(payload, inner, item)
    with refusal(Reason.DISCLOSURE_UNREFERENCED):
        values(payload, outer, inner)


def test_nothing_is_hidden() -> None:
    assert values({"a": {"b": [None, {}]}, "_sd": []}) == {"a": {"b": [None, {}]}}


@pytest.mark.parametrize(
    ("payload", "disclosures", "reason"),
    [
        # every disclosure is called for
        ({}, [NAME], Reason.DISCLOSURE_UNREFERENCED),
        ({"_sd": [DECOY]}, [NAME], Reason.DISCLOSURE_UNREFERENCED),
        ({"x": digest(NAME)}, [NAME], Reason.DISCLOSURE_UNREFERENCED),
        # no digest is there twice, disclosed or not
        ({"_sd": [DECOY, DECOY]}, [], Reason.DIGEST_TWICE),
        ({"_sd": [digest(NAME), digest(NAME)]}, [NAME], Reason.DIGEST_TWICE),
        ({"_sd": [DECOY], "a": {"_sd": [DECOY]}}, [], Reason.DIGEST_TWICE),
        ({"_sd": [DECOY], "a": [{"...": DECOY}]}, [], Reason.DIGEST_TWICE),
        ({"a": [{"...": digest(ITEM)}, {"...": digest(ITEM)}]}, [ITEM], Reason.DIGEST_TWICE),
        # claims go into objects, items into lists
        ({"_sd": [digest(ITEM)]}, [ITEM], Reason.DISCLOSURE_PLACE),
        ({"a": [{"...": digest(NAME)}]}, [NAME], Reason.DISCLOSURE_PLACE),
        # nothing is overwritten
        ({"name": "Max", "_sd": [digest(NAME)]}, [NAME], Reason.CLAIM_TWICE),
        ({"name": None, "_sd": [digest(NAME)]}, [NAME], Reason.CLAIM_TWICE),
        # what _sd and ... hold
        ({"_sd": digest(NAME)}, [NAME], Reason.DIGEST_FORM),
        ({"_sd": {}}, [], Reason.DIGEST_FORM),
        ({"_sd": None}, [], Reason.DIGEST_FORM),
        ({"_sd": [1]}, [], Reason.DIGEST_FORM),
        ({"_sd": [[DECOY]]}, [], Reason.DIGEST_FORM),
        ({"_sd": [""]}, [], Reason.DIGEST_FORM),
        ({"_sd": [DECOY + "="]}, [], Reason.DIGEST_FORM),
        ({"_sd": [DECOY[:-1]]}, [], Reason.DIGEST_FORM),
        ({"_sd": [DECOY[:-1] + "B"]}, [], Reason.DIGEST_FORM),
        ({"_sd": [DECOY + "\n"]}, [], Reason.DIGEST_FORM),
        ({"a": [{"...": 5}]}, [], Reason.DIGEST_FORM),
        ({"a": [{"...": [DECOY]}]}, [], Reason.DIGEST_FORM),
        # reserved names
        ({"a": [{"...": DECOY, "b": 1}]}, [], Reason.NAME_RESERVED),
        ({"...": DECOY}, [], Reason.NAME_RESERVED),
        ({"a": {"...": DECOY}}, [], Reason.NAME_RESERVED),
        ({"a": {"_sd_alg": "sha-256"}}, [], Reason.SD_ALG),
        ({"a": [{"_sd_alg": "sha-256"}]}, [], Reason.SD_ALG),
        # the hash
        ({"_sd_alg": "sha-512"}, [], Reason.SD_ALG),
        ({"_sd_alg": "SHA-256"}, [], Reason.SD_ALG),
        ({"_sd_alg": "md5"}, [], Reason.SD_ALG),
        ({"_sd_alg": None}, [], Reason.SD_ALG),
        ({"_sd_alg": ["sha-256"]}, [], Reason.SD_ALG),
    ],
)
def test_what_is_refused(payload: dict[str, Any], disclosures: list[str], reason: Reason) -> None:
    with refusal(reason):
        values(payload, *disclosures)


def test_the_same_inside_of_disclosures() -> None:
    def within(value: Any, *more: str) -> None:
        outer = disclosure("outer", "a", value)
        values({"_sd": [digest(outer)]}, outer, *more)

    for value, more, reason in (
        ({"_sd": [DECOY, DECOY]}, [], Reason.DIGEST_TWICE),
        ({"name": 1, "_sd": [digest(NAME)]}, [NAME], Reason.CLAIM_TWICE),
        ({"...": DECOY}, [], Reason.NAME_RESERVED),
        ({"_sd_alg": "sha-256"}, [], Reason.SD_ALG),
        ([{"...": digest(NAME)}], [NAME], Reason.DISCLOSURE_PLACE),
        ({"_sd": [digest(ITEM)]}, [ITEM], Reason.DISCLOSURE_PLACE),
    ):
        with refusal(reason):
            within(value, *more)


def test_two_disclosures_of_one_claim() -> None:
    again = disclosure("other salt", "name", "Max")
    with refusal(Reason.CLAIM_TWICE):
        values({"_sd": [digest(NAME), digest(again)]}, NAME, again)
    # One of them alone says which the issuer meant.
    assert values({"_sd": [digest(NAME), digest(again)]}, again) == {"name": "Max"}


def test_a_digest_in_a_disclosure_that_stands_outside_too() -> None:
    outer = disclosure("s", "a", {"_sd": [digest(NAME)]})
    with refusal(Reason.DIGEST_TWICE):
        values({"_sd": [digest(outer), digest(NAME)]}, outer, NAME)


def test_depth_and_number_are_bounded() -> None:
    chain: list[str] = [disclosure("0", "end", 1)]
    for number in range(limits.CREDENTIAL_DEPTH - 1):
        chain.append(disclosure(str(number), "more", {"_sd": [digest(chain[-1])]}))
    deepest: Any = values({"_sd": [digest(chain[-1])]}, *chain)
    for _ in range(limits.CREDENTIAL_DEPTH - 1):
        deepest = deepest["more"]
    assert deepest == {"end": 1}
    chain.append(disclosure("over", "more", {"_sd": [digest(chain[-1])]}))
    with refusal(Reason.JSON_DEPTH):
        values({"_sd": [digest(chain[-1])]}, *chain)
    lists: list[str] = [disclosure("0", 1)]
    for number in range(limits.CREDENTIAL_DEPTH):
        lists.append(disclosure(str(number), [{"...": digest(lists[-1])}]))
    with refusal(Reason.JSON_DEPTH):
        values({"a": [{"...": digest(lists[-1])}]}, *lists)
    most = limits.CREDENTIAL_DIGESTS
    decoys = [digest(str(number)) for number in range(most + 1)]
    assert values({"_sd": decoys[:most]}) == {}
    with refusal(Reason.DISCLOSURES_MANY):
        values({"_sd": decoys})
