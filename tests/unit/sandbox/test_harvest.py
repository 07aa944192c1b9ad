"""Taking files out of a directory that someone hostile filled, and goes on filling."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.sandbox.harvest import Harvest


@pytest.fixture
def work(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "out").mkdir()
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def _harvest(work: int, most: int = 1000, count: int = 10) -> Harvest:
    harvest = Harvest(most, count)
    harvest.take(work, "out")
    return harvest


def test_files_and_directories(work: int, tmp_path: Path) -> None:
    (tmp_path / "out/b").write_bytes(b"2")
    (tmp_path / "out/a/c").mkdir(parents=True)
    (tmp_path / "out/a/c/d").write_bytes(b"1")
    harvest = _harvest(work)
    assert harvest.outputs == {"a/c/d": b"1", "b": b"2"}
    assert harvest.refused == []
    assert harvest.bytes_left == 998
    assert harvest.count_left == 8


def test_links_pipes_and_sockets(work: int, tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_bytes(b"enclave's")
    (tmp_path / "out/link").symlink_to(outside)
    (tmp_path / "out/up").symlink_to("..")
    os.mkfifo(tmp_path / "out/fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "out/socket"))
        harvest = _harvest(work)
    assert harvest.outputs == {}
    assert harvest.refused == ["fifo", "link", "socket", "up"]


def test_directory_is_itself_a_link(work: int, tmp_path: Path) -> None:
    (tmp_path / "out").rmdir()
    (tmp_path / "out").symlink_to("/etc")
    assert _harvest(work).refused == ["out"]


def test_directory_is_a_file(work: int, tmp_path: Path) -> None:
    (tmp_path / "out").rmdir()
    (tmp_path / "out").write_bytes(b"x")
    harvest = _harvest(work)
    assert (harvest.outputs, harvest.refused) == ({}, ["out"])


def test_missing_directory(work: int, tmp_path: Path) -> None:
    (tmp_path / "out").rmdir()
    harvest = _harvest(work)
    assert (harvest.outputs, harvest.refused) == ({}, [])


def test_names_that_are_not_unicode(work: int, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path / "out") + b"/\xff\xfe")).write_bytes(b"x")
    harvest = _harvest(work)
    assert harvest.outputs == {}
    assert harvest.refused == ["\\udcff\\udcfe"]


def test_names_are_shown_in_ascii(work: int, tmp_path: Path) -> None:
    (tmp_path / "out/\x1b[31mred\n").symlink_to("x")
    assert _harvest(work).refused == ["\\x1b[31mred\\n"]


def test_bytes_are_bounded(work: int, tmp_path: Path) -> None:
    for name, size in (("a", 600), ("b", 401), ("c", 400)):
        (tmp_path / "out" / name).write_bytes(bytes(size))
    harvest = _harvest(work)
    assert set(harvest.outputs) == {"a", "c"}
    assert harvest.refused == ["b"]
    assert harvest.bytes_left == 0


def test_count_is_bounded(work: int, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"out/{number}").write_bytes(b"")
    harvest = _harvest(work, count=3)
    assert set(harvest.outputs) == {"0", "1", "2"}
    assert harvest.refused == ["3", "4"]


def test_refusals_are_bounded(work: int, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"out/{number:0200}x").symlink_to("x")
    harvest = _harvest(work)
    assert len(harvest.refused) == 64
    assert max(map(len, harvest.refused)) == 200


def test_sparse_file_is_not_read(work: int, tmp_path: Path) -> None:
    with (tmp_path / "out/sparse").open("wb") as file:
        file.truncate(1 << 40)
    harvest = _harvest(work)
    assert (harvest.outputs, harvest.refused) == ({}, ["sparse"])


def test_depth_is_bounded(work: int, tmp_path: Path) -> None:
    deep = tmp_path / "out"
    for _ in range(40):
        deep = deep / "d"
        deep.mkdir()
    (deep / "f").write_bytes(b"x")
    harvest = _harvest(work)
    assert harvest.outputs == {}
    assert harvest.refused == ["/".join("d" * 16)]


def test_file_that_grows_while_it_is_read(work: int, tmp_path: Path) -> None:
    # As if a process had survived: what is taken stays within its bounds.
    stop = threading.Event()
    path = tmp_path / "out/grows"
    path.write_bytes(b"x" * 10)

    def grow() -> None:
        with path.open("ab", buffering=0) as file:
            while not stop.is_set() and file.tell() < 64 << 20:
                file.write(b"y" * 65536)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        while not (harvest := _harvest(work, most=1_000_000)).refused:
            assert len(harvest.outputs["grows"]) <= 1_000_000
            assert harvest.bytes_left >= 0
    finally:
        stop.set()
        thread.join()
    assert (harvest.outputs, harvest.refused) == ({}, ["grows"])


def test_directory_that_is_exchanged_for_a_link(work: int, tmp_path: Path) -> None:
    # A race that a survivor would play: directory, link to /etc, directory, ...
    stop = threading.Event()
    inner = tmp_path / "out/d"
    inner.mkdir()

    def exchange() -> None:
        while not stop.is_set():
            inner.rmdir()
            inner.symlink_to("/etc")
            inner.unlink()
            inner.mkdir()

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for _ in range(300):
            assert _harvest(work, most=1 << 20, count=1000).outputs == {}
    finally:
        stop.set()
        thread.join()


def test_descriptors_are_closed(work: int, tmp_path: Path) -> None:
    (tmp_path / "out/a").mkdir()
    (tmp_path / "out/a/link").symlink_to("/")
    (tmp_path / "out/a/file").write_bytes(bytes(2000))
    before = len(os.listdir("/proc/self/fd"))
    _harvest(work)
    assert len(os.listdir("/proc/self/fd")) == before
