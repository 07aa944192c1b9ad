"""From a fork of the warden to a guest: furnish, wait for the job, give up every right.

Standard library only.
"""

import os
import signal
import socket
import time
from typing import NoReturn

from adyton.sandbox import guest, kernel, landlock, namespaces, rlimits, wire
from adyton.sandbox.furniture import Furniture


def become_guest(channel: socket.socket, user: int, furniture: Furniture) -> NoReturn:
    """Wait for a job on `channel`, lock this process down, run the job.

    Trust: runs in the warden's child; from `guest.run` on it is the guest.

    Args:
        channel: to the enclave; closed before any guest code runs.
        user: the guest's user id in the jail, its alone if `furniture.own_users`.
        furniture: what the zygote prepared.
    """
    try:
        job = _take_job(channel, user, furniture)
        channel.send(wire.encode_started(time.process_time()))
    except BaseException as error:  # noqa: BLE001  # nothing of the guest ran: the enclave must know why
        text = f"{type(error).__name__}: {error}"
        channel.send(wire.REFUSED + text.encode("utf-8", "replace")[: wire.MESSAGE_MAX - 1])
        os._exit(0)
    channel.detach()
    kernel.close_from(3)
    guest.run(job.name, job.arguments, job.code)


def _take_job(channel: socket.socket, user: int, furniture: Furniture) -> wire.CellJob:
    # 1. Everything that needs no job, while the cell waits in the pool.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    namespaces.furnish(user)
    socket.send_fds(channel, [wire.READY], _for_the_enclave(furniture))
    _prefer_for_oom()
    rules = landlock.ruleset(furniture.landlock_abi) if furniture.landlock_abi else None
    guest.rehearse()
    # 2. The job; an end of file means that nobody wants this cell.
    message, descriptors, _, _ = socket.recv_fds(channel, 1, 4)
    if message != wire.JOB or len(descriptors) < 3:
        os._exit(0)
    job = wire.read_job(descriptors[0])
    _redirect(descriptors[1:])
    # 3. The last use of rights over the namespaces.
    namespaces.resize_disk(job.limits["disk_bytes"])
    _become(user, own_user=furniture.own_users)
    _write_files(job)
    rlimits.apply(job.limits, memory_capped=furniture.memory_capped, own_user=furniture.own_users)
    # 4. Lockdown; the filter last, since it refuses what the other steps need.
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if rules is not None:
        landlock.restrict_self(rules)
    furniture.filter.install()
    return job


def _for_the_enclave(furniture: Furniture) -> list[int]:
    directory = os.open(guest.WORK, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if furniture.proc_options is None:
        return [directory]
    # Whoever drops a mount namespace last waits for the kernel to take it apart: a millisecond
    # that would otherwise lie between the guest's end and the report of it.
    return [directory, os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)]


def _prefer_for_oom() -> None:
    # When the whole machine runs out of memory, guests go first.
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"1000")
    except OSError:
        return


def _redirect(descriptors: list[int]) -> None:
    output, errors, *rest = descriptors
    source = rest[0] if rest else os.open("/dev/null", os.O_RDONLY)
    for number, descriptor in enumerate((source, output, errors)):
        os.dup2(descriptor, number)


def _become(user: int, *, own_user: bool) -> None:
    if own_user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    kernel.drop_capabilities()
    # The change of user made the process untraceable, and its own /proc files unreadable to it.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def _write_files(job: wire.CellJob) -> None:
    executable = guest.is_executable(job.name, job.code)
    _write(job.name, job.code, 0o755 if executable else 0o644)
    for name, content in job.files:
        _write(name, content, 0o644)


def _write(name: str, content: bytes, mode: int) -> None:
    path = f"{guest.WORK}/{name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.close(descriptor)
