"""The search itself: it finds each form in each place, and nothing where there is nothing."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.canary.capture import Capture
from tests.canary.forms import forms_of
from tests.canary.search import Search
from tests.e2e.command import until

VALUE = secrets.token_bytes(32)
LEAKS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda value: value,
    "hex": lambda value: value.hex().encode(),
    "HEX": lambda value: value.hex().upper().encode(),
    "reversed": lambda value: value[::-1],
    "text reversed": lambda value: value.hex()[::-1].encode(),
    "hex of the reversed": lambda value: value[::-1].hex().encode(),
    "base64": base64.b64encode,
    "base64 behind one byte": lambda value: base64.b64encode(b"x" + value + b"yz"),
    "base64 behind two bytes": lambda value: base64.b64encode(b"xy" + value),
    "base64 in a message": lambda value: base64.b64encode(b'{"a": "' + value + b'"}'),
    "url-safe base64": base64.urlsafe_b64encode,
    "base64 of the reversed": lambda value: base64.b64encode(b"xyz" + value[::-1]),
    "base32": base64.b32encode,
    "utf-16": lambda value: value.hex().encode("utf-16-le"),
}


def surrounded(leak: Callable[[bytes], bytes], value: bytes = VALUE) -> bytes:
    return os.urandom(1000) + leak(value) + os.urandom(1000)


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_every_form_is_found(leak: Callable[[bytes], bytes]) -> None:
    assert Search(VALUE).in_bytes("here", [surrounded(leak)])
    assert not Search(VALUE).in_bytes("here", [surrounded(leak, secrets.token_bytes(32))])


@pytest.mark.parametrize("size", [1, 7, 31, 100, 1999])
def test_a_value_over_the_border_of_two_parts_is_found_once(size: int) -> None:
    content = surrounded(LEAKS["raw"])
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    (hit,) = Search(VALUE).in_bytes("here", parts)
    assert (hit.offset, hit.form) == (1000, "raw")


@pytest.mark.parametrize("at", [0, 1, 499, 4096, 8000, 8192 - 32])
def test_a_value_among_zeros_is_found_where_it_is(at: int) -> None:
    content = (bytes(at) + VALUE).ljust(8192, b"\0")
    for size in (40, 500, 4096, 8192):
        parts = [content[place : place + size] for place in range(0, len(content), size)]
        (hit,) = Search(VALUE).in_bytes("here", parts)
        assert (hit.offset, hit.form) == (at, "raw")


@pytest.mark.parametrize("size", [1, 3, 16, 77, 100, 300])
def test_a_value_with_zeros_inside_is_found_over_borders(size: int) -> None:
    value = b"a secret" + bytes(40) + b"goes on"
    content = bytes(1000) + value + bytes(1000)
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    (hit,) = Search(value).in_bytes("here", parts)
    assert (hit.offset, hit.form) == (1000, "raw")


def test_several_values_are_found_in_one_pass() -> None:
    other = secrets.token_bytes(9)
    content = surrounded(LEAKS["raw"], other) + surrounded(LEAKS["hex"])
    found = {(hit.offset, hit.form) for hit in Search(VALUE, other).in_bytes("here", [content])}
    assert found == {(1000, "raw"), (3009, "hex")}


def test_a_short_value_is_no_canary() -> None:
    with pytest.raises(ValueError, match="chance"):
        forms_of(b"a short")


def test_files_and_their_names_are_searched(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    (place / "clean").write_bytes(os.urandom(5000))
    assert not Search(VALUE).in_directory(tmp_path)
    (place / "leak").write_bytes(surrounded(LEAKS["base64"]))
    (hit,) = Search(VALUE).in_directory(tmp_path)
    assert hit.place == str(place / "leak")
    (place / "leak").rename(place / VALUE.hex())
    assert {hit.form for hit in Search(VALUE).in_directory(tmp_path)} >= {"hex"}


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds in memory what it read."""
    code = (
        "import sys; held = sys.stdin.buffer.read(4096); print(flush=True); sys.stdin.buffer.read()"
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("form", ["raw", "hex", "base64"])
def test_memory_is_searched(holder: subprocess.Popen[bytes], form: str) -> None:
    value = secrets.token_bytes(32)
    assert not Search(value).in_process(holder.pid)
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(surrounded(LEAKS[form], value).ljust(4096))
    holder.stdin.flush()
    holder.stdout.readline()
    assert any("memory" in hit.place for hit in Search(value).in_process(holder.pid))


def test_arguments_are_searched() -> None:
    value = secrets.token_bytes(32)
    process = subprocess.Popen(["sleep", "60", "--"], env={"X": value.hex()})
    try:
        until(
            lambda: any(
                hit.place.startswith("environ") for hit in Search(value).in_process(process.pid)
            ),
            "the program in its place",
        )
    finally:
        process.kill()
        process.wait()


def test_traffic_is_searched() -> None:
    """Sent in small pieces, so that the value lies in several segments."""
    value = secrets.token_bytes(32)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Capture(listener.getsockname()[1]) as capture,
    ):
        _send(listener, surrounded(LEAKS["hex"], value))
    assert capture.dropped == 0
    (hit,) = Search(value).in_capture(capture)
    assert hit.offset == 1000
    assert not Search(VALUE).in_capture(capture)


def _loopbacks() -> list[str]:
    """Return the loopback addresses of this machine, some of which have no IPv6."""
    found = ["127.0.0.1"]
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        found.append("::1")
    return found


@pytest.mark.parametrize("host", _loopbacks())
def test_traffic_of_others_is_left_alone(host: str) -> None:
    """Else what others send at the same time would fill the buffer, and nobody could tell when the end has come."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as ours,
        socket.create_server((host, 0), family=family) as theirs,
        Capture(ours.getsockname()[1]) as capture,
    ):
        _send(theirs, b"foreign")
        _send(ours, b"own")
    assert [stream for stream in capture.streams().values() if stream] == [b"own"]


def _send(listener: socket.socket, content: bytes) -> None:
    received = bytearray()

    def receive() -> None:
        connection, _ = listener.accept()
        with connection:
            while part := connection.recv(4096):
                received.extend(part)

    thread = threading.Thread(target=receive, daemon=True)
    thread.start()
    with socket.create_connection(listener.getsockname()[:2]) as sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(content), 17):
            sender.sendall(content[at : at + 17])
    thread.join()
    assert bytes(received) == content
