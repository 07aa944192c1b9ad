"""Linux system calls that Python does not offer, as functions that raise OSError.

Standard library only: the zygote imports this file before it enters the jail.
"""

import ctypes
import os
import struct
from typing import Final

CLONE_NEWNS: Final = 0x0002_0000
CLONE_NEWCGROUP: Final = 0x0200_0000
CLONE_NEWUTS: Final = 0x0400_0000
CLONE_NEWIPC: Final = 0x0800_0000
CLONE_NEWUSER: Final = 0x1000_0000
CLONE_NEWPID: Final = 0x2000_0000
CLONE_NEWNET: Final = 0x4000_0000

MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_REMOUNT: Final = 32
MS_BIND: Final = 4096
MS_REC: Final = 16384
MS_PRIVATE: Final = 1 << 18
MNT_DETACH: Final = 2

ATTR_RDONLY: Final = 1
ATTR_NOSUID: Final = 2
ATTR_NODEV: Final = 4
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08

# These numbers are the same on every architecture that has the calls.
_SYS_CLOSE_RANGE: Final = 436
_SYS_OPENAT2: Final = 437
_SYS_MOUNT_SETATTR: Final = 442
_SYS_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}

_CAPABILITIES: Final = 64
_CAPABILITY_V3: Final = 0x2008_0522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
# Keeps the interpreter's lock over the call, as a fork of the interpreter must.
_locked_libc = ctypes.PyDLL(None)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _long(value: int) -> ctypes.c_ulong:
    # A variadic call would pass a plain int as 32 bits.
    return ctypes.c_ulong(value)


def syscall(number: int, *arguments: int | bytes | None, what: str) -> int:
    """Call `number`; integers are passed as 64 bits, bytes and None as pointers.

    Trust: runs on both sides of the jail, before guest code does.
    """
    passed = [_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(_long(number), *passed), what)


def fork() -> int:
    """fork(2) without the interpreter's own after-fork work, which writes to 200 shared pages.

    Only for a process with one thread, whose child never uses what that work renews (thread
    identities, import locks) or renews it itself (`random`).
    """
    return _checked(_locked_libc.fork(), "fork")


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` (CLONE_NEW*)."""
    _checked(_libc.unshare(ctypes.c_int(flags)), f"unshare {flags:#x}")


def setns(descriptor: int, flags: int) -> None:
    """Enter the namespaces `flags` of a namespace file or a pidfd."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(flags)), "setns")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2)."""
    result = _libc.mount(
        None if source is None else os.fsencode(source),
        os.fsencode(target),
        None if kind is None else kind.encode(),
        _long(flags),
        data.encode() or None,
    )
    _checked(result, f"mount {kind or 'bind'} on {target}")


def unmount(target: str) -> None:
    """Detach the mount on `target`."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(MNT_DETACH)), f"unmount {target}")


def set_mount_attributes(target: str, attributes: int, *, recursive: bool) -> None:
    """Add mount attributes (ATTR_*) to `target` and make it private (Linux 5.12)."""
    attr = struct.pack("=QQQQ", attributes, 0, MS_PRIVATE, 0)
    flags = _AT_RECURSIVE if recursive else 0
    what = f"mount_setattr {target}"
    syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), flags, attr, len(attr), what=what)


def pivot_root_here() -> None:
    """Make the current directory the root and detach the old one."""
    syscall(_SYS_PIVOT_ROOT[os.uname().machine], b".", b".", what="pivot_root")
    unmount(".")
    os.chdir("/")


def prctl(option: int, value: int | ctypes.c_void_p = 0, third: int | ctypes.c_void_p = 0) -> None:
    """prctl(2) with the unused arguments zero."""
    second = _long(value) if isinstance(value, int) else value
    pointer = _long(third) if isinstance(third, int) else third
    _checked(_libc.prctl(ctypes.c_int(option), second, pointer, _long(0), _long(0)), "prctl")


def drop_bounding_set() -> None:
    """Take every capability from the set that later programs could gain from."""
    for capability in range(_CAPABILITIES):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            # The kernel knows no more.
            return


def drop_capabilities() -> None:
    """Give up every capability of this thread, in all of its sets."""
    header = struct.pack("=Ii", _CAPABILITY_V3, 0)
    _checked(_libc.capset(header, bytes(24)), "capset")


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    syscall(_SYS_CLOSE_RANGE, first, 0xFFFF_FFFF, 0, what="close_range")


def open_beneath(directory: int, path: bytes, flags: int) -> int:
    """Open `path` below `directory`; no link, mount or magic link is followed on the way.

    Trust: runs in the enclave; `path` and everything under `directory` may be the guest's.

    Raises:
        OSError: also when the path leaves the directory (EXDEV) or meets a link (ELOOP).
    """
    resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, resolve)
    return syscall(_SYS_OPENAT2, directory, path, how, len(how), what="openat2")
