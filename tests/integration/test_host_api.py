"""The HTTP interface of a real server on a loopback port, over a fake enclave's process."""

import base64
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from adyton.core.crypto import key_id
from adyton.core.merkle import verify_consistency
from adyton.host.api.table import ROUTES
from adyton.host.serve import ServerFacts
from adyton.protocol.envelope import task_hash
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import BlockHeader, Checkpoint, EntryProof, PublicPart
from adyton.protocol.task import blob_id
from tests.host_kit import Http, envelope, fake_launch, key_request, serving


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFacts]:
    directory = tmp_path_factory.mktemp("api")
    with serving(directory / "data", fake_launch(directory)) as made:
        yield made


@pytest.fixture
def http(facts: ServerFacts) -> Iterator[Http]:
    made = Http(facts)
    yield made
    made.close()


def recorder(http: Http) -> bytes:
    status, answer = http.call("GET", f"/evidence?nonce={'ab' * 16}")
    assert status == 200
    evidence = NodeEvidence.decode(answer["evidence"])
    assert evidence.recorder.nonce == bytes.fromhex("ab" * 16)
    return evidence.recorder.attested.signing_key


def test_a_task_is_answered_with_its_proof(http: Http) -> None:
    item = envelope(http.chain_id, b"hello")
    status, answer = http.call("POST", "/task", {"envelope": item})
    assert status == 200
    assert answer["task_hash"] == task_hash(item)
    assert answer["consistency"] == []
    proof = EntryProof.decode(answer["proof"])
    part, _ = proof.verify(recorder(http), http.chain_id)
    assert (part.kind, part.task_hash, part.sealed) == ("request", task_hash(item), b"hello")
    again = http.call("POST", "/task", {"envelope": item})
    assert again == (200, answer)


def test_json_says_the_same_as_cbor(http: Http) -> None:
    item = envelope(http.chain_id, b"json")
    body = json.dumps({"envelope": base64.b64encode(item).decode()})
    headers = {"content-type": "application/json; charset=utf-8"}
    status, fields, answer = http.raw("POST", "/task", body, headers)
    assert (status, fields["content-type"]) == (200, "application/json")
    status, cbor = http.call("POST", "/task", {"envelope": item})
    decoded = json.loads(answer)
    assert base64.b64decode(decoded["proof"]) == cbor["proof"]
    assert base64.b64decode(decoded["task_hash"]) == cbor["task_hash"]


def test_headers_tell_little(http: Http) -> None:
    _, fields, _ = http.raw("GET", "/health")
    assert set(fields) == {"content-type", "content-length", "cache-control"}


def test_a_view_is_connected_by_a_consistency_proof(http: Http) -> None:
    _, first = http.post(b"view 1")
    old = EntryProof.decode(first["proof"])
    _, checkpoint = old.verify(recorder(http), http.chain_id)
    answer = first
    for _ in range(3):
        _, answer = http.post(b"view 2", f"?view={checkpoint.facts.size}")
    _, newer = EntryProof.decode(answer["proof"]).verify(recorder(http), http.chain_id)
    proof = answer["consistency"]
    verify_consistency(checkpoint.facts.size, checkpoint.root, newer.facts.size, newer.root, proof)
    # The view may be ahead of the entry that is asked for: the proof is the same.
    name = first["task_hash"].hex()
    _, behind = http.call("GET", f"/block?task_hash={name}&view={newer.facts.size}")
    assert behind["consistency"] == proof
    status, problem = http.post(b"view 3", "?view=99999999")
    assert (status, problem["code"]) == (409, "rollback")


def test_a_long_poll_ends_with_the_task(http: Http) -> None:
    status, answer = http.post(b"task")
    name = answer["task_hash"].hex()
    status, block = http.call("GET", f"/block?task_hash={name}&wait=20")
    assert (status, block["finished"], len(block["proofs"])) == (200, True, 2)
    kinds = []
    for encoded in block["proofs"]:
        part, _ = EntryProof.decode(encoded).verify(recorder(http), http.chain_id)
        kinds.append((part.kind, part.task_hash))
    assert kinds == [("request", answer["task_hash"]), ("finish", answer["task_hash"])]
    assert http.call("GET", f"/receipt?task_hash={name}") == (200, {"proofs": block["proofs"]})


def test_a_long_poll_ends_after_its_time(http: Http) -> None:
    _, answer = http.post(b"never ends")
    began = time.monotonic()
    status, block = http.call("GET", f"/block?task_hash={answer['task_hash'].hex()}&wait=1")
    assert (status, block["finished"]) == (200, False)
    assert 0.9 < time.monotonic() - began < 20


def test_a_client_that_goes_away_frees_its_place(facts: ServerFacts, http: Http) -> None:
    _, answer = http.post(b"never ends either")
    connection = socket.create_connection(("127.0.0.1", facts.port))
    path = f"/block?task_hash={answer['task_hash'].hex()}&wait=60"
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def waiting() -> float:
        lines = http.raw("GET", "/metrics")[2].decode().splitlines()
        return float(next(x for x in lines if x.startswith("adyton_long_polls ")).split()[1])

    for target in (1.0, 0.0):
        deadline = time.monotonic() + 60
        while waiting() != target:
            assert time.monotonic() < deadline
        connection.close()


@pytest.mark.parametrize(
    ("sealed", "status", "code"),
    [
        (b"drop:unopenable", 403, "unopenable"),
        (b"drop:wrong_epoch", 409, "wrong_epoch"),
        (b"void:expired", 403, "expired"),
        (b"drop:overloaded", 503, "overloaded"),
        (b"drop:unheard of", 503, "invariant"),
    ],
)
def test_a_refusal_is_problem_details(http: Http, sealed: bytes, status: int, code: str) -> None:
    got, problem = http.post(sealed)
    assert (got, problem["code"]) == (status, code)
    assert problem["type"] == f"urn:adyton:error:{code}"
    assert set(problem) == {"type", "title", "status", "detail", "code"}


def test_unavailable_says_when_to_come_again(http: Http) -> None:
    body = json.dumps(
        {"envelope": base64.b64encode(envelope(http.chain_id, b"drop:overloaded")).decode()}
    )
    status, fields, _ = http.raw("POST", "/task", body, {"content-type": "application/json"})
    assert (status, fields["retry-after"]) == (503, "1")


def test_the_key_request_is_passed_on(http: Http) -> None:
    asked = {"request": key_request(http.chain_id, b"abc")}
    assert http.call("POST", "/key", asked) == (200, {"answer": b"cba"})
    asked = {"request": key_request(http.chain_id, b"refuse")}
    status, problem = http.call("POST", "/key", asked)
    assert (status, problem["code"], problem["detail"]) == (400, "bad_argument", "refused as asked")


def test_a_read_sees_what_was_written(http: Http) -> None:
    assert http.post(b"state one")[0] == 200
    assert http.post(b"state one")[0] == 200
    read = envelope(http.chain_id, b"state one", "read")
    assert http.call("POST", "/read", {"envelope": read}) == (200, {"answer": b"2"})
    blob = envelope(http.chain_id, b"put:0123456789abcdef", "read")
    assert http.call("POST", "/read", {"envelope": blob}) == (200, {"answer": b"3456789abcdef"})
    id_ = blob_id(b"0123456789abcdef").hex()
    assert http.raw("GET", f"/blob/{id_}")[2] == b"0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "purpose", "chain", "code"),
    [
        ("/task", "read", None, "bad_argument"),
        ("/read", "request", None, "bad_argument"),
        ("/task", "request", bytes(32), "wrong_chain"),
        ("/read", "read", bytes(32), "wrong_chain"),
    ],
)
def test_an_envelope_for_elsewhere_is_refused(
    http: Http, path: str, purpose: str, chain: bytes | None, code: str
) -> None:
    item = envelope(chain or http.chain_id, b"x", purpose)
    _, problem = http.call("POST", path, {"envelope": item})
    assert problem["code"] == code


def test_the_chain_is_paged(http: Http) -> None:
    for _ in range(5):
        http.post(b"page")
    _, whole = http.call("GET", "/block")
    assert Genesis.decode(whole["genesis"]).chain_id() == http.chain_id
    assert whole["height"] == len(whole["blocks"])
    start, seen, previous = 0, 0, http.chain_id
    while True:
        status, page = http.call("GET", f"/block?from={start}&limit=2")
        assert status == 200
        if not page["blocks"]:
            break
        for block in page["blocks"]:
            header = BlockHeader.decode(block["header"])
            assert (header.height, header.previous) == (seen + 1, previous)
            assert Checkpoint.decode(block["checkpoint"]).facts.block_hash == header.hash()
            for public, writes in block["entries"]:
                assert PublicPart.decode(public).encode() == public
                assert len(writes) == 32
            seen, previous = header.height, header.hash()
        start = seen + 1
    assert seen == whole["height"]


def test_checkpoints_are_consistent(http: Http) -> None:
    http.post(b"checkpoint")
    _, answer = http.call("GET", "/checkpoint")
    checkpoint = Checkpoint.decode(answer["checkpoint"])
    checkpoint.verify(recorder(http))
    size = checkpoint.facts.size
    assert answer["consistency"] == []
    _, answer = http.call("GET", "/checkpoint?from=1")
    assert len(answer["consistency"]) > 0
    assert http.call("GET", f"/checkpoint?from=1&to={size}") == (200, answer)
    for query, status, code in (
        (f"from={size + 1}", 409, "rollback"),
        (f"from=1&to={size + 1}", 409, "rollback"),
        ("from=2&to=1", 400, "bad_argument"),
    ):
        got, problem = http.call("GET", f"/checkpoint?{query}")
        assert (got, problem["code"]) == (status, code)


def test_announced_evidence_is_found_by_key(http: Http) -> None:
    key = recorder(http)
    status, answer = http.call("GET", f"/evidence?key_id={key_id(key).hex()}")
    assert status == 200
    evidence = NodeEvidence.decode(answer["evidence"])
    assert evidence.recorder.attested.signing_key == key
    assert http.call("GET", f"/evidence?key_id={'00' * 8}")[0] == 404
    for query in ("", "?nonce=ab", f"?nonce={'ab' * 33}", f"?nonce={'ab' * 16}&key_id={'00' * 8}"):
        assert http.call("GET", "/evidence" + query)[0] == 400


def test_blobs_go_up_and_down(http: Http) -> None:
    data = os.urandom(3_000_000)
    path = f"/blob/{blob_id(data).hex()}"
    assert http.call("GET", path)[0] == 404
    status, _, _ = http.raw("PUT", path, data)
    assert status == 201
    assert http.raw("PUT", path, data)[0] == 201
    status, fields, body = http.raw("GET", path)
    assert (status, body, fields["content-type"]) == (200, data, "application/octet-stream")
    status, fields, body = http.raw("HEAD", path)
    assert (status, fields["content-length"], body) == (200, str(len(data)), b"")
    status, problem = http.call("PUT", f"/blob/{'00' * 32}", None)
    assert (status, problem["code"]) == (400, "malformed")
    chunks = (data[i : i + 100_000] for i in range(0, 500_000, 100_000))
    other = blob_id(data[:500_000]).hex()
    assert http.raw("PUT", f"/blob/{other}", chunks)[0] == 201


def test_an_upload_that_breaks_off_leaves_nothing(facts: ServerFacts, http: Http) -> None:
    id_ = blob_id(b"x" * 1000).hex()
    connection = socket.create_connection(("127.0.0.1", facts.port))
    head = f"PUT /blob/{id_} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    connection.sendall(head.encode() + b"x" * 500)
    connection.close()
    assert http.call("GET", f"/blob/{id_}")[0] == 404
    assert http.raw("PUT", f"/blob/{id_}", b"x" * 1000)[0] == 201


def test_health_tells_the_chain(http: Http) -> None:
    status, answer = http.call("GET", "/health")
    assert status == 200
    assert (answer["status"], answer["chain_id"]) == ("serving", http.chain_id)
    assert answer["height"] > 0


def test_every_route_is_in_the_document(http: Http) -> None:
    status, fields, body = http.raw("GET", "/openapi.json")
    document = json.loads(body)
    assert (status, fields["content-type"], document["openapi"]) == (
        200,
        "application/json",
        "3.1.0",
    )
    documented = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    assert documented == {(route.method, route.path) for route in ROUTES} | {
        ("GET", "/openapi.json")
    }
    for method, path in documented:
        # Each of them is answered by the application, whatever it says to an empty request.
        status, fields, body = http.raw(method, path.replace("{id}", "00" * 32), b"")
        assert status not in (405, 500)
        assert status != 404 or "route" not in body.decode()


def test_one_page_serves_many_at_once(facts: ServerFacts) -> None:
    results: list[tuple[int, Any]] = []

    def worker() -> None:
        http = Http(facts)
        results.extend(http.post(b"many") for _ in range(25))
        http.close()

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(results) == 200
    assert {status for status, _ in results} == {200}
    assert len({answer["task_hash"] for _, answer in results}) == 200
