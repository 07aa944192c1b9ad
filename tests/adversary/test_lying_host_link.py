"""A host that breaks the rules of the channel: the enclave ends, or the call fails, and no answer is invented."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from adyton.channel.framing import HEADER, REPLY, REQUEST, Frame
from adyton.channel.stream import StreamChannel
from adyton.core import limits
from adyton.core.errors import Error, MalformedError, UnavailableError, VerificationError
from adyton.core.schema import Message
from adyton.enclave.__main__ import main
from adyton.enclave.host_link import HostLink
from adyton.host.simulated_tee import make_device, open_device
from adyton.protocol import boundary, reverse
from tests.host_simulator import MEASUREMENT, configuration

NAME = bytes(32)


class ScriptedChannel:
    """A channel whose other side answers the enclave's requests as a test says."""

    def __init__(self, answer: Callable[[Frame], list[Frame]]) -> None:
        self.answer = answer
        self.sent: list[Frame] = []
        self.incoming: list[Frame] = []

    def send(self, frame: Frame) -> None:
        self.sent.append(frame)
        self.incoming += self.answer(frame)

    def receive(self) -> Frame:
        if not self.incoming:
            raise UnavailableError("enclave_down", "the channel is closed")
        return self.incoming.pop(0)

    def close(self) -> None:
        self.incoming.clear()


def link(*bodies: bytes | Message) -> HostLink:
    """A link whose host answers each request with the next of these."""
    left = list(bodies)

    def answer(frame: Frame) -> list[Frame]:
        body = left.pop(0)
        return [Frame(REPLY, frame.id, body if isinstance(body, bytes) else body.encode())]

    return HostLink(ScriptedChannel(answer))


def test_an_honest_answer_is_returned_as_it_is() -> None:
    assert link(reverse.StateValue(b"value")).state_get(NAME) == b"value"
    assert link(reverse.StateValue(None)).state_get(NAME) is None
    page = ((NAME, b"value"),)
    assert link(reverse.StatePage(page)).state_scan(None) == page


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff",
        boundary.Done(),
        reverse.StatePage(()),
        reverse.BlobChunk(b"value"),
        reverse.StateGet(NAME),
        reverse.StateValue(b"value").encode() + b"\x00",
        reverse.StateValue(bytes(limits.STATE_VALUE + 1)),
        bytes(limits.FRAME),
    ],
)
def test_an_answer_of_another_form_is_refused(answer: bytes | Message) -> None:
    with pytest.raises(MalformedError):
        link(answer).state_get(NAME)


def test_a_page_of_another_form_is_refused() -> None:
    too_many = tuple((number.to_bytes(32, "big"), b"") for number in range(limits.STATE_PAGE + 1))
    for answer in (reverse.StateValue(None), reverse.StatePage(too_many)):
        with pytest.raises(MalformedError):
            link(answer).state_scan(None)


def test_a_refusal_is_an_error_without_the_host_s_text() -> None:
    text = "call this number"
    with pytest.raises(UnavailableError) as problem:
        link(boundary.Failure("UsageError", "not_found", text)).state_get(NAME)
    assert text not in str(problem.value)


@pytest.mark.parametrize("size", [0, 1, 5, 100])
def test_a_blob_is_never_longer_than_what_was_asked_for(size: int) -> None:
    chunks = [reverse.BlobChunk(b"12345")] * 30
    assert link(*chunks).blob(NAME, size) == (b"12345" * 20)[:size]


def test_a_blob_ends_where_the_host_says_and_may_be_missing() -> None:
    assert link(reverse.BlobChunk(b"12"), reverse.BlobChunk(b"")).blob(NAME, 100) == b"12"
    assert link(reverse.BlobChunk(None)).blob(NAME, 100) is None
    assert link(reverse.BlobChunk(b"12"), reverse.BlobChunk(None)).blob(NAME, 100) is None


def test_a_chunk_over_its_bound_is_refused() -> None:
    with pytest.raises(MalformedError):
        link(reverse.BlobChunk(bytes(limits.BLOB_CHUNK + 1))).blob(NAME, limits.BLOB)


@pytest.mark.parametrize("wrong", [0, 2, 10**9])
def test_an_answer_that_nobody_asked_for_ends_the_channel(wrong: int) -> None:
    made = HostLink(
        ScriptedChannel(lambda _frame: [Frame(REPLY, wrong, reverse.StateValue(None).encode())])
    )
    with pytest.raises(VerificationError) as problem:
        made.state_get(NAME)
    assert problem.value.code == "channel_violation"


def test_a_second_answer_ends_the_channel() -> None:
    value = reverse.StateValue(None).encode()
    made = HostLink(ScriptedChannel(lambda frame: [Frame(REPLY, frame.id, value)] * 2))
    assert made.state_get(NAME) is None
    with pytest.raises(VerificationError) as problem:
        made.next_request()
    assert problem.value.code == "channel_violation"


def test_requests_that_come_while_the_enclave_waits_are_kept_in_order() -> None:
    def answer(frame: Frame) -> list[Frame]:
        asked = [Frame(REQUEST, number, b"") for number in (7, 8)]
        return [*asked, Frame(REPLY, frame.id, reverse.StateValue(b"x").encode())]

    made = HostLink(ScriptedChannel(answer))
    assert made.state_get(NAME) == b"x"
    assert [made.next_request().id for _ in range(2)] == [7, 8]


def test_a_flood_of_requests_ends_the_channel() -> None:
    made = HostLink(
        ScriptedChannel(lambda _: [Frame(REQUEST, 1, b"")] * (limits.CHANNEL_PENDING + 1))
    )
    with pytest.raises(VerificationError) as problem:
        made.state_get(NAME)
    assert problem.value.code == "channel_violation"


def test_whoever_waits_is_woken_when_the_channel_closes() -> None:
    made = HostLink(ScriptedChannel(lambda _frame: []))
    problems: list[Error] = []
    sent = threading.Event()

    def ask() -> None:
        sent.set()
        try:
            made.state_get(NAME)
        except Error as problem:
            problems.append(problem)

    waiting = threading.Thread(target=ask)
    waiting.start()
    sent.wait(60)
    made.close()
    waiting.join(60)
    assert [problem.code for problem in problems] == ["enclave_down"]


# --- the whole enclave at the end of a socket -----------------------------------------------------


class Served:
    """The enclave's own main loop, on a thread at the end of a socket."""

    def __init__(self, directory: Path) -> None:
        make_device(directory / "device")
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.channel = StreamChannel(ours)
        self.code: int | None = None
        device = open_device(directory / "device")

        def serve() -> None:
            self.code = main(theirs.detach(), device, os.devnull, MEASUREMENT)

        self.thread = threading.Thread(target=serve)
        self.thread.start()

    def ask(self, message: Message) -> Frame:
        self.channel.send(Frame(REQUEST, 1, message.encode()))
        return self.channel.receive()

    def ended(self) -> int | None:
        """Wait for the end, and return its code."""
        self.thread.join(60)
        return self.code


def test_the_ordinary_end_is_a_closed_channel(tmp_path: Path) -> None:
    served = Served(tmp_path)
    answer = served.ask(boundary.Status())
    assert boundary.StatusAnswer.decode(answer.body).lifecycle == "empty"
    served.channel.close()
    assert served.ended() == 0


@pytest.mark.parametrize(
    "unverified",
    [
        HEADER.pack(9, 3, 1),  # neither request nor reply
        HEADER.pack(8, REQUEST, 1),  # shorter than its own header
        HEADER.pack(limits.FRAME + 10, REQUEST, 1),
        HEADER.pack(2**32 - 1, REQUEST, 1),
        HEADER.pack(9, REPLY, 1),  # to nothing
    ],
)
def test_a_broken_frame_ends_the_enclave_without_a_word(tmp_path: Path, unverified: bytes) -> None:
    served = Served(tmp_path)
    served.socket.sendall(unverified)
    assert served.ended() == 1
    with pytest.raises(UnavailableError):
        served.channel.receive()


def test_a_wrong_answer_while_state_is_loaded_is_refused(tmp_path: Path) -> None:
    served = Served(tmp_path)
    provision = boundary.Provision(configuration().encode(), True, 1, None)
    made = boundary.Provisioned.decode(served.ask(provision).body)
    assert made.measurement == MEASUREMENT
    # A sealed head that does not open is refused before anything is asked for.
    refused = served.ask(boundary.LoadState(made.sealed_root))
    assert boundary.Failure.decode(refused.body).code == "sealed_invalid"
    served.channel.close()
    assert served.ended() == 0
