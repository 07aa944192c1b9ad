"""The blocking end: frames arrive whole whatever the cuts, and a closed channel says so."""

import socket
import struct
import threading
import tracemalloc
from collections.abc import Iterator

import pytest

from adyton.channel.framing import REPLY, REQUEST, Frame, pack
from adyton.channel.stream import StreamChannel
from adyton.core import limits
from adyton.core.errors import UnavailableError, VerificationError


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, StreamChannel]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    channel = StreamChannel(theirs)
    yield ours, channel
    ours.close()
    channel.close()


Pair = tuple[socket.socket, StreamChannel]
FRAMES = [Frame(1 + n % 2, n, bytes([n]) * n) for n in range(40)]


@pytest.mark.parametrize("cut", [1, 2, 5, 12, 13, 14, 1000])
def test_frames_arrive_whole_however_they_are_cut(pair: Pair, cut: int) -> None:
    raw, channel = pair
    stream = b"".join(map(pack, FRAMES))

    def feed() -> None:
        for at in range(0, len(stream), cut):
            raw.sendall(stream[at : at + cut])

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert [channel.receive() for _ in FRAMES] == FRAMES
    feeder.join()


@pytest.mark.parametrize(
    "size", [0, 1, 256 * 1024 - 14, 256 * 1024 - 13, 256 * 1024, 256 * 1024 + 1, 3_000_000]
)
def test_sizes_around_the_buffer(pair: Pair, size: int) -> None:
    raw, channel = pair
    frames = [Frame(REQUEST, 1, b"a"), Frame(REPLY, 2, b"b" * size), Frame(REQUEST, 3, b"c")]
    feeder = threading.Thread(target=lambda: raw.sendall(b"".join(map(pack, frames))))
    feeder.start()
    assert [channel.receive() for _ in frames] == frames
    feeder.join()


@pytest.mark.parametrize("length", [0, 8, limits.FRAME + 10, 2**32 - 1])
def test_a_hostile_length_is_refused_without_its_memory(pair: Pair, length: int) -> None:
    raw, channel = pair
    raw.sendall(struct.pack(">IBQ", length, REQUEST, 1))
    tracemalloc.start()
    try:
        with pytest.raises(VerificationError):
            channel.receive()
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_promise_of_the_greatest_frame_costs_little_until_it_arrives(pair: Pair) -> None:
    raw, channel = pair
    raw.sendall(struct.pack(">IBQ", limits.FRAME + 9, REQUEST, 1) + bytes(100))
    raw.shutdown(socket.SHUT_WR)
    tracemalloc.start()
    try:
        with pytest.raises(UnavailableError):
            channel.receive()
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


def test_an_unknown_kind_is_refused(pair: Pair) -> None:
    raw, channel = pair
    raw.sendall(struct.pack(">IBQ", 9, 3, 1))
    with pytest.raises(VerificationError):
        channel.receive()


@pytest.mark.parametrize("kept", range(13 + 4))
def test_a_cut_frame_ends_the_channel(pair: Pair, kept: int) -> None:
    raw, channel = pair
    raw.sendall(pack(Frame(REQUEST, 1, b"body"))[:kept])
    raw.close()
    with pytest.raises(UnavailableError):
        channel.receive()


def test_close_wakes_whoever_waits(pair: Pair) -> None:
    _, channel = pair
    ended: list[Exception] = []
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        try:
            channel.receive()
        except UnavailableError as problem:
            ended.append(problem)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert waiting.wait(60)
    channel.close()
    waiter.join(60)
    assert not waiter.is_alive()
    assert [type(problem) for problem in ended] == [UnavailableError]


def test_a_closed_channel_neither_sends_nor_receives(pair: Pair) -> None:
    _, channel = pair
    channel.close()
    channel.close()
    with pytest.raises(UnavailableError):
        channel.send(Frame(REQUEST, 1, b""))
    with pytest.raises(UnavailableError):
        channel.receive()


def test_sending_to_a_peer_that_is_gone(pair: Pair) -> None:
    raw, channel = pair
    raw.close()
    with pytest.raises(UnavailableError):
        channel.send(Frame(REQUEST, 1, bytes(1000)))


def test_a_body_over_the_bound_is_not_sent(pair: Pair) -> None:
    raw, channel = pair
    with pytest.raises(VerificationError):
        channel.send(Frame(REQUEST, 1, bytes(limits.FRAME + 1)))
    channel.send(Frame(REQUEST, 2, b"next"))
    assert raw.recv(100) == pack(Frame(REQUEST, 2, b"next"))


def test_frames_of_several_threads_stay_whole(pair: Pair) -> None:
    raw, channel = pair
    receiver = StreamChannel(raw)
    bodies = {number: bytes([number]) * (20_000 * (number % 5) + number) for number in range(24)}

    def send(first: int) -> None:
        for number in range(first, 24, 4):
            channel.send(Frame(REQUEST, number, bodies[number]))

    senders = [threading.Thread(target=send, args=(first,)) for first in range(4)]
    for sender in senders:
        sender.start()
    received = [receiver.receive() for _ in bodies]
    for sender in senders:
        sender.join()
    assert {frame.id: frame.body for frame in received} == bodies
