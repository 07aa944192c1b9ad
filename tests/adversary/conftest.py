"""A client and a server in memory, which is honest until a test makes it lie."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.client import Session
from tests.adversary.server_simulator import ServerSimulator, open_session
from tests.host_fixtures import compiled_programs

__all__ = ["compiled_programs", "server", "session"]


@pytest.fixture
def server(tmp_path: Path) -> ServerSimulator:
    """An honest server."""
    directory = tmp_path / "server"
    directory.mkdir()
    return ServerSimulator(directory)


@pytest.fixture
def session(tmp_path: Path, server: ServerSimulator) -> Iterator[Session]:
    """A session that has pinned the server."""
    with open_session(tmp_path / "home", server) as session:
        yield session
