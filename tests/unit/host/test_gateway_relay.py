"""Relaying: each request for itself, once at a time, within its device's share."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError
from adyton.host.gateways.allowed import require_allowed, waits_long
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.relay import (
    IN_FLIGHT_EACH,
    LARGE,
    LARGE_EACH,
    PER_SECOND_EACH,
    Relay,
)
from adyton.host.gateways.upstream import Answered, Upstream
from adyton.mqtt import topics
from adyton.mqtt.link import Incoming, Outgoing
from adyton.protocol.relay import RelayRequest, RelayResponse
from tests.e2e.command import until

DEVICE = topics.Sender("charger", "i")


class Node:
    """Stands for a node: answers when it may, with what it is told to."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.may.set()
        self.asked: list[tuple[Any, ...]] = []
        self.fails: BaseException | None = None

    def ask(self, *asked: Any, most: int, timeout_s: float) -> Answered:
        self.asked.append((*asked, most, timeout_s))
        if not self.may.wait(60):
            raise TimeoutError
        if self.fails is not None:
            raise self.fails
        return Answered(200, "application/cbor", b"fine")


class Bench:
    """A relay, its node, and what it publishes."""

    def __init__(self) -> None:
        self.node = Node()
        self.counters = Counters()
        self.published: list[Outgoing] = []
        self.takes = True
        self.unacknowledged: list[Callable[[int], None]] = []
        self.relay = Relay("g", self.node, self.publish, self.counters)  # type: ignore[arg-type]  # all it calls

    def publish(self, message: Outgoing, acknowledged: Callable[[int], None]) -> None:
        self.published.append(message)
        if self.takes:
            acknowledged(0)
        else:
            self.unacknowledged.append(acknowledged)

    def offer(
        self,
        payload: bytes = b"",
        correlation: bytes | None = None,
        sender: topics.Sender = DEVICE,
        **changes: Any,
    ) -> None:
        payload = payload or RelayRequest("GET", "/health", "", None, 1000).encode()
        given = {
            "topic": topics.request("g", *sender),
            "payload": payload,
            "correlation": correlation or secrets.token_bytes(16),
            "response_topic": None,
            "expiry_s": None,
            "retained": False,
            **changes,
        }
        self.relay.offer(sender, Incoming(**given))

    def answers(self, count: int) -> list[RelayResponse]:
        until(lambda: len(self.published) >= count, f"{count} answers")
        return [RelayResponse.decode(one.payload) for one in self.published]

    def dropped(self, reason: str) -> float:
        name = "adyton_gateway_dropped_total"
        return self.counters.registry.get_sample_value(name, {"reason": reason}) or 0.0


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.node.may.set()
    made.relay.close()


def test_an_answer_goes_to_its_senders_own_topic(bench: Bench) -> None:
    correlation = secrets.token_bytes(16)
    bench.offer(correlation=correlation)
    (answer,) = bench.answers(1)
    assert (answer.status, answer.body) == (200, b"fine")
    (published,) = bench.published
    assert published.topic == "adyton/v1/g/charger/i/res"
    assert published.correlation == correlation
    assert not published.retain


def test_what_is_in_flight_is_asked_once(bench: Bench) -> None:
    bench.node.may.clear()
    correlation = secrets.token_bytes(16)
    for _ in range(5):
        bench.offer(correlation=correlation)
    bench.offer(correlation=correlation, sender=topics.Sender("charger", "j"))
    until(lambda: len(bench.node.asked) == 2, "both instances ask")
    bench.node.may.set()
    assert len(bench.answers(2)) == 2
    assert bench.dropped("duplicate") == 4
    # Answered, it may be asked again: the broker may have lost the answer.
    bench.offer(correlation=correlation)
    assert len(bench.answers(3)) == 3


def test_a_device_has_its_share_and_no_more(bench: Bench) -> None:
    bench.node.may.clear()
    for _ in range(IN_FLIGHT_EACH + 3):
        bench.offer()
    refused = bench.answers(3)
    assert [(one.status, json.loads(one.body)["code"]) for one in refused] == [
        (503, "overloaded")
    ] * 3
    bench.offer(sender=topics.Sender("other", "i"))
    bench.node.may.set()
    assert len(bench.answers(IN_FLIGHT_EACH + 4)) == IN_FLIGHT_EACH + 4
    bench.offer()
    assert bench.answers(IN_FLIGHT_EACH + 5)[-1].status == 200


def test_a_place_is_held_until_the_broker_has_the_answer(bench: Bench) -> None:
    """Else a device that asks faster than the broker takes would have the gateway hold all of it."""
    bench.takes = False
    correlation = secrets.token_bytes(16)
    for number in range(IN_FLIGHT_EACH):
        bench.offer(correlation=correlation)
        bench.answers(number + 1)
    assert len(bench.node.asked) == IN_FLIGHT_EACH
    bench.offer(correlation=correlation)
    assert json.loads(bench.answers(IN_FLIGHT_EACH + 1)[-1].body)["code"] == "overloaded"
    for acknowledged in bench.unacknowledged:
        acknowledged(0)
        acknowledged(0x87)
    bench.offer()
    assert bench.answers(IN_FLIGHT_EACH + 2)[-1].status == 200


def test_large_answers_have_fewer_places(bench: Bench) -> None:
    bench.node.may.clear()
    page = RelayRequest("GET", "/block?from=1", "", None, LARGE + 1).encode()
    blob = bytes(LARGE + 1)
    put = RelayRequest("PUT", f"/blob/{'00' * 32}", "application/octet-stream", blob, 10).encode()
    for payload in (*[page] * (LARGE_EACH - 1), put, page, put):
        bench.offer(payload)
    codes = [json.loads(one.body)["code"] for one in bench.answers(2)]
    assert codes == ["overloaded", "overloaded"]
    assert bench.dropped("over its share") == 2
    bench.offer()
    bench.offer(page, sender=topics.Sender("other", "i"))
    bench.node.may.set()
    assert [one.status for one in bench.answers(LARGE_EACH + 4)].count(200) == LARGE_EACH + 2
    bench.offer(page)
    assert bench.answers(LARGE_EACH + 5)[-1].status == 200


def test_a_device_has_its_rate(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adyton.host.shares.time.monotonic", lambda: 1.0)
    for number in range(PER_SECOND_EACH + 5):
        bench.offer(b"bad")
        assert len(bench.published) == number + 1
    codes = [json.loads(RelayResponse.decode(one.payload).body)["code"] for one in bench.published]
    assert codes.count("malformed") == PER_SECOND_EACH
    assert codes.count("overloaded") == 5


@pytest.mark.parametrize(
    ("problem", "status"),
    [(UnavailableError("timeout", "late"), 503), (ZeroDivisionError("a secret"), 503)],
)
def test_one_failure_is_answered_and_stops_nothing(
    bench: Bench, problem: BaseException, status: int
) -> None:
    bench.node.fails = problem
    bench.offer()
    (answer,) = bench.answers(1)
    assert answer.status == status
    assert b"secret" not in answer.body
    bench.node.fails = None
    bench.offer()
    assert bench.answers(2)[1].status == 200


def test_what_waited_too_long_is_not_asked(bench: Bench) -> None:
    bench.offer(expiry_s=60)
    bench.answers(1)
    assert bench.node.asked[0][-1] <= 60
    bench.node.may.clear()
    for number in range(32):
        bench.offer(sender=topics.Sender(f"d{number}", "i"))
    until(lambda: len(bench.node.asked) == 33, "all workers are busy")
    for number in range(8):
        bench.offer(sender=topics.Sender(f"late{number}", "i"), expiry_s=1)
    deadline = threading.Event()
    deadline.wait(1.2)
    bench.node.may.set()
    answers = bench.answers(41)
    assert sum(one.status == 503 for one in answers) == 8
    assert len(bench.node.asked) == 33


def test_long_polls_do_not_keep_others_waiting(bench: Bench) -> None:
    bench.node.may.clear()
    poll = RelayRequest("GET", f"/block?task_hash={bytes(32).hex()}&wait=60", "", None, 10).encode()
    for number in range(64):
        bench.offer(poll, sender=topics.Sender(f"d{number}", "i"))
    until(lambda: len(bench.node.asked) == 64, "all polls are asked")
    bench.offer()
    until(lambda: len(bench.node.asked) == 65, "the quick one is asked")


def test_the_bound_of_an_answer_is_the_askers_or_ours(bench: Bench) -> None:
    for most in (0, 7, limits.RELAY_BODY, limits.UINT_MAX):
        bench.offer(RelayRequest("GET", "/health", "", None, most).encode())
    bench.answers(4)
    bounds = sorted(asked[-2] for asked in bench.node.asked)
    assert bounds == [0, 7, limits.RELAY_BODY, limits.RELAY_BODY]


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("POST", "/key", "application/cbor"),
        ("POST", "/task?view=0", "application/cbor"),
        ("POST", "/tasks?view=12", "application/cbor"),
        ("POST", "/read", "application/cbor"),
        ("GET", f"/block?task_hash={bytes(32).hex()}&wait=60&view=3", ""),
        ("GET", "/block?from=1&limit=256", ""),
        ("GET", f"/evidence?nonce={bytes(32).hex()}", ""),
        ("GET", "/checkpoint?from=0&to=5", ""),
        ("GET", f"/receipt?task_hash={bytes(32).hex()}", ""),
        ("GET", "/health", ""),
        ("GET", f"/blob/{bytes(32).hex()}", ""),
        ("PUT", f"/blob/{bytes(32).hex()}", "application/octet-stream"),
    ],
)
def test_what_clients_ask_is_relayed(method: str, target: str, kind: str) -> None:
    require_allowed(method, target, kind, has_body=bool(kind))


@pytest.mark.parametrize(
    ("method", "target", "kind", "code"),
    [
        ("GET", "/metrics", "", "not_found"),
        ("GET", "/openapi.json", "", "not_found"),
        ("get", "/health", "", "not_found"),
        ("GET", "/health/", "", "not_found"),
        ("GET", "/health?x=%41", "", "not_found"),
        ("GET", "/health?x=1\r\nHost: a", "", "not_found"),
        ("GET", "/health\n", "", "not_found"),
        ("GET", "/block?from=1?limit=2", "", "not_found"),
        ("GET", f"/blob/{bytes(32).hex()}0", "", "not_found"),
        ("GET", "/blob/../metrics", "", "not_found"),
        ("POST", "/task", "application/json", "bad_argument"),
        ("POST", "/task", "", "bad_argument"),
        ("GET", "/health", "application/cbor", "bad_argument"),
    ],
)
def test_nothing_else_is_relayed(method: str, target: str, kind: str, code: str) -> None:
    with pytest.raises(UsageError) as refused:
        require_allowed(method, target, kind, has_body=bool(kind))
    assert refused.value.code == code


def test_long_polls_are_told_apart() -> None:
    assert waits_long("/block?task_hash=00&wait=60&view=0")
    assert not waits_long("/block?task_hash=00&wait=0&view=9")
    assert not waits_long("/block?from=60")


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://", "http://a:b", "http://a/path", "http://u:p@a", "a:1", ""]
)
def test_an_address_of_no_server_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        Upstream(url)


class Pausing:
    """A lock before which one thread waits, each time from the fourth on: when it has given its connection back."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.waits: int | None = None
        self._times = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if self.waits in (None, threading.get_ident()):
            self.waits = threading.get_ident()
            self._times += 1
            if self._times > 3:
                self.go_on.wait(30)
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_closing_ends_who_has_a_connection_that_another_has_just_left() -> None:
    lock = Pausing()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ThreadPoolExecutor(1) as one,
        ThreadPoolExecutor(1) as other,
    ):
        upstream = Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}")
        vars(upstream)["_lock"] = lock

        def ask() -> Answered:
            return upstream.ask("GET", "/", None, {}, most=10, timeout_s=60)

        first = one.submit(ask)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(30)
            assert connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
            until(lambda: bool(upstream._idle), "it is given back")
            second = other.submit(ask)
            assert connection.recv(65_536)
            lock.go_on.set()
            assert first.result(30).body == b"fine"
            upstream.close()
            with pytest.raises(UnavailableError, match="unreachable"):
                second.result(30)
