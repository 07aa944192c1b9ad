"""The guest's resource limits per process.

Standard library only.
"""

import resource
from collections.abc import Mapping
from typing import Final

# Other guests, the zygote and its wardens count with the guest where all share one user.
_SHARED_USER_SLACK: Final = 64
_CPU_GRACE_SECONDS: Final = 1

_FIXED: Final = (
    # 1, not 0: a piped core handler runs at 0, and a guest's memory would leave the jail.
    (resource.RLIMIT_CORE, 1),
    (resource.RLIMIT_MEMLOCK, 0),
    (resource.RLIMIT_MSGQUEUE, 0),
    (resource.RLIMIT_NICE, 0),
    (resource.RLIMIT_RTPRIO, 0),
    (resource.RLIMIT_SIGPENDING, 1024),
)


def apply(limits: Mapping[str, int], *, memory_capped: bool, own_user: bool) -> None:
    """Set this process's limits, soft and hard alike but for CPU time.

    At `cpu_s` the kernel sends SIGXCPU, one second later SIGKILL.

    Trust: runs in the cell, before guest code.

    Args:
        limits: `cpu_s`, `memory_bytes`, `file_bytes`, `open_files`, `processes`.
        memory_capped: a cgroup counts memory; else the address space is limited.
        own_user: no other guest runs under this user id.
    """
    processes = limits["processes"] + (0 if own_user else _SHARED_USER_SLACK)
    pairs = [
        *_FIXED,
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_NPROC, processes),
    ]
    if not memory_capped:
        pairs.append((resource.RLIMIT_AS, limits["memory_bytes"]))
    for kind, value in pairs:
        _lower(kind, value, value)
    cpu = limits["cpu_s"]
    _lower(resource.RLIMIT_CPU, cpu, cpu + _CPU_GRACE_SECONDS)


def _lower(kind: int, soft: int, hard: int) -> None:
    # What this process already inherited as a limit cannot be raised.
    inherited = resource.getrlimit(kind)[1]
    if inherited != resource.RLIM_INFINITY:
        soft, hard = min(soft, inherited), min(hard, inherited)
    resource.setrlimit(kind, (soft, hard))
