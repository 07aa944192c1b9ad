"""Ordinary guests: Python, shell, ELF; arguments, stdin, files, outputs, exit codes."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.core.errors import UsageError
from adyton.sandbox.jail import GuestOutcome, Jail
from tests.integration.sandbox_support import MIB, job


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    jail = Jail()
    yield jail
    jail.close()


def test_hello(jail: Jail) -> None:
    outcome = jail.run(job("print('hello')"))
    assert (outcome.exit_code, outcome.signal, outcome.killed) == (0, None, None)
    assert (outcome.stdout, outcome.stderr) == (b"hello\n", b"")
    assert 0 < outcome.wall_s < 20
    assert 0 < outcome.cpu_s < 10
    assert 10_000 < outcome.peak_memory_bytes < 200 * MIB


def test_is_main_in_its_directory(jail: Jail) -> None:
    outcome = jail.run(
        job(
            """
            import os, sys
            assert __name__ == '__main__' and sys.modules['__main__'].__file__ == __file__
            print(os.getcwd(), __file__, sys.path[0], sys.argv, sorted(os.listdir()))
            exit(3)
            """,
            name="job one.py",
        )
    )
    expected = "/task /task/job one.py /task ['job one.py'] ['job one.py', 'out']\n"
    assert (outcome.stdout.decode(), outcome.stderr) == (expected, b"")
    assert outcome.exit_code == 3


def test_python_without_py_suffix(jail: Jail) -> None:
    assert jail.run(job("import sys\nprint(sys.argv)", name="thing")).stdout == b"['thing']\n"


def test_arguments(jail: Jail) -> None:
    given = ("a b", "größe", "", "-x", "'$(id)", "日本", "line\nbreak")
    code = "import sys, json\nprint(json.dumps(sys.argv[1:]))"
    assert json.loads(jail.run(job(code, *given)).stdout) == list(given)
    script = b'#!/bin/sh\nprintf "%s|" "$0" "$@"\n'
    expected = "|".join(("/task/run me.sh", *given)) + "|"
    assert jail.run(job(script, *given, name="run me.sh")).stdout.decode() == expected


def test_shebang_script_with_python(jail: Jail) -> None:
    code = "#!/usr/bin/env python3\nimport os, sys\nprint(sys.argv[0], os.getppid())\n"
    outcome = jail.run(job(code, name="s.py"))
    assert (outcome.stdout, outcome.exit_code) == (b"/task/s.py 1\n", 0), outcome.stderr


def test_shell_script_outputs_and_exit_code(jail: Jail) -> None:
    script = "#!/bin/sh\ncat in.txt > out/copy\nmkdir -p out/a/b\necho deep > out/a/b/c\nexit 7\n"
    outcome = jail.run(job(script, name="s.sh", files={"in.txt": b"data"}))
    assert outcome.exit_code == 7
    assert outcome.outputs == {"a/b/c": b"deep\n", "copy": b"data"}
    assert list(outcome.outputs) == sorted(outcome.outputs)
    assert outcome.refused_outputs == ()


@pytest.mark.parametrize(("program", "code"), [("true", 0), ("false", 1)])
def test_elf(jail: Jail, program: str, code: int) -> None:
    content = Path(shutil.which(program) or "").resolve().read_bytes()
    assert jail.run(job(content, name=program)).exit_code == code


def test_elf_reads_stdin_and_arguments(jail: Jail) -> None:
    content = Path(shutil.which("cat") or "").resolve().read_bytes()
    outcome = jail.run(job(content, "-", "x y", name="cat", stdin=b"one", files={"x y": b"two"}))
    assert outcome.stdout == b"onetwo"


@pytest.mark.parametrize("content", [b"#!/nonexistent\n", b"\x7fELF and nothing more"])
def test_not_executable(jail: Jail, content: bytes) -> None:
    outcome = jail.run(job(content, name="broken"))
    assert outcome.exit_code == 126
    assert b"broken: cannot be executed" in outcome.stderr


def test_large_stdin(jail: Jail) -> None:
    data = bytes(range(256)) * 16384
    code = "import sys, hashlib\nprint(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    outcome = jail.run(job(code, stdin=data))
    assert outcome.stdout.decode().strip() == hashlib.sha256(data).hexdigest()


def test_unread_stdin(jail: Jail) -> None:
    assert jail.run(job("print(1)", stdin=b"x" * MIB)).stdout == b"1\n"


def test_no_stdin_is_end_of_file(jail: Jail) -> None:
    outcome = jail.run(job("input()"))
    assert outcome.exit_code == 1
    assert outcome.stderr.endswith(b"EOFError: EOF when reading a line\n")


def test_stdin_cannot_be_changed(jail: Jail) -> None:
    code = """
    import os
    for flags in (os.O_WRONLY, os.O_RDWR):
        try:
            os.write(os.open('/proc/self/fd/0', flags), b'changed')
        except PermissionError as error:
            print(error.errno)
    """
    assert jail.run(job(code, stdin=b"kept")).stdout == b"1\n1\n"


def test_stdout_and_stderr_apart(jail: Jail) -> None:
    code = "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit('bye')"
    outcome = jail.run(job(code))
    assert (outcome.stdout, outcome.stderr) == (b"out\n", b"err\nbye\n")
    assert outcome.exit_code == 1


def test_traceback_shows_the_guests_lines_only(jail: Jail) -> None:
    code = "def f(x):\n    return 1 / x\n\nf(0)\n"
    outcome = jail.run(job(code, name="sums.py"))
    text = outcome.stderr.decode()
    assert outcome.exit_code == 1
    assert 'File "/task/sums.py", line 2, in f\n    return 1 / x' in text
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert text.count("File ") == 2
    assert "sandbox" not in text


def test_syntax_error(jail: Jail) -> None:
    outcome = jail.run(job("x = (1,\n"))
    assert outcome.exit_code == 1
    assert b'File "/task/task.py", line 1' in outcome.stderr
    assert b"SyntaxError" in outcome.stderr


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("exit(7)", 7),
        ("raise SystemExit", 0),
        ("raise SystemExit(-1)", 255),
        ("raise SystemExit(256)", 0),
        ("import os; os._exit(9)", 9),
        ("raise ValueError", 1),
        ("raise KeyboardInterrupt", 130),
        ("import atexit, os; atexit.register(os._exit, 4)", 4),
        ("import sys; sys.stdout.close()", 0),
        ("import os; os.close(1); print('x')", 120),
        ("import os; os.close(2); os.close(1); os.close(0)", 0),
    ],
)
def test_exit_codes(jail: Jail, code: str, status: int) -> None:
    outcome = jail.run(job(code))
    assert (outcome.exit_code, outcome.signal, outcome.killed) == (status, None, None)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("import os; os.abort()", signal.SIGABRT),
        ("import ctypes; ctypes.string_at(1)", signal.SIGSEGV),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", signal.SIGTERM),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", signal.SIGKILL),
        ("#!/bin/sh\nkill -PIPE $$\n", signal.SIGPIPE),
    ],
)
def test_exit_signals(jail: Jail, code: str, number: int) -> None:
    outcome = jail.run(job(code))
    assert (outcome.exit_code, outcome.signal, outcome.killed) == (None, number, None)


def test_output_before_a_crash_is_kept(jail: Jail) -> None:
    outcome = jail.run(job("import os\nprint('seen', flush=True)\nos.abort()"))
    assert outcome.stdout == b"seen\n"


def test_threads_are_waited_for(jail: Jail) -> None:
    code = """
    import threading, time
    def late():
        time.sleep(0.05)
        print('late')
    threading.Thread(target=late).start()
    print('early')
    """
    assert jail.run(job(code)).stdout == b"early\nlate\n"


def test_standard_library_works(jail: Jail) -> None:
    code = """
    import asyncio, concurrent.futures, multiprocessing, random, socket, sqlite3, subprocess
    import decimal, pwd, statistics, tempfile
    async def main():
        await asyncio.sleep(0)
        return 'async'
    print(asyncio.run(main()))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        print(list(pool.map(abs, [-1, -2])))
    with multiprocessing.get_context('fork').Pool(2) as pool:
        print(pool.map(abs, [-3, -4]))
    print(subprocess.run(['ls', '/task'], capture_output=True, check=True).stdout)
    print(sqlite3.connect(':memory:').execute('select 1+1').fetchone())
    with tempfile.NamedTemporaryFile('w+') as file:
        print(file.name.startswith('/tmp/'))
    a, b = socket.socketpair()
    a.send(b'pair')
    print(b.recv(9))
    """
    outcome = jail.run(job(code, open_files=256))
    assert outcome.stderr == b""
    expected = "async [1, 2] [3, 4] b'out\\ntask.py\\n' (2,) True b'pair'"
    assert outcome.stdout.decode().replace("\n", " ").strip() == expected


def test_guests_draw_different_numbers(jail: Jail) -> None:
    code = "import random, uuid\nprint(random.random(), uuid.uuid4())"
    assert len({jail.run(job(code)).stdout for _ in range(4)}) == 4


def test_environment_is_fixed(jail: Jail) -> None:
    code = "import os\nprint(sorted(os.environ), os.environ['HOME'])"
    names = "HOME LANG MKL_NUM_THREADS OMP_NUM_THREADS OPENBLAS_NUM_THREADS PATH"
    expected = f"{[*names.split(), 'PYTHONDONTWRITEBYTECODE', 'TMPDIR']} /task\n"
    assert jail.run(job(code)).stdout.decode() == expected
    shell = jail.run(job('#!/usr/bin/env -S sh -c \'env | cut -d= -f1 | sort | tr "\\n" " "\'\n'))
    assert set(names.split()) <= set(shell.stdout.decode().split())


def test_input_files_may_be_changed_by_their_guest(jail: Jail) -> None:
    code = "open('in', 'ab').write(b'+')\nprint(open('in').read())\nimport os\nos.remove('in')"
    assert jail.run(job(code, files={"in": b"x"})).stdout == b"x+\n"


def test_many_and_large_inputs(jail: Jail) -> None:
    files = {f"f{i}": bytes([i]) * 100_000 for i in range(64)}
    code = "import os\nprint(sum(len(open(n, 'rb').read()) for n in os.listdir() if n[0] == 'f'))"
    assert jail.run(job(code, files=files)).stdout == b"6400000\n"


def test_inputs_fill_the_disk(jail: Jail) -> None:
    outcome = jail.run(job("print('fits')", files={"big": bytes(60 * 1024)}, disk_bytes=64 * 1024))
    assert outcome.stdout == b"fits\n"
    with pytest.raises(UsageError, match="larger than the disk") as caught:
        jail.run(job("print(1)", files={"big": bytes(64 * 1024)}, disk_bytes=64 * 1024))
    assert caught.value.code == "bad_argument"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/x", "a\0b", "out", "task.py"])
def test_bad_file_names(jail: Jail, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        jail.run(job("", files={name: b""}))
    assert caught.value.code == "bad_argument"


def _are_together(jail: Jail, stay_s: int) -> bool:
    spans: list[tuple[float, float]] = []
    code = f"import time\nprint(time.monotonic())\ntime.sleep({stay_s})\nprint(time.monotonic())"

    def one() -> None:
        begun, ended = jail.run(job(code, wall_s=60)).stdout.split()
        spans.append((float(begun), float(ended)))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spans) == 4
    return max(begun for begun, _ in spans) < min(ended for _, ended in spans)


def test_guests_at_once(jail: Jail) -> None:
    # They stay longer on a machine that is slow to begin them.
    assert any(_are_together(jail, stay_s) for stay_s in (1, 4, 16))


def _cancelled(jail: Jail, after_s: float) -> GuestOutcome:
    cancel = threading.Event()
    timer = threading.Timer(after_s, cancel.set)
    timer.start()
    code = "print('on', flush=True)\nwhile True: pass"
    outcome = jail.run(job(code, wall_s=60, cpu_s=60), cancel=cancel)
    timer.join()
    return outcome


def test_cancel(jail: Jail) -> None:
    outcome = _cancelled(jail, 0.2)
    if not outcome.stdout:  # it had not begun
        outcome = _cancelled(jail, 10)
    assert (outcome.killed, outcome.signal, outcome.exit_code) == ("cancelled", 9, None)
    assert outcome.stdout == b"on\n"
    assert outcome.wall_s < 40


def test_interpreter_is_ours(jail: Jail) -> None:
    outcome = jail.run(job("import sys\nprint(sys.version)"))
    assert outcome.stdout.decode().strip() == sys.version
