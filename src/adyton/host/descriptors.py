"""Open files: every connection is one."""

from __future__ import annotations

import resource

from adyton.host import bounds


def raise_file_limit() -> int:
    """Raise this process's soft limit of open files towards its hard one; return the limit that holds now.

    It is not raised over `bounds.FILES`: where the hard limit is a billion, programs that walk all descriptors (and
    the enclave inherits the limit) would never end.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return bounds.FILES
    wanted = bounds.FILES if hard == resource.RLIM_INFINITY else min(hard, bounds.FILES)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft


def connections_within(files: int) -> int:
    """Return how many connections there may be with so many open files: some are left to store, blobs and enclave."""
    return max(1, min(bounds.CONNECTIONS, files - bounds.SPARE_FILES))
