"""The system calls that guests are refused, with their numbers on the two architectures.

Numbers: Linux `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h`.
"""

from typing import Final, NamedTuple


class Architecture(NamedTuple):
    """How seccomp names an architecture, and where its numbers are in the table below."""

    audit: int
    column: int
    gap: tuple[int, int]
    x32: bool


ARCHITECTURES: Final = {
    "x86_64": Architecture(0xC000_003E, 0, (335, 424), True),
    "aarch64": Architecture(0xC000_00B7, 1, (295, 424), False),
}

# Invariant: every number up to this one was looked at; a later one answers ENOSYS, so a new
# kernel cannot hand guests a call that nobody has judged.
LAST_REVIEWED: Final = 456

# name: (x86_64, aarch64); None where the architecture lacks the call.
_Numbers = tuple[int | None, int | None]

FORBIDDEN: Final[dict[str, _Numbers]] = {
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    # Namespaces and mounts.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # Files by handle, quotas, the page cache; watching the files that all guests share.
    "inotify_add_watch": (254, 27),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "cachestat": (451, 451),
    # Large kernel surfaces.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "vmsplice": (278, 75),
    "memfd_secret": (447, 447),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "set_mempolicy_home_node": (450, 450),
    # The machine itself.
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "acct": (163, 89),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, None),
    "ioperm": (173, None),
    # Addresses for sockets: a socketpair must not meet another guest's.
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Old and unused.
    "personality": (135, 92),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "afs_syscall": (183, None),
    "tuxcall": (184, None),
    "security": (185, None),
    "getpmsg": (181, None),
    "putpmsg": (182, None),
    "vserver": (236, None),
}

# Memory that no per-process limit counts; refused where no cgroup caps it.
UNCOUNTED_MEMORY: Final[dict[str, _Numbers]] = {
    "memfd_create": (319, 279),
    "shmget": (29, 194),
}

# Allowed for some arguments only; seccomp.py says which.
FILTERED: Final[dict[str, _Numbers]] = {
    "clone": (56, 220),
    "clone3": (435, 435),
    "ioctl": (16, 29),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "setsockopt": (54, 208),
    "sendto": (44, 206),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "setrlimit": (160, 164),
    "prlimit64": (302, 261),
}
