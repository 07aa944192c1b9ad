"""The enclave's process, from the host: replies of every kind, and an end that cannot be avoided."""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adyton.core.errors import InvariantError, MalformedError, UnavailableError
from adyton.host import bounds
from adyton.host import enclave as enclave_module
from adyton.host.enclave import EnclaveProcess, Launch
from adyton.protocol.boundary import Done, Drain, Status, StatusAnswer
from tests.host_kit import ROOT

PEER = """
import sys, socket, time, signal
sys.path[:0] = {paths!r}
from adyton.channel.framing import REPLY, Frame
from adyton.channel.stream import StreamChannel
from adyton.core.encoding import encode
from adyton.protocol.boundary import *

channel = StreamChannel(socket.socket(fileno=int(sys.argv[1])))
def answer(body):
    frame = channel.receive()
    channel.send(Frame(REPLY, frame.id, body))
"""


def launch(directory: Path, script: str) -> Launch:
    paths = [str(ROOT / "src"), *[path for path in sys.path if "-packages" in path]]
    (directory / "peer.py").write_text(PEER.format(paths=paths) + script)

    def command(channel: int, device: int) -> list[str]:
        python = os.path.realpath(sys.executable)
        return [python, "-I", "-S", "-B", str(directory / "peer.py"), str(channel), str(device)]

    return Launch(command, lambda: os.open(directory, os.O_RDONLY))


def run(directory: Path, script: str, scenario: Callable[[EnclaveProcess], Awaitable[None]]) -> int:
    """Run a scenario against a peer; return the peer's exit status."""

    async def main() -> int:
        enclave = await EnclaveProcess.start(launch(directory, script), lambda body: body)
        try:
            async with asyncio.timeout(60):
                await scenario(enclave)
        finally:
            await enclave.stop()
        return enclave._process.wait(60)

    return asyncio.run(main())


async def nothing(enclave: EnclaveProcess) -> None:
    return


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not wait long; only for a process that never ends by itself, or it would be cut short."""
    monkeypatch.setattr(bounds, "DRAIN_S", 1.0)
    monkeypatch.setattr(bounds, "EXIT_S", 0.5)


def test_a_reply_is_typed_and_a_failure_is_raised(tmp_path: Path) -> None:
    async def scenario(enclave: EnclaveProcess) -> None:
        answer = await enclave.call(Status(), StatusAnswer)
        assert (answer.lifecycle, answer.height) == ("serving", 7)
        with pytest.raises(MalformedError, match="as asked"):
            await enclave.call(Status(), StatusAnswer)

    script = (
        "answer(StatusAnswer('serving', 7, 0, 0, 0, 0).encode())\n"
        "answer(Failure('MalformedError', 'malformed', 'as asked').encode())\nanswer(Done().encode())\n"
    )
    assert run(tmp_path, script, scenario) == 0


@pytest.mark.parametrize(
    "reply", ["b''", "b'\\xff'", "encode(['done/1', 1])", "Done().encode()", "encode(['x/1'])"]
)
def test_another_reply_is_an_invariant(tmp_path: Path, reply: str) -> None:
    async def scenario(enclave: EnclaveProcess) -> None:
        with pytest.raises(InvariantError):
            await enclave.call(Status(), StatusAnswer)

    run(tmp_path, f"answer({reply})\n", scenario)


def test_no_answer_in_time_is_told(tmp_path: Path) -> None:
    async def scenario(enclave: EnclaveProcess) -> None:
        with pytest.raises(UnavailableError) as caught:
            await enclave.call(Status(), StatusAnswer, 0.2)
        assert caught.value.code == "timeout"

    run(tmp_path, "channel.receive()\nanswer(Done().encode())\n", scenario)


def test_whoever_waits_hears_of_the_end(tmp_path: Path) -> None:
    async def scenario(enclave: EnclaveProcess) -> None:
        waiting = [asyncio.ensure_future(enclave.call(Status(), StatusAnswer)) for _ in range(3)]
        for result in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(result, UnavailableError)
            assert result.code == "enclave_down"
        await enclave.ended
        with pytest.raises(UnavailableError):
            await enclave.call(Status(), StatusAnswer)

    assert run(tmp_path, "channel.receive()\nsys.exit(9)\n", scenario) == 9


def test_a_peer_that_breaks_the_framing_is_cut_off(tmp_path: Path) -> None:
    async def scenario(enclave: EnclaveProcess) -> None:
        with pytest.raises(UnavailableError):
            await enclave.call(Status(), StatusAnswer)

    script = "channel.receive()\nchannel._socket.sendall(b'\\xff' * 100)\ntime.sleep(0.2)\n"
    run(tmp_path, script, scenario)


@pytest.mark.usefixtures("impatient")
def test_a_process_that_does_not_end_is_terminated(tmp_path: Path) -> None:
    assert run(tmp_path, "time.sleep(3600)\n", nothing) == -15


@pytest.mark.usefixtures("impatient")
def test_a_process_that_ignores_that_is_killed(tmp_path: Path) -> None:
    script = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nanswer(b'ready')\n"
        "while True:\n    time.sleep(3600)\n"
    )

    async def scenario(enclave: EnclaveProcess) -> None:
        with pytest.raises(InvariantError):
            await enclave.call(Drain(), Done)

    assert run(tmp_path, script, scenario) == -9


def test_output_is_logged_escaped_and_bounded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "adyton.enclave.output")
    script = (
        "print('plain')\nprint('\\x1b[31mred')\nprint('y' * 5000)\n"
        "for i in range(2000):\n    print('flood', i)\n"
        "sys.stdout.flush()\nanswer(Done().encode())\n"
    )

    async def scenario(enclave: EnclaveProcess) -> None:
        await enclave.call(Drain(), Done)

    run(tmp_path, script, scenario)
    lines = [record.getMessage() for record in caplog.records if "enclave.output" in record.name]
    assert lines[0] == "plain"
    assert lines[1] == "\\x1b[31mred"
    assert max(map(len, lines)) <= bounds.LOG_LINE
    assert len(lines) <= bounds.LOG_LINES_PER_MINUTE


def test_last_words_are_logged_before_its_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log_output = enclave_module._log_output

    def late(process: subprocess.Popen[bytes]) -> None:
        time.sleep(0.3)  # as on a machine with more to do than cores
        log_output(process)

    monkeypatch.setattr(enclave_module, "_log_output", late)
    caplog.set_level(logging.WARNING, "adyton.enclave.output")
    run(tmp_path, "print('why it ended')\n", nothing)
    assert "why it ended" in [record.getMessage() for record in caplog.records]


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        missing = Launch(lambda c, d: [str(tmp_path / "none")], lambda: os.open("/", os.O_RDONLY))
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(UnavailableError) as caught:
            await EnclaveProcess.start(missing, lambda body: body)
        assert caught.value.code == "enclave_down"
        # Fewer, where the collector meanwhile closed what other tests had left.
        assert len(os.listdir("/proc/self/fd")) <= before

    asyncio.run(main())
