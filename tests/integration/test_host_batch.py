"""`POST /tasks` of a real server over a fake enclave: many envelopes, each answered for itself."""

import base64
import json
from collections.abc import Iterator

import pytest

from adyton.core import limits
from adyton.core.encoding import encode
from adyton.core.merkle import verify_consistency
from adyton.host.serve import ServerFacts
from adyton.protocol.envelope import task_hash
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.ledger import Checkpoint, EntryProof
from tests.host_kit import Http, envelope, fake_launch, serving


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFacts]:
    directory = tmp_path_factory.mktemp("batch")
    with serving(directory / "data", fake_launch(directory)) as made:
        yield made


@pytest.fixture
def http(facts: ServerFacts) -> Iterator[Http]:
    made = Http(facts)
    yield made
    made.close()


def recorder(http: Http) -> bytes:
    _, answer = http.call("GET", f"/evidence?nonce={'cd' * 16}")
    return NodeEvidence.decode(answer["evidence"]).recorder.attested.signing_key


def test_each_envelope_has_its_own_proof_in_its_own_place(http: Http) -> None:
    items = [envelope(http.chain_id, b"item %d" % number) for number in range(20)]
    status, answer = http.call("POST", "/tasks", {"envelopes": items})
    assert status == 200
    assert [one["task_hash"] for one in answer["answers"]] == [task_hash(item) for item in items]
    key = recorder(http)
    places = set()
    for number, one in enumerate(answer["answers"]):
        proof = EntryProof.decode(one["proof"])
        part, checkpoint = proof.verify(key, http.chain_id)
        assert (part.task_hash, part.sealed) == (task_hash(items[number]), b"item %d" % number)
        places.add((checkpoint.facts.height, proof.index))
    assert len(places) == len(items)


def test_an_envelope_is_the_same_alone_and_among_others(http: Http) -> None:
    item = envelope(http.chain_id, b"alone")
    _, alone = http.call("POST", "/task", {"envelope": item})
    _, among = http.call("POST", "/tasks", {"envelopes": [item, item]})
    assert [one["proof"] for one in among["answers"]] == [alone["proof"]] * 2


def test_what_is_refused_does_not_stop_the_others(http: Http) -> None:
    good = envelope(http.chain_id, b"good")
    items = [
        b"junk",
        good,
        envelope(bytes(32), b"another chain"),
        envelope(http.chain_id, b"a read", "read"),
    ]
    status, answer = http.call("POST", "/tasks", {"envelopes": items})
    assert status == 200
    codes = [one.get("code") for one in answer["answers"]]
    assert codes == ["malformed", None, "wrong_chain", "bad_argument"]
    assert all(("proof" in one) is (one.get("code") is None) for one in answer["answers"])


def test_where_all_are_refused_nothing_is_proven(http: Http) -> None:
    status, answer = http.call("POST", "/tasks?view=1", {"envelopes": [b"junk"]})
    assert (status, answer["consistency"]) == (200, [])
    assert answer["answers"] == [{"task_hash": task_hash(b"junk"), "code": "malformed"}]


def test_the_view_is_joined_to_the_newest_of_them(http: Http) -> None:
    _, first = http.post(b"before the batch")
    old = EntryProof.decode(first["proof"])
    _, old_checkpoint = old.verify(recorder(http), http.chain_id)
    for number in range(3):
        http.post(b"between %d" % number)
    view = old_checkpoint.facts.size
    items = [envelope(http.chain_id, b"joined %d" % number) for number in range(12)]
    _, answer = http.call("POST", f"/tasks?view={view}", {"envelopes": items})
    checkpoints: list[Checkpoint] = []
    for one in answer["answers"]:
        _, checkpoint = EntryProof.decode(one["proof"]).verify(recorder(http), http.chain_id)
        checkpoints.append(checkpoint)
    newest = max(checkpoints, key=lambda checkpoint: checkpoint.facts.size)
    verify_consistency(
        view, old_checkpoint.root, newest.facts.size, newest.root, answer["consistency"]
    )


def test_json_says_the_same_as_cbor(http: Http) -> None:
    items = [envelope(http.chain_id, b"json %d" % number) for number in range(3)]
    body = json.dumps({"envelopes": [base64.b64encode(item).decode() for item in [*items, b""]]})
    status, fields, answer = http.raw(
        "POST", "/tasks", body, {"content-type": "application/json", "accept": "application/json"}
    )
    assert (status, fields["content-type"]) == (200, "application/json")
    _, cbor = http.call("POST", "/tasks", {"envelopes": [*items, b""]})
    decoded = json.loads(answer)["answers"]
    for one, other in zip(decoded, cbor["answers"], strict=True):
        assert base64.b64decode(one["task_hash"]) == other["task_hash"]
        if "proof" in other:
            assert base64.b64decode(one["proof"]) == other["proof"]
        else:
            assert one["code"] == other["code"] == "malformed"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (encode({"envelopes": []}), "too_large"),
        (encode({"envelopes": [b"x"] * (limits.BATCH_ENVELOPES + 1)}), "too_large"),
        (encode({"envelopes": [b"x"] * 10_000}), "too_large"),
        (encode({"envelopes": [bytes(limits.ENVELOPE + 1)]}), "too_large"),
        (encode({"envelopes": b"x"}), "malformed"),
        (encode({"envelopes": ["text"]}), "malformed"),
        (encode({"envelopes": [[b"x"]]}), "malformed"),
        (encode({"envelope": [b"x"]}), "malformed"),
        (encode({"envelopes": [b"x"], "more": 1}), "malformed"),
        (encode([b"x"]), "malformed"),
        (encode({"envelopes": [b"x"]}) + b"\x00", "malformed"),
        (b"\xbf" + encode("envelopes") + b"\x81\x41x\xff", "malformed"),
        (b"", "malformed"),
    ],
)
def test_another_body_is_refused_whole(http: Http, body: bytes, code: str) -> None:
    height = http.call("GET", "/health")[1]["height"]
    headers = {"content-type": "application/cbor"}
    status, _, answer = http.raw("POST", "/tasks", body, headers)
    assert (status in (400, 413), json.loads(answer)["code"]) == (True, code)
    assert http.call("GET", "/health")[1]["height"] == height


@pytest.mark.parametrize(
    "body",
    [
        '{"envelopes": ["eA="]}',
        '{"envelopes": ["eB=="]}',
        '{"envelopes": [1]}',
        '{"envelopes": ["eA=="], "envelopes": ["eA=="]}',
        '{"envelopes": "eA=="}',
        "[" * 100_000,
    ],
)
def test_another_json_is_refused(http: Http, body: str) -> None:
    headers = {"content-type": "application/json"}
    status, _, answer = http.raw("POST", "/tasks", body, headers)
    assert (status, json.loads(answer)["code"]) == (400, "malformed")


def test_a_body_over_the_bound_is_refused_before_it_is_read(http: Http) -> None:
    headers = {"content-type": "application/cbor", "content-length": str(64 * limits.MIB)}
    status, _, answer = http.raw("POST", "/tasks", b"", headers)
    assert (status, json.loads(answer)["code"]) == (413, "too_large")
