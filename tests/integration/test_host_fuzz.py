"""Whatever is sent, no answer is a 500, and every refusal is problem details with a stable code."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.encoding import encode
from adyton.core.errors import CODES
from adyton.host.serve import ServerFacts
from tests.host_kit import Http, envelope, fake_launch, serving

PATHS = [
    *(
        "/key /task /read /block /evidence /checkpoint /receipt /health /metrics /openapi.json"
        " /blob/ /blob/x / /task/ /nowhere //task /blob/../task"
    ).split(),
    "/blob/" + "00" * 32,
    "/blob/" + "AB" * 32,
    "/blob/%2e%2e%2fconfig",
]
METHODS = "GET HEAD POST PUT DELETE PATCH OPTIONS TRACE".split()
VALUES = st.sampled_from(
    ["", "0", "task_hash=1", "-1", "01", "1e3", "9" * 30, "9223372036854775807", "9223372036854775808", "00" * 32,
     "0" * 63, "ab" * 16, "AB" * 16, "%00", "%ff%fe", "%", "%zz", "é", "a b", "\u0661", "60", "1"]
)  # fmt: skip
NAMES = st.sampled_from("task_hash wait view from to limit nonce key_id other".split())
BODIES = st.one_of(
    st.binary(max_size=300),
    st.sampled_from(
        [b"{}", b"[]", b"null", b'{"envelope":1}', b'{"envelope":"!"}', b'{"envelope":"QQ"}',
         b'{"envelope":"QUJ="}', b'{"request":"QUJD"}', b'{"envelope":"","envelope":""}', b"[" * 9999,
         b'{"envelope":' + b"9" * 5000 + b"}", b'{"envelope":"\xff"}', b'"\\ud800"', b"NaN", b"\xa0",
         b'{"envelope":"\\ud800"}', b"\xa1hrequestCabc", b"\xbfhenvelope\x40\xff", b"\xa1henvelope@"]
    ),
    st.dictionaries(
        st.sampled_from(["envelope", "request", "x"]), st.binary(max_size=99) | st.integers(0, 9)
    ).map(encode),
)  # fmt: skip
TYPES = st.sampled_from(
    [
        "application/json",
        "application/cbor",
        "APPLICATION/CBOR ; x",
        "text/plain",
        "",
        "\xff",
        "*/*",
    ]
)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerFacts]:
    directory = tmp_path_factory.mktemp("fuzz")
    with serving(directory / "data", fake_launch(directory)) as made:
        yield made


def judge(status: int, fields: dict[str, str], body: bytes, method: str = "GET") -> None:
    assert status < 400 or status in (400, 403, 404, 405, 409, 413, 503), (status, body)
    if status >= 400:
        assert fields["content-type"] == "application/problem+json"
        if method != "HEAD":
            problem = json.loads(body)
            assert problem["status"] == status
            assert problem["code"] in CODES
            # Nothing here is a fault of the server, which would be an internal error.
            assert problem["code"] != "invariant", problem


@settings(max_examples=400)
@given(
    st.sampled_from(METHODS),
    st.sampled_from(PATHS),
    st.lists(st.tuples(NAMES, VALUES), max_size=3),
    st.none() | BODIES,
    TYPES,
    TYPES,
)
def test_garbage_is_refused_in_form(
    facts: ServerFacts,
    method: str,
    path: str,
    query: Any,
    body: bytes | None,
    kind: str,
    accept: str,
) -> None:
    http = Http(facts)
    # A wait that is valid is bounded here, so that the test does not wait.
    pairs = [f"{name}={value}" for name, value in query if name != "wait" or value != "60"]
    target = path + ("?" + "&".join(pairs) if pairs else "")
    with closing(http):
        try:
            answer = http.raw(
                method,
                target.encode("utf-8").decode("latin-1").replace(" ", "+"),
                body,
                {"content-type": kind, "accept": accept},
            )
        except UnicodeEncodeError:
            return
        judge(*answer, method)


@pytest.mark.parametrize(
    "query",
    [
        "wait=task_hash=1",
        "task%5fhash=" + "00" * 32,
        "task_hash",
        "from=1&task_hash=",
        "a=task_hash=",
    ],
)
def test_queries_that_only_look_like_a_lookup_are_refused(facts: ServerFacts, query: str) -> None:
    http = Http(facts)
    with closing(http):
        status, problem = http.call("GET", f"/block?{query}")
        assert (status, problem["code"]) == (400, "bad_argument")


@pytest.mark.parametrize("path", ["/task", "/read", "/key", "/blob/" + "00" * 32])
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_bound_is_refused_before_it_is_read(
    facts: ServerFacts, path: str, declared: bool
) -> None:
    method = "PUT" if path.startswith("/blob") else "POST"
    size = limits.BLOB + 10_000 if method == "PUT" else 2 * limits.ENVELOPE
    with socket.create_connection(("127.0.0.1", facts.port), timeout=60) as connection:
        framing = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
        if not declared:
            chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
            sent = 0
            try:
                while sent < size:
                    connection.sendall(chunk)
                    sent += 0x10000
            except OSError:
                pass  # the server has answered and closed already
        head = connection.recv(65536)
        assert head.startswith(b"HTTP/1.1 413 "), head


def test_many_headers_and_long_ones_are_survived(facts: ServerFacts) -> None:
    http = Http(facts)
    with closing(http):
        fields = {f"x-{i}": "y" * 200 for i in range(90)}
        judge(*http.raw("GET", "/health", headers=fields))


def test_a_wrong_content_length_is_survived(facts: ServerFacts) -> None:
    for value in ("abc", "-1", "9" * 40, "1, 2"):
        with socket.create_connection(("127.0.0.1", facts.port), timeout=30) as connection:
            connection.sendall(
                f"POST /task HTTP/1.1\r\nHost: x\r\nContent-Length: {value}\r\n\r\n".encode()
            )
            connection.shutdown(socket.SHUT_WR)
            assert b" 500 " not in connection.recv(65536)
    http = Http(facts)
    with closing(http):
        assert http.call("GET", "/health")[0] == 200


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_broken_envelopes_never_reach_a_block(facts: ServerFacts, noise: bytes) -> None:
    http = Http(facts)
    with closing(http):
        height = http.call("GET", "/health")[1]["height"]
        whole = envelope(facts.chain_id, b"x")
        for broken in (noise, whole[:-1], whole + b"\x00", whole.replace(b"request", b"replays")):
            status, problem = http.call("POST", "/task", {"envelope": broken})
            assert (status, problem["code"]) == (400, "malformed")
        assert http.call("GET", "/health")[1]["height"] == height


@settings(max_examples=60)
@given(
    st.binary(max_size=300)
    | st.sampled_from([b"GET", b"POST /task HTTP/1.1\r\n", b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x/health HTTP/1.1\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"POST /task HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
)  # fmt: skip
def test_what_is_no_http_is_survived(facts: ServerFacts, noise: bytes) -> None:
    with socket.create_connection(("127.0.0.1", facts.port), timeout=30) as connection:
        connection.sendall(noise)
        connection.shutdown(socket.SHUT_WR)
        assert b" 500 " not in connection.recv(65536).split(b"\r\n")[0]


def test_an_envelope_at_its_bound_passes(facts: ServerFacts) -> None:
    http = Http(facts)
    with closing(http):
        overhead = len(envelope(facts.chain_id, bytes(100_000))) - 100_000
        status, _ = http.post(os.urandom(limits.ENVELOPE - overhead))
        assert status == 200
        status, problem = http.post(os.urandom(limits.ENVELOPE - overhead + 1))
        assert (status, problem["code"]) == (413, "too_large")
