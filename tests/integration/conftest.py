"""The jail of the sandbox's tests, under either cap on memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adyton.sandbox.jail import Jail


@pytest.fixture(scope="module", params=["cgroup", "rlimit"])
def jail(request: pytest.FixtureRequest) -> Iterator[Jail]:
    """A jail, once with a memory cgroup and once without; a module may have its own."""
    jail = Jail(memory_groups=request.param == "cgroup")
    if request.param == "cgroup" and jail.memory_cap != "cgroup":
        jail.close()
        pytest.skip("no memory cgroup can be made here")
    yield jail
    jail.close()
