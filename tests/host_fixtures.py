"""Fixtures of the tests that drive the enclave from outside its dispatcher.

`host` and `client` are shared by a module, for tests that leave the enclave as they found it: alive. `own` is a
test's own, for those that halt it, restart it or lie to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar
from unittest import mock

import pytest

from adyton.sandbox import nursery
from adyton.sandbox.wasm import engine
from tests.host_simulator import HostSimulator, SimulatedClient, configuration

_Host = TypeVar("_Host", bound=HostSimulator)
__all__ = ["client", "compiled_programs", "host", "other", "own", "sandboxed"]


@pytest.fixture(scope="module", autouse=True)
def compiled_programs() -> Iterator[None]:
    """Let engines and zygotes take compiled files: compiling is most of what it takes to start one.

    That they start without, as the product has them, is for tests/integration and tests/e2e.
    """
    flags = ("-I", "-S", "-X", "utf8")
    with (
        mock.patch.object(engine, "_FLAGS", flags),
        # Without leaving any: guests do what their zygote does.
        mock.patch.object(nursery, "_FLAGS", (*flags, "-B")),
    ):
        yield


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    """A node of this module, which cannot confine guests."""
    yield from running(HostSimulator(tmp_path_factory.mktemp("node"), sandbox=False))


@pytest.fixture(scope="module")
def sandboxed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    """A node of this module that runs tasks."""
    yield from running(
        HostSimulator(tmp_path_factory.mktemp("sandboxed"), configuration(workers=2))
    )


@pytest.fixture
def own(tmp_path: Path) -> Iterator[HostSimulator]:
    """A node of this test alone, which cannot confine guests."""
    yield from running(HostSimulator(tmp_path, sandbox=False))


def running(host: _Host) -> Iterator[_Host]:
    """Start `host`, yield it, and end its guests and threads."""
    host.start()
    yield host
    host.stop()


_seeds = iter(range(10**9))


@pytest.fixture
def client(host: HostSimulator) -> SimulatedClient:
    """A client of the module's node, with tickets, that no other test has."""
    return contacted(host)


@pytest.fixture
def other(host: HostSimulator) -> SimulatedClient:
    """Another one."""
    return contacted(host)


def contacted(host: HostSimulator) -> SimulatedClient:
    """Return a new client of `host` that has made first contact."""
    made = SimulatedClient(host, next(_seeds).to_bytes(8, "big"))
    made.contact()
    return made
