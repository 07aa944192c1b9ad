"""Worlds of an issuer, a relying party and a holder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host_simulator import HostSimulator
from tests.identity_kit import World


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSimulator]:
    """A node of this module, which cannot confine guests."""
    node = HostSimulator(tmp_path_factory.mktemp("identity"), sandbox=False)
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="module")
def seeds() -> Iterator[bytes]:
    """Seeds, each for the clients of another world."""
    return iter(bytes([place]) * 31 for place in range(1, 250))


@pytest.fixture
def world(shared: HostSimulator, seeds: Iterator[bytes]) -> World:
    """A world of this test on the module's node."""
    return World(shared, next(seeds))


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[World]:
    """A world on a node of this test alone."""
    node = HostSimulator(tmp_path, sandbox=False)
    node.start()
    yield World(node)
    node.stop()
