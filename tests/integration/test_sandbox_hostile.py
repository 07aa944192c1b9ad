"""Hostile guests: what they try while they run, and the refusal."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

import adyton
from adyton.sandbox import nursery
from adyton.sandbox.jail import Jail
from tests.integration.sandbox_support import hostile, job

_X86 = platform.machine() == "x86_64"


# name: (source behind the prelude, what it prints)
REFUSED: dict[str, tuple[str, str]] = {
    "socket-inet": (
        "import socket\nprint(attempt(lambda: socket.socket(socket.AF_INET)))",
        "EAFNOSUPPORT",
    ),
    "socket-inet6-udp": (
        "import socket\nprint(attempt(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)))",
        "EAFNOSUPPORT",
    ),
    "socket-unix": (
        "import socket\nprint(attempt(lambda: socket.socket(socket.AF_UNIX)))",
        "EAFNOSUPPORT",
    ),
    "socket-netlink": (
        "import socket\nprint(attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)))",
        "EAFNOSUPPORT",
    ),
    "socket-vsock": ("import socket\nprint(attempt(lambda: socket.socket(40)))", "EAFNOSUPPORT"),
    "socketpair-address": (
        """
        import socket
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        print(attempt(lambda: a.bind('\\0meeting')), attempt(lambda: a.connect('\\0meeting')),
              attempt(lambda: a.sendto(b'x', '\\0meeting')), attempt(lambda: a.listen()),
              attempt(lambda: a.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)),
              attempt(lambda: a.send(b'x')))
        """,
        "EPERM EPERM EPERM EPERM EPERM allowed",
    ),
    "unshare": (
        (
            "print(*[call(272 if X86 else 97, f)"
            " for f in (0x10000000, 0x20000, 0x20000000, 0x40000000)])"
        ),
        "EPERM EPERM EPERM EPERM",
    ),
    "setns": ("print(call(308 if X86 else 268, os.open('/proc/self', 0), 0))", "EPERM"),
    "clone-newuser": ("print(call(56 if X86 else 220, 0x10000000 | 17, 0, 0, 0, 0))", "EPERM"),
    "clone3": ("print(call(435, 0, 0))", "ENOSYS"),
    "mount": (
        (
            "print(call(165 if X86 else 40, b'x', b'/tmp', b'tmpfs', 0, None),"
            " call(166 if X86 else 39, b'/proc', 2), call(155 if X86 else 41, b'/', b'/'),"
            " call(428, -100, b'/', 1), call(430, b'tmpfs', 0), call(442, -100, b'/', 0, None, 0))"
        ),
        "EPERM EPERM EPERM EPERM EPERM EPERM",
    ),
    "chroot": ("print(attempt(lambda: os.chroot('/tmp')))", "EPERM"),
    "ptrace": (
        "print(call(101 if X86 else 117, 0, 0, 0, 0), call(101 if X86 else 117, 16, 1, 0, 0))",
        "EPERM EPERM",
    ),
    "process-memory": (
        (
            "print(call(310 if X86 else 270, 1, None, 0, None, 0, 0),"
            " call(311 if X86 else 271, 1, None, 0, None, 0, 0), call(438, 0, 3, 0))"
        ),
        "EPERM EPERM EPERM",
    ),
    "bpf": ("print(call(321 if X86 else 280, 0, None, 0))", "EPERM"),
    "perf-userfaultfd": (
        "print(call(298 if X86 else 241, None, 0, -1, -1, 0), call(323 if X86 else 282, 1))",
        "EPERM EPERM",
    ),
    "keyring": (
        (
            "print(call(250 if X86 else 219, 0, -3, 1), call(248 if X86 else 217, b'user', b'k',"
            " b'v', 1, -3), call(249 if X86 else 218, b'user', b'k', None, 0))"
        ),
        "EPERM EPERM EPERM",
    ),
    "io-uring": (
        (
            "print(call(425, 8, ctypes.create_string_buffer(120)), call(426, 0, 0, 0, 0, None, 0),"
            " call(427, 0, 0, None, 0))"
        ),
        "EPERM EPERM EPERM",
    ),
    "kernel-modules": (
        "print(call(175 if X86 else 105, None, 0, b''), call(313 if X86 else 273, 0, b'', 0))",
        "EPERM EPERM",
    ),
    "file-handles": (
        (
            "print(call(304 if X86 else 265, -100, None, 0), call(303 if X86 else 264, -100, b'/',"
            " None, None, 0))"
        ),
        "EPERM EPERM",
    ),
    "unknown-system-calls": (
        "print(*[call(n) for n in (400, 457, 463, 600, 0x3fffffff)])",
        "ENOSYS ENOSYS ENOSYS ENOSYS ENOSYS",
    ),
    "clock": ("import time\nprint(attempt(lambda: time.clock_settime(0, 1.0)))", "EPERM"),
    "host-name": ("import socket\nprint(attempt(lambda: socket.sethostname('x')))", "EPERM"),
    "device-nodes": (
        (
            "import stat\nprint(attempt(lambda: os.mknod('n', 0o600 | stat.S_IFCHR, 0x103)),"
            " attempt(lambda: os.mknod('w', 0o600 | stat.S_IFCHR, 0)),"
            " attempt(lambda: os.mknod('b', 0o600 | stat.S_IFBLK, 0x800)))"
        ),
        "EPERM EPERM EPERM",
    ),
    "limits-of-the-warden": (
        "import resource\nprint(attempt(lambda: resource.prlimit(1, resource.RLIMIT_CPU, (0, 0))))",
        "EPERM",
    ),
    "raise-limits": (
        """
        import resource as r
        def up(kind):
            try:
                r.setrlimit(kind, (r.RLIM_INFINITY, r.RLIM_INFINITY))
            except (ValueError, OSError):
                return 'refused'
            return 'raised'
        print(*[up(k) for k in (r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_NPROC,
                                r.RLIMIT_MEMLOCK, r.RLIMIT_CORE)])
        """,
        "refused refused refused refused refused refused",
    ),
    "core-limit": (
        """
        import resource as r
        print(r.getrlimit(r.RLIMIT_CORE), call(302 if X86 else 261, 0, 4, bytes(16), None),
              call(160 if X86 else 164, 4, bytes(16)))
        """,
        "(1, 1) EPERM EPERM",
    ),
    "kill-everyone": (
        """
        import signal
        print(attempt(lambda: os.kill(1, signal.SIGKILL)) in ('EPERM', 'ESRCH', 'allowed'))
        print(attempt(lambda: os.kill(os.getppid(), signal.SIGINT)) in ('EPERM', 'allowed'))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            os.kill(-1, signal.SIGTERM)
        except OSError:
            pass
        print(os.getppid())
        """,
        "True\nTrue\n1",
    ),
    "become-root": (
        (
            "print(attempt(lambda: os.setuid(0) if os.getuid() else os.setgroups([5])),"
            " attempt(lambda: os.setgid(5)))"
        ),
        "EPERM EPERM",
    ),
    "capabilities": (
        (
            "print([l.split()[1] for l in open('/proc/self/status')"
            " if l.startswith(('Cap', 'NoNewPrivs', 'Seccomp:'))])"
        ),
        str(["0" * 16] * 5 + ["1", "2"]),
    ),
    "write-usr-and-root": (
        (
            "for p in ('/x', '/usr/x', '/usr/bin/x', '/etc/x', '/dev/x', '/proc/x'):\n"
            "    print(attempt(lambda: open(p, 'w')) in ('EROFS', 'EACCES', 'ENOENT', 'EPERM'))"
        ),
        "True\nTrue\nTrue\nTrue\nTrue\nTrue",
    ),
    "change-usr": (
        (
            "print(attempt(lambda: os.remove('/usr/bin/env')) != 'allowed',"
            " attempt(lambda: os.chmod('/usr/bin/env', 0o777)) != 'allowed',"
            " attempt(lambda: os.rename('/usr', '/tmp/usr')) != 'allowed')"
        ),
        "True True True",
    ),
    "root-directory": (
        (
            "print(set(os.listdir('/')) - {'.disk', 'bin', 'dev', 'etc', 'lib', 'lib32', 'lib64',"
            " 'libx32', 'proc', 'sbin', 'task', 'tmp', 'usr', sys.base_prefix.split('/')[1]})"
        ),
        "set()",
    ),
    "etc": (
        "print(sorted(set(os.listdir('/etc')) - {'alternatives'}), os.path.exists('/etc/shadow'))",
        "['group', 'ld.so.cache', 'passwd'] False",
    ),
    "other-processes": (
        (
            "print([p for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()],"
            " os.path.exists('/proc/1/environ'))"
        ),
        "[] False",
    ),
    "machine-in-proc": (
        "print(*[os.path.exists(f'/proc/{n}') for n in ('meminfo', 'sys', 'kcore', 'keys')])",
        "False False False False",
    ),
    "host-name-and-cgroup": (
        (
            "print(os.uname().nodename, {l.split(':')[2] for l in open('/proc/self/cgroup')"
            " if 'memory' in l or l.startswith('0::')} <= {'/\\n'})"
        ),
        "guest True",
    ),
    "watch-shared-files": (
        "print(call(254 if X86 else 27, 0, b'/usr/bin', 0x20))",
        "EPERM",
    ),
    "own-environ": ("print(open('/proc/self/environ', 'rb').read())", "b''"),
    "own-command-line": (
        "print(open('/proc/self/cmdline', 'rb').read().strip(b'\\0'))",
        "b'guest'",
    ),
    "proc-self-mem-of-warden": (
        (
            "print(attempt(lambda: open('/proc/1/mem', 'rb')),"
            " attempt(lambda: os.listdir('/proc/1/fd')), attempt(lambda: os.listdir('/proc/1/root')))"
        ),
        "ENOENT ENOENT ENOENT",
    ),
    "descriptors": (
        (
            "print(sorted(map(int, os.listdir('/proc/self/fd')))[:3],"
            " [d for d in range(3, 64) if attempt(lambda: os.fstat(d)) == 'allowed'])"
        ),
        "[0, 1, 2] []",
    ),
    "descriptor-kinds": (
        "import stat\nprint(*[stat.filemode(os.fstat(d).st_mode)[0] for d in range(3)])",
        "c p p",
    ),
    "import-the-platform": (
        """
        import importlib
        try:
            importlib.import_module('adyton')
        except ImportError as error:
            print('ImportError', [m for m in sys.modules if 'adyton' in m], [
                p for p in sys.path if os.path.exists(p + '/adyton')])
        """,
        "ImportError [] []",
    ),
    "setuid-binary": (
        """
        found = [p for p in ('/usr/bin/su', '/usr/bin/passwd', '/usr/bin/mount')
                 if os.path.exists(p) and os.stat(p).st_mode & 0o4000]
        import subprocess
        open('id.py', 'w').write('import os; print(os.getuid() == os.geteuid())')
        os.chmod('id.py', 0o4755)
        print(subprocess.run([sys.executable, '-I', '-S', 'id.py'], capture_output=True).stdout)
        os.chdir('/usr')
        print(os.statvfs('/usr').f_flag & os.ST_NOSUID > 0, os.statvfs('/task').f_flag & 2 > 0)
        """,
        "b'True\\n'\nTrue True",
    ),
    "typing-for-the-terminal": (
        (
            "import fcntl\nprint(attempt(lambda: fcntl.ioctl(0, 0x5412, b'x')),"
            " attempt(lambda: fcntl.ioctl(0, 0x541c, b'x')))"
        ),
        "EPERM EPERM",
    ),
    "landlock-writes-in-proc": (
        "print(attempt(lambda: open('/proc/self/oom_score_adj', 'w').write('0')))",
        "EACCES",
    ),
    "sysv-and-memfd": (
        "print(call(319 if X86 else 279, b'm', 0), call(29 if X86 else 194, 0, 4096, 0o1600))",
        "depends on the cap",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(jail: Jail, name: str) -> None:
    code, expected = REFUSED[name]
    if name == "sysv-and-memfd":
        expected = "allowed allowed" if jail.memory_cap == "cgroup" else "EPERM EPERM"
    if name == "landlock-writes-in-proc" and not any("landlock" in x for x in jail.layers):
        pytest.skip("this kernel has no Landlock")
    outcome = hostile(jail, f"X86 = {_X86}\n" + textwrap.dedent(code))
    assert outcome.stderr == b""
    assert outcome.stdout.decode().strip() == expected
    assert outcome.exit_code == 0


@pytest.mark.skipif(not _X86, reason="x86-64 machine code")
@pytest.mark.parametrize(
    ("name", "machine_code"),
    [
        ("getpid by int 0x80", "b814000000cd80c3"),
        ("socket by int 0x80", "b867010000cd80c3"),
        ("getpid by x32", "b8270000400f05c3"),
    ],
)
def test_foreign_system_calls_kill(jail: Jail, name: str, machine_code: str) -> None:
    code = f"""
    import ctypes, mmap
    area = mmap.mmap(-1, 4096, prot=7)
    area.write(bytes.fromhex({machine_code!r}))
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(area)))()
    print('survived')
    """
    outcome = jail.run(job(code))
    assert (outcome.exit_code, outcome.signal, outcome.stdout) == (None, 31, b"")


def test_enclaves_process_is_out_of_sight(jail: Jail) -> None:
    # The same number in the guest's namespace is another process, or none.
    code = f"""
    import os
    for path in ('/proc/{os.getpid()}', '/proc/{os.getppid()}', {str(Path(__file__))!r},
                 {str(Path(adyton.__file__).parent)!r}, '/proc/self/root/../..{Path(__file__)}'):
        print(os.path.exists(path))
    try:
        os.kill({os.getpid()}, 0)
    except ProcessLookupError:
        print('no such process')
    """
    outcome = jail.run(job(code))
    assert outcome.stdout == b"False\n" * 5 + b"no such process\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to write below the interpreter")
def test_package_inside_a_bound_directory_is_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    # An installation below the interpreter's prefix would be visible, were it not covered.
    place = tempfile.mkdtemp(prefix="adyton-test-", dir=os.path.realpath(sys.base_prefix))
    try:
        copy = Path(place, "adyton")
        shutil.copytree(Path(adyton.__file__).parent, copy)
        os.chmod(place, 0o755)
        monkeypatch.setattr(nursery, "_PROGRAM", copy / "sandbox" / "zygote.py")
        jail = Jail(pool=1)
        try:
            assert jail.run(job(f"import os\nprint(os.listdir({str(copy)!r}))")).stdout == b"[]\n"
        finally:
            jail.close()
    finally:
        shutil.rmtree(place)


def test_status_cannot_be_forged(jail: Jail) -> None:
    # A guest that writes to whatever it can find still exits with its own code.
    code = """
    import os, struct
    forged = b'X' + struct.pack('=IQQ', 0, 0, 0)
    for d in range(3, 256):
        try:
            os.write(d, forged)
        except OSError:
            pass
    for d in os.listdir('/proc/self/fd'):
        try:
            os.write(os.open(f'/proc/self/fd/{d}', os.O_WRONLY), forged)
        except OSError:
            pass
    os._exit(5)
    """
    outcome = jail.run(job(code))
    assert outcome.exit_code == 5
    assert set(outcome.stdout + outcome.stderr) <= set(b"X\0")
