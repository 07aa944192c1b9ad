"""The jail over time: lost zygotes, change of zygotes, leaks, close."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adyton.core.errors import Error, GuestError, UnavailableError
from adyton.sandbox import nursery
from adyton.sandbox.cgroup import MemoryGroup
from adyton.sandbox.jail import Jail
from tests.integration.sandbox_support import job

_HELLO = job("print('hello')")


@pytest.fixture
def jail() -> Iterator[Jail]:
    jail = Jail()
    yield jail
    jail.close()


def _children() -> list[int]:
    # Direct children: each zygote's outer process.
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        # A thread may end while its directory is read.
        with contextlib.suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


def _descriptors() -> set[str]:
    listed = os.listdir("/proc/self/fd")
    # The listing had one of its own.
    return {number for number in listed if os.path.lexists(f"/proc/self/fd/{number}")}


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(entry.name), *_descendants(int(entry.name))]
    return found


def _eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_layers(jail: Jail) -> None:
    assert jail.tier == "namespaces"
    assert {"user", "pid", "mount", "network", "ipc", "uts", "seccomp"} <= set(jail.layers)
    assert f"memory-{jail.memory_cap}" in jail.layers


def test_zygote_holds_no_environment(jail: Jail) -> None:
    (outer,) = _children()
    for pid in (outer, *_descendants(outer)):
        try:
            assert Path(f"/proc/{pid}/environ").read_bytes() == b""
        except PermissionError:
            # Not even root in another namespace may look: that is the point.
            continue


def test_fifty_guests_leak_nothing(jail: Jail) -> None:
    jail.run(_HELLO)
    (outer,) = _children()

    def state() -> tuple[int, int, int]:
        return len(os.listdir("/proc/self/fd")), len(_descendants(outer)), threading.active_count()

    # Outer process, zygote, two wardens with a guest each.
    _eventually(lambda: len(_descendants(outer)) == 5)
    before = state()
    for number in range(50):
        code = "import os\nos.fork()\nopen('out/x', 'w')" if number % 5 == 0 else "print('hello')"
        assert jail.run(job(code)).exit_code == 0
    _eventually(lambda: state() == before)


def test_close_leaves_nothing() -> None:
    held, threads, processes = _descriptors(), set(threading.enumerate()), set(_children())
    jail = Jail(pool=3)
    jail.run(_HELLO)
    (outer,) = set(_children()) - processes
    inside = _descendants(outer)
    assert len(inside) >= 2
    groups = _groups()
    jail.close()
    jail.close()
    _eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in inside))
    # What others had begun before may end meanwhile.
    assert not _descriptors() - held
    assert not set(threading.enumerate()) - threads
    assert not set(_children()) - processes
    if jail.memory_cap == "cgroup":
        assert groups
        assert not _groups() & groups
    with pytest.raises(UnavailableError) as caught:
        jail.run(_HELLO)
    assert caught.value.code == "sandbox_unavailable"


def _groups() -> set[str]:
    mark = f"adyton-{os.getpid()}-"
    return {d for d, _, _ in os.walk("/sys/fs/cgroup") if os.path.basename(d).startswith(mark)}


@pytest.mark.parametrize("victim", ["outer", "zygote", "warden", "ready guest"])
def test_what_was_killed_is_replaced(victim: str) -> None:
    jail = Jail(pool=4)
    try:
        (outer,) = _children()
        zygote = _descendants(outer)[0]
        _eventually(lambda: len(_descendants(zygote)) == 8)
        warden = next(pid for pid in _descendants(zygote) if _descendants(pid))
        guest = _descendants(warden)[0]
        chosen = {"outer": outer, "zygote": zygote, "warden": warden, "ready guest": guest}[victim]
        gone = [chosen, *_descendants(chosen)]
        os.kill(chosen, signal.SIGKILL)
        _eventually(lambda: not any(map(_is_alive, gone)))
        for _ in range(8):
            assert jail.run(_HELLO).stdout == b"hello\n"
    finally:
        jail.close()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_guest_is_lost_with_its_zygote(jail: Jail) -> None:
    caught: list[Error] = []

    def run() -> None:
        try:
            jail.run(job("import time\ntime.sleep(30)", name="sleeper.py"))
        except Error as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    (outer,) = _children()
    # The guest's process has given up its rights by the time it runs.
    _eventually(lambda: any(_is_locked_down(pid) for pid in _descendants(outer)))
    os.kill(_descendants(outer)[0], signal.SIGKILL)
    thread.join(60)
    assert not thread.is_alive()
    assert [type(e) for e in caught] == [GuestError]
    assert caught[0].code == "sandbox_failed"
    assert jail.run(_HELLO).exit_code == 0


def _is_locked_down(pid: int) -> bool:
    try:
        return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_zygotes_change(jail: Jail) -> None:
    jail.close()
    jail = Jail(guests_per_zygote=5)
    try:
        seen: set[int] = set()
        deadline = time.monotonic() + 60
        while len(seen) < 3 and time.monotonic() < deadline:
            seen.update(_children())
            assert jail.run(_HELLO).stdout == b"hello\n"
        assert len(seen) >= 3
        _eventually(lambda: len(_children()) == 1)
    finally:
        jail.close()


def test_zygotes_change_under_load() -> None:
    jail = Jail(guests_per_zygote=10)
    results: list[bytes] = []

    def work(number: int) -> None:
        for _ in range(10):
            results.append(jail.run(job(f"print({number})")).stdout)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(results) == sorted(f"{n}\n".encode() for n in range(6) for _ in range(10))
    finally:
        jail.close()


def test_close_ends_running_guests() -> None:
    jail = Jail()
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(jail.run(job("import time\ntime.sleep(30)")))
        except Error as error:
            outcomes.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    (outer,) = _children()
    _eventually(lambda: any(_is_locked_down(pid) for pid in _descendants(outer)))
    jail.close()
    thread.join(60)
    assert not thread.is_alive()
    assert isinstance(outcomes[0], Error)


def test_a_run_that_close_ends_is_judged_before_its_memory_group_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its judge comes late, as on a machine with more to do than cores.
    kills = MemoryGroup.out_of_memory_kills

    def late(group: MemoryGroup) -> int:
        if closing.is_set():
            time.sleep(0.3)
        return kills(group)

    monkeypatch.setattr(MemoryGroup, "out_of_memory_kills", late)
    closing = threading.Event()
    jail = Jail()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(jail.run, job("import time\ntime.sleep(30)"))
        (outer,) = _children()
        _eventually(lambda: any(_is_locked_down(pid) for pid in _descendants(outer)))
        closing.set()
        jail.close()
        with pytest.raises(GuestError, match="lost while the guest ran"):
            running.result(60)


def test_close_ends_what_runs_in_a_zygote_that_was_replaced() -> None:
    before = set(_children())
    jail = Jail(guests_per_zygote=2)
    groups = _groups()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(jail.run, job("import time\ntime.sleep(30)"))
        (outer,) = set(_children()) - before
        _eventually(lambda: any(_is_locked_down(pid) for pid in _descendants(outer)))
        old = jail._nursery
        assert jail.run(_HELLO).exit_code == 0
        _eventually(lambda: jail._nursery is not old)
        jail.close()
        assert running.done() or old.closed
        with pytest.raises(GuestError, match="lost while the guest ran"):
            running.result(60)
    assert not set(_children()) - before
    assert not _groups() & groups


def test_whoever_closes_second_waits_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = nursery.Nursery._stop
    stopping, may_stop = threading.Event(), threading.Event()

    def slow(one: nursery.Nursery) -> None:
        stopping.set()
        may_stop.wait(30)
        stop(one)

    jail = Jail()
    monkeypatch.setattr(nursery.Nursery, "_stop", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(jail._nursery.close)
        assert stopping.wait(30)
        second = pool.submit(jail.close)
        assert not second.done()
        may_stop.set()
        second.result(30)
        assert jail._nursery.closed
        first.result(30)
