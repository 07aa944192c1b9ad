"""What the zygote makes ready once, for all its cells.

Standard library only.
"""

from typing import NamedTuple

from adyton.sandbox.seccomp import Filter


# No dataclass: what that imports would be compiled at each start, and is not once the zygote warms up.
class Furniture(NamedTuple):
    """Prepared before any fork, read by every cell.

    Attributes:
        filter: the system call filter.
        landlock_abi: the kernel's Landlock version, 0 without.
        proc_options: how to mount a cell's /proc, None where the machine forbids it.
        memory_capped: a cgroup counts the memory of each cell.
        own_users: every guest has a user id of its own.
    """

    filter: Filter
    landlock_abi: int
    proc_options: str | None
    memory_capped: bool
    own_users: bool
