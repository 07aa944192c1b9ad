"""The jail where it cannot be: no interpreter, no namespaces, a step that fails; and for ordinary users."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import adyton
from adyton.core.errors import UnavailableError
from adyton.sandbox import nursery
from adyton.sandbox.jail import Jail


def test_an_interpreter_that_is_not_there() -> None:
    with pytest.raises(UnavailableError, match="cannot be started") as caught:
        Jail(python="/nonexistent/python")
    assert caught.value.code == "sandbox_unavailable"


def test_an_interpreter_that_is_none() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(UnavailableError, match="ended"):
        Jail(python=shutil.which("true"))
    assert len(os.listdir("/proc/self/fd")) == before


def test_no_user_namespaces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A zygote under a kernel that refuses: the step and the reason reach the caller.
    package = tmp_path / "adyton"
    shutil.copytree(Path(adyton.__file__).parent, package)
    kernel = package / "sandbox" / "kernel.py"
    refusal = (
        "def unshare(flags: int) -> None:\n    raise OSError(1, f'unshare {flags:#x}')\n\n\ndef _"
    )
    kernel.write_text(kernel.read_text().replace("def unshare", refusal, 1))
    monkeypatch.setattr(nursery, "_PROGRAM", package / "sandbox" / "zygote.py")
    with pytest.raises(UnavailableError, match="unshare 0x30000000") as caught:
        Jail()
    assert caught.value.code == "sandbox_unavailable"


@pytest.mark.parametrize(
    ("file", "function", "step"),
    [
        ("namespaces.py", "def furnish(user: int) -> None:", "no disk"),
        ("namespaces.py", "def resize_disk(size: int) -> None:", "no size"),
        ("landlock.py", "def restrict_self(rules: int) -> None:", "no domain"),
    ],
)
def test_a_step_that_fails_in_every_cell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str, function: str, step: str
) -> None:
    # No guest may run with a step left out, and nobody may wait for ever.
    package = tmp_path / "adyton"
    shutil.copytree(Path(adyton.__file__).parent, package)
    source = package / "sandbox" / file
    text = source.read_text()
    assert function in text
    source.write_text(text.replace(function, f"{function}\n    raise OSError(1, {step!r})"))
    monkeypatch.setattr(nursery, "_PROGRAM", package / "sandbox" / "zygote.py")
    with pytest.raises(UnavailableError, match=step) as caught:
        Jail()
    assert caught.value.code == "sandbox_unavailable"


_AS_A_USER = """
import sys, os
from adyton.core.errors import UnavailableError
from adyton.sandbox.jail import GuestJob, GuestLimits, Jail
limits = GuestLimits(10.0, 5, 512 << 20, 16 << 20, 65536, 16, 64, 1 << 20, 1 << 20, 8)
assert os.getuid() == 65534
try:
    jail = Jail()
except UnavailableError as error:
    print('unavailable', error.message)
    sys.exit(3)
def run(code):
    return jail.run(GuestJob(code.encode(), 'task.py', (), b'in', {'f': b'x'}, limits))
first = run('''
import os, signal, socket, sys
print(os.getuid(), sorted(os.listdir()), os.listdir('/proc'), input())
print([l.split()[1] for l in open('/proc/self/status') if l.startswith('CapEff')])
for action in (lambda: socket.socket(), lambda: open('/usr/x', 'w'), lambda: open('/proc/1/mem')):
    try:
        action()
        print('allowed')
    except OSError:
        print('refused')
for number in (signal.SIGKILL, signal.SIGINT, signal.SIGSTOP, signal.SIGTERM):
    try:
        os.kill(1, number)
    except PermissionError:
        pass
open('out/y', 'w').write('result')
sys.stdout.flush()
if os.fork() == 0:
    import time
    time.sleep(30)
os._exit(7)
''')
print(first.stdout.decode() + first.stderr.decode(), first.exit_code, dict(first.outputs))
for _ in range(5):
    assert run('print(1)').stdout == b'1\\n'
jail.close()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the suite runs as an ordinary user already")
def test_as_an_ordinary_user() -> None:
    python = "/usr/bin/python3"
    probe = [python, "-c", "import sys; print(sys.version_info >= (3, 11))"]
    if not Path(python).exists() or subprocess.check_output(probe) != b"True\n":
        pytest.skip("no system Python 3.11 that an ordinary user can run")
    place = Path(f"/tmp/adyton-user-{os.getpid()}")
    place.mkdir(mode=0o755)
    try:
        shutil.copytree(Path(adyton.__file__).parent, place / "adyton")
        done = subprocess.run(
            [python, "-c", _AS_A_USER],
            env={"PYTHONPATH": str(place)},
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        shutil.rmtree(place)
    if done.returncode == 3:
        pytest.skip(f"ordinary users get no namespaces here: {done.stdout}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "0 ['f', 'out', 'task.py'] ['self', 'thread-self', '2'] in",
        "['0000000000000000']",
        "refused",
        "refused",
        "refused",
        " 7 {'y': b'result'}",
    ]
