"""The guest's Landlock domain: a second wall behind the mount namespace.

Standard library only. Numbers: Linux `include/uapi/linux/landlock.h`.
"""

import os
import struct
from typing import Final

from adyton.sandbox import kernel

_SYS_CREATE_RULESET: Final = 444
_SYS_ADD_RULE: Final = 445
_SYS_RESTRICT_SELF: Final = 446
_CREATE_RULESET_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1

_EXECUTE: Final = 1 << 0
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_MAKE_CHAR: Final = 1 << 6
_MAKE_SOCK: Final = 1 << 9
_MAKE_BLOCK: Final = 1 << 11
_TRUNCATE: Final = 1 << 14
_IOCTL_DEV: Final = 1 << 15

_READ: Final = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICES: Final = _WRITE_FILE | _READ_FILE | _READ_DIR | _TRUNCATE | _IOCTL_DEV


def abi() -> int:
    """Return the kernel's Landlock version, 0 without Landlock."""
    try:
        return kernel.syscall(
            _SYS_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION, what="landlock"
        )
    except OSError:
        return 0


def _known_rights(version: int) -> int:
    bits = 13 + (version >= 2) + (version >= 3)
    return (1 << (16 if version >= 5 else bits)) - 1


def ruleset(version: int, *, files: bool = True) -> int:
    """Make the guest's rules for ABI `version` >= 1 and return their descriptor.

    Reading everywhere in the jail, writing in /task and /tmp; where the version has them: no TCP,
    no abstract sockets and no signals beyond the domain.

    Trust: runs in the cell, before guest code.

    Args:
        version: of the kernel's Landlock.
        files: False allows no file at all.
    """
    known = _known_rights(version)
    scopes = struct.pack("=QQQ", known, 0b11, 0b11)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = kernel.syscall(_SYS_CREATE_RULESET, scopes, size, 0, what="landlock")
    write = known & ~(_MAKE_CHAR | _MAKE_BLOCK | _MAKE_SOCK)
    allowed = (("/", _READ), ("/dev", _DEVICES), ("/task", write), ("/tmp", write))
    for path, rights in allowed if files else ():
        directory = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights & known, directory)
        kernel.syscall(_SYS_ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0, what="landlock rule")
        os.close(directory)
    return rules


def restrict_self(rules: int) -> None:
    """Enter the domain of `rules`; needs no_new_privs."""
    kernel.syscall(_SYS_RESTRICT_SELF, rules, 0, what="landlock_restrict_self")
