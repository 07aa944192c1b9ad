"""The asyncio end, against raw bytes and against the blocking end."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from adyton.channel.aio import AsyncChannel
from adyton.channel.framing import REPLY, REQUEST, Frame, pack
from adyton.channel.stream import StreamChannel
from adyton.core import limits
from adyton.core.errors import Error, UnavailableError, VerificationError


def echo(body: bytes) -> bytes:
    return b"re:" + body


def run(body: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(body, 60))


@contextlib.asynccontextmanager
async def opened(
    handler: Callable[[bytes], Awaitable[bytes] | bytes] = echo,
) -> AsyncIterator[tuple[AsyncChannel, socket.socket]]:
    """Open a channel; yield it with the raw other end."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(20)
    channel = await AsyncChannel.connect(ours, handler)
    try:
        yield channel, theirs
    finally:
        await channel.close()
        theirs.close()


async def sent(raw: socket.socket, count: int) -> list[Frame]:
    """Return the next frames that the channel sends."""
    peer = StreamChannel(raw)
    return [await asyncio.to_thread(peer.receive) for _ in range(count)]


def test_requests_are_answered_under_their_own_ids_in_any_order() -> None:
    async def body() -> None:
        async with opened() as (channel, raw):
            waiting = [asyncio.ensure_future(channel.request(bytes([n]))) for n in range(20)]
            frames = await sent(raw, 20)
            assert len({frame.id for frame in frames}) == 20
            for frame in reversed(frames):
                raw.sendall(pack(Frame(REPLY, frame.id, b"answer to " + frame.body)))
            assert await asyncio.gather(*waiting) == [b"answer to " + bytes([n]) for n in range(20)]

    run(body())


def test_replies_that_nobody_asked_for_are_ignored() -> None:
    async def body() -> None:
        async with opened() as (channel, raw):
            waiting = asyncio.ensure_future(channel.request(b"question"))
            (frame,) = await sent(raw, 1)
            for number in (0, frame.id + 1, 2**64 - 1):
                raw.sendall(pack(Frame(REPLY, number, b"hostile")))
            raw.sendall(pack(Frame(REPLY, frame.id, b"first")))
            raw.sendall(pack(Frame(REPLY, frame.id, b"second")))
            assert await waiting == b"first"
            again = asyncio.ensure_future(channel.request(b"next"))
            (frame,) = await sent(raw, 1)
            raw.sendall(pack(Frame(REPLY, frame.id, b"right")))
            assert await again == b"right"

    run(body())


HOSTILE = [
    struct.pack(">IBQ", 0, REQUEST, 1),
    struct.pack(">IBQ", 8, REQUEST, 1),
    struct.pack(">IBQ", limits.FRAME + 10, REQUEST, 1),
    struct.pack(">IBQ", 2**32 - 1, REPLY, 1),
    struct.pack(">IBQ", 9, 0, 1),
    struct.pack(">IBQ", 9, 255, 1),
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_peer_that_breaks_the_rules_ends_the_channel(hostile: bytes) -> None:
    async def body() -> None:
        async with opened() as (channel, raw):
            waiting = asyncio.ensure_future(channel.request(b"question"))
            await sent(raw, 1)
            raw.sendall(hostile)
            with pytest.raises(UnavailableError):
                await waiting
            await channel.ended
            with pytest.raises(UnavailableError):
                await channel.request(b"more")

    run(body())


@pytest.mark.parametrize("kept", [0, 1, 12, 13, 15])
def test_a_cut_frame_ends_the_channel(kept: int) -> None:
    async def body() -> None:
        async with opened() as (channel, raw):
            waiting = asyncio.ensure_future(channel.request(b"question"))
            (frame,) = await sent(raw, 1)
            raw.sendall(pack(Frame(REPLY, frame.id, b"answer"))[:kept])
            raw.close()
            with pytest.raises(UnavailableError):
                await waiting
            await channel.ended

    run(body())


def test_close_ends_whoever_waits() -> None:
    async def body() -> None:
        async with opened() as (channel, raw):
            waiting = asyncio.ensure_future(channel.request(b"question"))
            await sent(raw, 1)
            await channel.close()
            with pytest.raises(UnavailableError):
                await waiting
            with pytest.raises(UnavailableError):
                await channel.request(b"more")
            await channel.close()
            assert channel.ended.done()

    run(body())


def test_no_more_requests_wait_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHANNEL_PENDING", 3)

    async def body() -> None:
        async with opened() as (channel, raw):
            waiting = [asyncio.ensure_future(channel.request(b"q")) for _ in range(3)]
            frames = await sent(raw, 3)
            with pytest.raises(UnavailableError) as refused:
                await channel.request(b"one more")
            assert refused.value.code == "overloaded"
            for frame in frames:
                raw.sendall(pack(Frame(REPLY, frame.id, b"a")))
            assert await asyncio.gather(*waiting) == [b"a"] * 3
            later = asyncio.ensure_future(channel.request(b"again"))
            (frame,) = await sent(raw, 1)
            raw.sendall(pack(Frame(REPLY, frame.id, b"b")))
            assert await later == b"b"

    run(body())


def test_who_gives_up_waiting_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHANNEL_PENDING", 1)

    async def body() -> None:
        async with opened() as (channel, raw):
            for _ in range(3):
                waiting = asyncio.ensure_future(channel.request(b"q"))
                (frame,) = await sent(raw, 1)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                raw.sendall(pack(Frame(REPLY, frame.id, b"late")))

    run(body())


def test_a_body_over_the_bound_is_refused_and_the_channel_lives() -> None:
    async def body() -> None:
        async with opened() as (channel, raw):
            with pytest.raises(VerificationError):
                await channel.request(bytes(limits.FRAME + 1))
            waiting = asyncio.ensure_future(channel.request(b"small"))
            (frame,) = await sent(raw, 1)
            raw.sendall(pack(Frame(REPLY, frame.id, b"ok")))
            assert await waiting == b"ok"

    run(body())


def test_the_peers_requests_are_answered_at_once_or_later() -> None:
    async def slow(body: bytes) -> bytes:
        await released.wait()
        return b"slow " + body

    released = asyncio.Event()

    def handler(body: bytes) -> Awaitable[bytes] | bytes:
        return slow(body) if body.startswith(b"s") else b"fast " + body

    async def body() -> None:
        async with opened(handler) as (_, raw):
            for number, text in ((1, b"s1"), (2, b"f2"), (3, b"s3")):
                raw.sendall(pack(Frame(REQUEST, number, text)))
            assert await sent(raw, 1) == [Frame(REPLY, 2, b"fast f2")]
            released.set()
            later = await sent(raw, 2)
            assert {frame.id: frame.body for frame in later} == {1: b"slow s1", 3: b"slow s3"}

    run(body())


def test_both_transports_against_each_other() -> None:
    """Both ends ask and answer at once, from several threads, with bodies of all sizes."""

    def enclave(connection: socket.socket) -> None:
        channel = StreamChannel(connection)
        threads = []
        with contextlib.suppress(Error):
            while True:
                frame = channel.receive()
                if frame.kind == REPLY:
                    replies[frame.id] = frame.body
                    if len(replies) == 61:
                        answered.set()
                    continue
                reply = Frame(REPLY, frame.id, echo(frame.body))
                ask = Frame(REQUEST, frame.id, frame.body[:50])
                for out in (reply, ask):
                    threads.append(threading.Thread(target=channel.send, args=(out,)))
                    threads[-1].start()
        for thread in threads:
            thread.join()
        channel.close()

    replies: dict[int, bytes] = {}
    answered = threading.Event()

    async def body() -> None:
        ours, theirs = socket.socketpair()
        other = threading.Thread(target=enclave, args=(theirs,))
        other.start()
        channel = await AsyncChannel.connect(ours, lambda body: b"host:" + body)
        bodies = [bytes([n]) * (n * 3001) for n in range(60)] + [bytes(2_000_000)]
        answers = await asyncio.gather(*map(channel.request, bodies))
        assert answers == [echo(body) for body in bodies]
        assert await asyncio.to_thread(answered.wait, 20)
        assert set(replies.values()) == {b"host:" + body[:50] for body in bodies}
        await channel.close()
        await asyncio.to_thread(other.join, 20)
        assert not other.is_alive()

    run(body())
