"""One server for the tests that do not need one of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.command import Client, Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server, shared by a module's tests."""
    with serving(tmp_path_factory.mktemp("server") / "data") as started:
        yield started


@pytest.fixture
def new_client(server: Server, tmp_path: Path) -> Callable[[str], Client]:
    """Make clients that have pinned the server."""

    def make(name: str) -> Client:
        client = Client(tmp_path / name, server)
        client.trust()
        return client

    return make


@pytest.fixture
def client(new_client: Callable[[str], Client]) -> Client:
    """A client that has pinned the server."""
    return new_client("client")
