"""The jail's file system and namespaces: made once by the zygote, furnished by every cell.

Standard library only. Every cell sees a read-only root with /usr and the interpreter, its own
/task, /tmp and /proc, and five devices.
"""

import os
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from adyton.sandbox import kernel

_DEVICES: Final = ("null", "zero", "full", "random", "urandom")
_LIBRARY_DIRECTORIES: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_READ_ONLY: Final = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV
_NO_SUID_NO_DEV: Final = kernel.MS_NOSUID | kernel.MS_NODEV
_PASSWD: Final = "root:x:0:0::/:/bin/false\nguest:x:1000:1000::/task:/bin/sh\n"
_GROUP: Final = "root:x:0:\nguest:x:1000:\n"

# hidepid=4 (shown only to whoever may trace) hides the warden, subset=pid the machine's own files.
_PROC_OPTIONS: Final = ("subset=pid,hidepid=ptraceable", "")

STAGE: Final = "/mnt"


def enter_private_namespaces() -> None:
    """Leave the host's mounts, network, IPC, cgroup view and host name, and take another name."""
    kernel.unshare(
        kernel.CLONE_NEWNS
        | kernel.CLONE_NEWNET
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWUTS
        | kernel.CLONE_NEWCGROUP
    )
    socket.sethostname("guest")


def _alternatives() -> list[tuple[str, str]]:
    # Debian's names such as awk -> /etc/alternatives/awk -> /usr/bin/mawk.
    found: list[tuple[str, str]] = []
    with suppress(OSError), os.scandir("/etc/alternatives") as entries:
        for entry in entries:
            if entry.is_symlink() and (target := os.readlink(entry.path)).startswith("/usr/"):
                found.append((entry.path, target))
    return found


class _Root:
    """A root under construction on STAGE; sources were opened before they were covered."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._sources: dict[str, tuple[int, bool]] = {}
        for path in sources:
            with suppress(FileNotFoundError):
                descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
                is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
                self._sources[path] = (descriptor, is_directory)

    def bind(self, path: str) -> None:
        """Bind `path` to the same place below STAGE, if the host has it."""
        if path not in self._sources:
            return
        source, is_directory = self._sources[path]
        target = STAGE + path
        os.makedirs(target if is_directory else os.path.dirname(target), exist_ok=True)
        if not is_directory:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        link = f"/proc/self/fd/{source}"
        kernel.mount(link, target, None, kernel.MS_BIND | kernel.MS_REC)

    def bind_read_only(self, path: str) -> None:
        self.bind(path)
        if path in self._sources:
            kernel.set_mount_attributes(STAGE + path, _READ_ONLY, recursive=True)

    def close(self) -> None:
        for descriptor, _ in self._sources.values():
            os.close(descriptor)


def build_root(interpreter: str, hidden: str) -> None:
    """Replace the root by the jail's; the zygote's own /proc is gone afterwards.

    Trust: runs in the zygote with rights over its own namespaces only.

    Args:
        interpreter: prefix of the Python installation, absolute.
        hidden: a directory to cover with an empty one where it would be visible, absolute.

    Raises:
        OSError: the kernel refuses one of the steps; the text names it.
    """
    trees = ["/usr"]
    if not interpreter.startswith("/usr/"):
        trees.append(interpreter)
    links: list[tuple[str, str]] = _alternatives()
    for name in _LIBRARY_DIRECTORIES:
        if os.path.islink(f"/{name}"):
            links.append((f"/{name}", os.readlink(f"/{name}")))
        else:
            trees.append(f"/{name}")
    devices = [f"/dev/{name}" for name in _DEVICES]

    root = _Root([*trees, "/etc/ld.so.cache", *devices])
    # 1. As the namespace's root: the host's user owns nothing in the jail.
    os.setgid(0)
    os.setuid(0)
    # 2. A tmpfs that will hold nothing but mount points and links.
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", STAGE, "tmpfs", _NO_SUID_NO_DEV, "size=2m,nr_inodes=8192,mode=755")
    for path in trees:
        root.bind_read_only(path)
    root.bind_read_only("/etc/ld.so.cache")
    for path in devices:
        root.bind(path)
    if os.path.isdir(STAGE + hidden):
        options = "size=4k,nr_inodes=2,mode=755"
        kernel.mount("tmpfs", STAGE + hidden, "tmpfs", _NO_SUID_NO_DEV, options)
        kernel.set_mount_attributes(STAGE + hidden, _READ_ONLY, recursive=False)
    os.makedirs(f"{STAGE}/etc/alternatives", exist_ok=True)
    for link, target in (*links, ("/dev/fd", "/proc/self/fd"), ("/dev/shm", "/tmp")):
        os.symlink(target, STAGE + link)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{STAGE}/dev/{name}")
    for name, text in (("passwd", _PASSWD), ("group", _GROUP)):
        with open(f"{STAGE}/etc/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    for name in ("task", "tmp", "proc", ".disk"):
        os.mkdir(f"{STAGE}/{name}")
    # A fully visible /proc is what lets a cell mount its own; cells cover and then detach it.
    kernel.mount("/proc", f"{STAGE}/proc", None, kernel.MS_BIND | kernel.MS_REC)
    root.close()
    # 3. Out of the host's file system.
    os.chdir(STAGE)
    kernel.pivot_root_here()
    kernel.set_mount_attributes("/", kernel.ATTR_RDONLY, recursive=False)


def _mount_proc(target: str, options: str) -> None:
    kernel.mount("proc", target, "proc", _NO_SUID_NO_DEV | kernel.MS_NOEXEC, options)


def mount_own_proc() -> str | None:
    """Exchange the host's /proc for that of this process's pid namespace.

    Returns the mount options that cells are to use too. Some containers forbid any new /proc:
    then there is none, and None is returned.
    """
    found: str | None = None
    for options in _PROC_OPTIONS:
        with suppress(OSError):
            _mount_proc("/.disk", options)
            found = options
            break
    kernel.unmount("/proc")
    if found is not None:
        kernel.mount("/.disk", "/proc", None, kernel.MS_BIND)
        kernel.unmount("/.disk")
    return found


def enter_cell(proc_options: str | None) -> None:
    """Give this process, 1 in a new pid namespace, mounts of its own with its own /proc."""
    kernel.unshare(kernel.CLONE_NEWNS)
    if proc_options is not None:
        _mount_proc("/proc", proc_options)


def furnish(user: int) -> None:
    """Give this process its own mounts, IPC and host name, and an empty disk on /task and /tmp.

    Trust: runs in the guest-to-be, before guest code; `user` will own the disk.
    """
    kernel.unshare(
        kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
    )
    # One tmpfs for both directories, so that one size caps them together.
    kernel.mount("tmpfs", "/.disk", "tmpfs", _NO_SUID_NO_DEV, disk_options(1 << 20))
    for name, mode in (("task", 0o700), ("tmp", 0o1777)):
        os.mkdir(f"/.disk/{name}")
        os.chmod(f"/.disk/{name}", mode)
        os.chown(f"/.disk/{name}", user, user)
        kernel.mount(f"/.disk/{name}", f"/{name}", None, kernel.MS_BIND)
    os.mkdir("/task/out", 0o700)
    os.chown("/task/out", user, user)
    kernel.unmount("/.disk")
    os.chdir("/task")


def disk_options(size: int) -> str:
    """Mount options of a disk of `size` bytes: 256 files and one for every 16 KiB, at most 16384."""
    pages = max(1, -(-size // 4096))
    return f"size={pages * 4096},nr_inodes={min(16384, 256 + pages // 4)},mode=755"


def resize_disk(size: int) -> None:
    """Set the cell's disk to `size` bytes, rounded up to a page."""
    kernel.mount(None, "/task", None, kernel.MS_REMOUNT | _NO_SUID_NO_DEV, disk_options(size))
