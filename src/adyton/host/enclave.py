"""The enclave's process, as its host sees it: started from the image, asked over the channel, stopped by id.

Trust: runs in the untrusted host, which may start the enclave wrongly, and then gets no sealed root opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from adyton.channel.aio import AsyncChannel
from adyton.core.errors import Error, InvariantError, UnavailableError
from adyton.core.schema import Message, decode_one_of
from adyton.host import bounds
from adyton.host.failures import error_from
from adyton.protocol.boundary import Done, Drain, Failure, UntrustedMessage

_log = logging.getLogger("adyton.host")
_output = logging.getLogger("adyton.enclave.output")
_Reply = TypeVar("_Reply", bound=Message)
Handler = Callable[[bytes], Awaitable[bytes] | bytes]


@dataclass(frozen=True)
class Launch:
    """What is started.

    Attributes:
        command: returns the argument list for the two inherited descriptors, channel and device.
        open_device: returns a descriptor of the platform's device directory, owned by the caller.
    """

    command: Callable[[int, int], list[str]]
    open_device: Callable[[], int]


class EnclaveProcess:
    """A running enclave; made by `start`."""

    def __init__(
        self, process: subprocess.Popen[bytes], channel: AsyncChannel, output: threading.Thread
    ) -> None:
        self._process = process
        self._channel = channel
        self._output = output

    @classmethod
    async def start(cls, launch: Launch, handler: Handler) -> EnclaveProcess:
        """Start the process and connect the channel; `handler` answers its reverse calls.

        Raises:
            UnavailableError: `enclave_down`: it cannot be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        device = -1
        try:
            device = launch.open_device()
            process = _spawn(launch, theirs.fileno(), device)
        except OSError as problem:
            ours.close()
            raise UnavailableError("enclave_down", f"it cannot be started: {problem}") from None
        finally:
            theirs.close()
            if device >= 0:
                os.close(device)
        output = threading.Thread(target=_log_output, args=(process,), daemon=True)
        output.start()
        return cls(process, await AsyncChannel.connect(ours, handler), output)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def ended(self) -> asyncio.Task[None]:
        """Done when the channel has ended: the enclave is of no more use."""
        return self._channel.ended

    async def call(
        self,
        request: UntrustedMessage,
        reply: type[_Reply] | tuple[type[_Reply], ...],
        within: float = bounds.CALL_S,
    ) -> _Reply:
        """Ask the enclave and return its reply.

        Args:
            request: one of `boundary.HOST_REQUESTS`.
            reply: class of the reply named beside it there, or classes where there are two.
            within: seconds.

        Raises:
            Error: what the enclave refused with.
            UnavailableError: `enclave_down` when the channel is closed, `timeout` without an answer in time.
            InvariantError: the reply is none of these.
        """
        try:
            async with asyncio.timeout(within):
                body = await self._channel.request(request.encode())
        except TimeoutError:
            raise UnavailableError("timeout", "the enclave did not answer in time") from None
        replies: tuple[type[_Reply], ...] = reply if isinstance(reply, tuple) else (reply,)
        expected: dict[str, type[Message]] = {Failure.WIRE_NAME: Failure}
        expected.update((cls.WIRE_NAME, cls) for cls in replies)
        try:
            message = decode_one_of(body, expected)
        except Error as problem:
            raise InvariantError(
                "invariant", f"the enclave's reply is malformed: {problem}"
            ) from problem
        if isinstance(message, replies):
            return message
        if isinstance(message, Failure):
            raise error_from(message)
        raise InvariantError("invariant", "the enclave's reply is of another kind")

    async def stop(self) -> None:
        """End the enclave: ask it to drain, close the channel, then terminate the process it runs in."""
        with contextlib.suppress(Error):
            await self.call(Drain(), Done, bounds.DRAIN_S)
        await self._channel.close()
        for end in (None, self._process.terminate, self._process.kill):
            if end is not None:
                _log.warning("the enclave did not end by itself")
                end()
            try:
                await asyncio.to_thread(self._process.wait, bounds.EXIT_S)
                # Its last words say why it ended: they are in the log before anybody leaves.
                await asyncio.to_thread(self._output.join, bounds.EXIT_S)
                return
            except subprocess.TimeoutExpired:
                continue
        _log.error("the enclave's process %d is still there", self.pid)


def _spawn(launch: Launch, channel: int, device: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        launch.command(channel, device),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(channel, device),
        env={},
        cwd="/",
        start_new_session=True,
    )


def _log_output(process: subprocess.Popen[bytes]) -> None:
    """Log what the process writes, line by line, bounded in length and rate."""
    if process.stdout is None:
        return
    minute, lines = 0.0, 0
    with process.stdout as stream:
        while line := stream.readline(bounds.LOG_LINE):
            now = time.monotonic()
            if now - minute > 60:
                minute, lines = now, 0
            lines += 1
            if lines <= bounds.LOG_LINES_PER_MINUTE:
                text = line.decode("utf-8", "backslashreplace").rstrip()
                _output.warning("%s", text.encode("unicode_escape").decode("ascii"))
