"""What a hostile guest leaves behind: in `out/`, for the next guest, on the host."""

from __future__ import annotations

import platform
import stat
from pathlib import Path

import pytest

from adyton.sandbox.jail import Jail
from tests.integration.sandbox_support import MIB, PRELUDE, job

_X86 = platform.machine() == "x86_64"


def test_next_guest_finds_nothing(jail: Jail) -> None:
    write = """
    import os
    for d in ('/task', '/task/out', '/tmp', '/dev/shm'):
        open(d + '/left', 'w').write('secret')
    os.environ['LEFT'] = 'secret'
    """
    look = """
    import os
    print(sorted(os.listdir('/task')), os.listdir('/task/out'), os.listdir('/tmp'),
          'LEFT' in os.environ, os.path.exists('/dev/shm/left'))
    """
    for _ in range(3):
        assert jail.run(job(write)).outputs == {"left": b"secret"}
        assert jail.run(job(look)).stdout == b"['out', 'task.py'] [] [] False False\n"


def test_sysv_segments_do_not_outlive_their_guest() -> None:
    jail = Jail(pool=1)
    code = PRELUDE + "print(call(%d, 77, 4096, 0o%s))"
    number = 29 if _X86 else 194
    try:
        if jail.memory_cap != "cgroup":
            pytest.skip("no memory cgroup can be made here")
        assert jail.run(job(code % (number, "1666"))).stdout == b"allowed\n"
        assert jail.run(job(code % (number, "0"))).stdout == b"ENOENT\n"
    finally:
        jail.close()


HARVEST = """
import os, sys
os.symlink('/etc/passwd', 'out/link')
os.symlink('../task.py', 'out/near')
os.symlink('/', 'out/dir')
os.mkfifo('out/fifo')
os.mkdir('out/sub')
os.symlink('../..', 'out/sub/up')
open('out/sub/file', 'w').write('kept')
open(b'out/\\xff', 'w').write('odd')
open('out/tab\\t', 'w').write('tab')
os.link('task.py', 'out/hard')
"""


def test_odd_things_in_out_are_refused(jail: Jail) -> None:
    outcome = jail.run(job(HARVEST))
    assert outcome.exit_code == 0, outcome.stderr
    refused = ("\\udcff", "dir", "fifo", "link", "near", "sub/up")
    assert outcome.refused_outputs == refused
    assert set(outcome.outputs) == {"sub/file", "tab\t", "hard"}
    assert outcome.outputs["sub/file"] == b"kept"


@pytest.mark.parametrize("target", ["/", "/etc", "/usr", "..", "/proc/self/root"])
def test_out_as_a_link_is_refused(jail: Jail, target: str) -> None:
    outcome = jail.run(job(f"import os\nos.rmdir('out')\nos.symlink({target!r}, 'out')"))
    assert (outcome.outputs, outcome.refused_outputs) == ({}, ("out",))


def test_out_may_be_gone(jail: Jail) -> None:
    outcome = jail.run(job("import os\nos.rmdir('out')"))
    assert (outcome.outputs, outcome.refused_outputs, outcome.exit_code) == ({}, (), 0)


def test_deep_nesting(jail: Jail) -> None:
    code = """
    import os
    os.chdir('out')
    try:
        for _ in range(2000):
            os.mkdir('d')
            os.chdir('d')
        open('f', 'w').write('x')
    except OSError:
        pass
    """
    outcome = jail.run(job(code))
    assert outcome.outputs == {}
    assert outcome.refused_outputs == ("/".join(["d"] * 16),)


def test_too_many_outputs(jail: Jail) -> None:
    code = "for i in range(30): open(f'out/{i:02}', 'w').write(str(i))"
    outcome = jail.run(job(code, outputs_count=10))
    assert list(outcome.outputs) == [f"{i:02}" for i in range(10)]
    assert outcome.refused_outputs == tuple(f"{i:02}" for i in range(10, 30))


def test_too_large_outputs(jail: Jail) -> None:
    code = (
        "for n, s in (('a', 900), ('b', 200), ('c', 100)): open(f'out/{n}', 'wb').write(bytes(s))"
    )
    outcome = jail.run(job(code, outputs_bytes=1000))
    assert {n: len(c) for n, c in outcome.outputs.items()} == {"a": 900, "c": 100}
    assert outcome.refused_outputs == ("b",)


def test_sparse_file(jail: Jail) -> None:
    code = """
    import os
    for size in (1 << 40, 8 << 20):
        try:
            os.truncate(os.open(f'out/{size}', os.O_CREAT | os.O_RDWR), size)
        except OSError as error:
            print(error.errno)
    """
    outcome = jail.run(job(code))
    assert outcome.stdout == b"27\n"
    assert outcome.refused_outputs == (str(8 << 20),)
    assert set(outcome.outputs) == {str(1 << 40)}


def test_no_core_file(jail: Jail) -> None:
    outcome = jail.run(job("import os\nos.chdir('out')\nos.abort()", name="crash.py"))
    assert outcome.signal == 6
    assert (outcome.outputs, outcome.refused_outputs) == ({}, ())


def test_nothing_appears_on_the_host(jail: Jail, tmp_path: Path) -> None:
    marker = tmp_path.name
    outcome = jail.run(job(f"open('/tmp/{marker}', 'w')\nopen('/task/{marker}', 'w')"))
    assert outcome.exit_code == 0
    assert not Path(f"/tmp/{marker}").exists()
    assert not Path("/task").exists()
    mounts = Path("/proc/self/mounts").read_text()
    assert " /task " not in mounts


def test_outputs_are_files_of_the_guest_alone(jail: Jail) -> None:
    outcome = jail.run(job("import os\nprint(oct(os.stat('/task').st_mode))"))
    assert outcome.stdout.decode().strip() == oct(stat.S_IFDIR | 0o700)
    assert outcome.peak_memory_bytes < 64 * MIB
