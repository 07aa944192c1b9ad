"""Bombs: every limit holds, and says that it did."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from adyton.sandbox.jail import GuestOutcome, Jail
from tests.integration.sandbox_support import MIB, job


def _was_killed(outcome: GuestOutcome, why: str) -> None:
    assert (outcome.killed, outcome.exit_code) == (why, None)


def _spoken(run: Callable[[float], GuestOutcome]) -> GuestOutcome:
    """Give a guest as much time as this machine needs to let it say something before its end."""
    outcome = run(0.3)
    for wall_s in (3.0, 30.0):
        if not outcome.stdout:
            outcome = run(wall_s)
    return outcome


def test_cpu_loop(jail: Jail) -> None:
    outcome = jail.run(job("while True: pass", cpu_s=1))
    _was_killed(outcome, "cpu-time")
    assert 0.5 < outcome.cpu_s < 2.5


def test_cpu_loop_that_ignores_the_warning(jail: Jail) -> None:
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    outcome = jail.run(job(code, cpu_s=1))
    _was_killed(outcome, "cpu-time")
    assert outcome.signal == 9


def test_sleep(jail: Jail) -> None:
    code = "import time\nprint('a', flush=True)\ntime.sleep(60)"
    outcome = _spoken(lambda wall_s: jail.run(job(code, wall_s=wall_s)))
    _was_killed(outcome, "wall-time")
    assert (outcome.signal, outcome.stdout) == (9, b"a\n")
    assert 0 < outcome.wall_s < 40


def test_sleep_with_every_signal_ignored(jail: Jail) -> None:
    code = """
    import signal, time
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    time.sleep(60)
    """
    _was_killed(jail.run(job(code, wall_s=0.3)), "wall-time")


def test_stopped_guest(jail: Jail) -> None:
    outcome = jail.run(job("import os, signal\nos.kill(0, signal.SIGSTOP)", wall_s=0.3))
    _was_killed(outcome, "wall-time")


def test_closed_outputs_and_lingering(jail: Jail) -> None:
    code = "import os, time\nprint('x', flush=True)\nfor d in range(3): os.close(d)\ntime.sleep(60)"
    outcome = _spoken(lambda wall_s: jail.run(job(code, wall_s=wall_s)))
    _was_killed(outcome, "wall-time")
    assert outcome.stdout == b"x\n"


@pytest.mark.parametrize("number", [1, 2])
def test_output_flood(jail: Jail, number: int) -> None:
    code = f"import os\nwhile True: os.write({number}, b'y' * 4096)"
    outcome = jail.run(job(code, output_bytes=100_000))
    _was_killed(outcome, "output")
    flooded, other = (outcome.stdout, outcome.stderr)[:: 1 if number == 1 else -1]
    assert (flooded, other) == (b"y" * 100_000, b"")


def test_output_exactly_at_the_limit(jail: Jail) -> None:
    outcome = jail.run(job("print('z' * 999)", output_bytes=1000))
    assert (outcome.killed, len(outcome.stdout)) == (None, 1000)
    outcome = jail.run(job("print('z' * 1000)", output_bytes=1000))
    _was_killed(outcome, "output")
    assert len(outcome.stdout) == 1000


def test_heap_bomb(jail: Jail) -> None:
    code = "a = []\nwhile True: a.append(bytearray(b'x') * (4 << 20))"
    outcome = jail.run(job(code, memory_bytes=96 * MIB))
    if jail.memory_cap == "cgroup":
        _was_killed(outcome, "memory")
        assert 90 * MIB < outcome.peak_memory_bytes <= 96 * MIB
    else:
        assert outcome.exit_code == 1
        assert outcome.stderr.endswith(b"MemoryError\n")
        assert outcome.peak_memory_bytes <= 96 * MIB


def test_memory_bomb_of_many_processes(jail: Jail) -> None:
    # With a cgroup all of them together, without one each by itself.
    code = """
    import os, time
    for _ in range(6):
        if os.fork() == 0:
            break
    a = bytearray(b'x') * (32 << 20)
    time.sleep(30)
    """
    outcome = jail.run(job(code, memory_bytes=96 * MIB, wall_s=2))
    assert outcome.peak_memory_bytes <= 96 * MIB


def test_memory_bomb_in_files(jail: Jail) -> None:
    code = """
    i = 0
    while True:
        i += 1
        open(f'/tmp/{i}', 'wb').write(bytes(8 << 20))
    """
    outcome = jail.run(job(code, memory_bytes=64 * MIB, disk_bytes=40 * MIB))
    assert outcome.exit_code == 1
    assert b"No space left on device" in outcome.stderr
    if jail.memory_cap == "cgroup":
        outcome = jail.run(job(code, memory_bytes=64 * MIB, disk_bytes=1 << 40))
        _was_killed(outcome, "memory")
        # The killed guest's disk is gone: the cell has its memory back.
        assert jail.run(job("x = bytearray(40 << 20)", memory_bytes=64 * MIB)).exit_code == 0


def test_memory_files_are_counted(jail: Jail) -> None:
    code = """
    import os
    kept = []
    try:
        while True:
            kept.append(os.memfd_create('m'))
            os.write(kept[-1], bytes(8 << 20))
    except PermissionError:
        print('refused')
    """
    outcome = jail.run(job(code, memory_bytes=96 * MIB, open_files=1000))
    if jail.memory_cap == "cgroup":
        _was_killed(outcome, "memory")
    else:
        assert outcome.stdout == b"refused\n"


def test_limits_are_each_guests_own(jail: Jail) -> None:
    small = job("x = bytearray(80 << 20)", memory_bytes=64 * MIB)
    large = job("x = bytearray(80 << 20)\nprint('fits')", memory_bytes=256 * MIB)
    for _ in range(3):
        assert jail.run(small).exit_code != 0
        assert jail.run(large).stdout == b"fits\n"


def test_least_memory(jail: Jail) -> None:
    outcome = jail.run(job("print('small')", memory_bytes=32 * MIB))
    if jail.memory_cap == "cgroup":
        assert outcome.stdout == b"small\n"
    else:
        # The interpreter's own address space is larger: an end of the guest's, not of ours.
        assert outcome.exit_code is not None or outcome.signal is not None
    assert jail.run(job("print('next')")).stdout == b"next\n"


def test_disk_fill(jail: Jail) -> None:
    code = """
    import os
    def fill(path):
        size = 0
        try:
            with open(path, 'wb', buffering=0) as file:
                while True:
                    size += file.write(bytes(65536))
        except OSError as error:
            return error.errno, size
    for path in ('/task/big', '/tmp/big'):
        print(*fill(path))
    """
    outcome = jail.run(job(code, disk_bytes=2 * MIB))
    (first, size), (second, rest) = (map(int, x.split()) for x in outcome.stdout.splitlines())
    assert (first, second, rest) == (28, 28, 0)
    assert MIB < size <= 2 * MIB


def test_one_huge_file(jail: Jail) -> None:
    code = """
    with open('big', 'wb', buffering=0) as file:
        while True:
            file.write(bytes(65536))
    """
    outcome = jail.run(job(code, file_bytes=MIB, disk_bytes=8 * MIB))
    assert outcome.exit_code == 1
    assert b"File too large" in outcome.stderr


def test_huge_file_ends_a_program(jail: Jail) -> None:
    outcome = jail.run(job("#!/bin/sh\nexec cat /dev/zero > big\n", file_bytes=MIB))
    assert outcome.signal == 25


def test_too_many_files(jail: Jail) -> None:
    code = """
    i = 0
    try:
        while True:
            open(f'/tmp/{i}', 'w').close()
            i += 1
    except OSError as error:
        print(error.errno, i < 20000)
    """
    assert jail.run(job(code)).stdout == b"28 True\n"


def test_too_many_descriptors(jail: Jail) -> None:
    code = """
    import os
    try:
        while True:
            last = os.open('/dev/null', 0)
    except OSError as error:
        print(error.errno, last)
    """
    assert jail.run(job(code, open_files=40)).stdout == b"24 39\n"


def test_fork_bomb(jail: Jail) -> None:
    code = """
    import os
    while True:
        try:
            os.fork()
        except OSError:
            pass
    """
    begun = time.monotonic()
    outcome = jail.run(job(code, processes=20, wall_s=0.5))
    _was_killed(outcome, "wall-time")
    assert time.monotonic() - begun < 30
    assert jail.run(job("print('next')")).stdout == b"next\n"


def test_number_of_processes(jail: Jail) -> None:
    code = """
    import os, time
    made = 1
    try:
        while True:
            if os.fork() == 0:
                time.sleep(30)
            made += 1
    except BlockingIOError:
        print(made)
    """
    outcome = jail.run(job(code, processes=12))
    assert outcome.exit_code == 0
    assert int(outcome.stdout) == 12


def test_number_of_threads(jail: Jail) -> None:
    code = """
    import threading, time
    try:
        while True:
            threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
    except RuntimeError:
        print(threading.active_count())
    """
    # Address space for the stacks and arenas of eight threads.
    outcome = jail.run(job(code, processes=9, memory_bytes=2048 * MIB))
    assert int(outcome.stdout) == 9


@pytest.mark.parametrize("way", ["fork", "setsid", "threads"])
def test_survivors_are_killed(jail: Jail, way: str) -> None:
    code = """
    import os, sys, threading, time
    told, tells = os.pipe()
    def linger():
        while True:
            os.write(1, b'alive\\n')
            os.write(tells, b'!')
            time.sleep(0.01)
    if sys.argv[1] == 'threads':
        threading.Thread(target=linger, daemon=True).start()
    elif os.fork() == 0:
        if sys.argv[1] == 'setsid':
            os.setsid()
            if os.fork():
                os._exit(0)
        linger()
    os.read(told, 1)
    """
    outcome = jail.run(job(code, way))
    assert (outcome.exit_code, outcome.killed) == (0, None)
    assert b"alive\n" in outcome.stdout
    # Less than what is waited for outputs that nobody closes.
    assert outcome.wall_s < 5


def test_survivor_that_holds_the_output(jail: Jail) -> None:
    code = "#!/bin/sh\nsleep 60 &\necho done\n"
    outcome = jail.run(job(code, wall_s=20))
    assert (outcome.stdout, outcome.exit_code) == (b"done\n", 0)
    assert outcome.wall_s < 5


def test_survivors_spent_time_is_counted(jail: Jail) -> None:
    code = """
    import os, time
    told, tells = os.pipe()
    if os.fork() == 0:
        while time.process_time() < 0.3:
            pass
        os.write(tells, b"spent")
        while True:
            pass
    os.read(told, 5)
    """
    assert jail.run(job(code)).cpu_s > 0.2
