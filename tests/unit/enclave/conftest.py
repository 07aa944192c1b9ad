"""Nodes in memory for these tests; see tests/host_fixtures.py."""

from tests.host_fixtures import client, host, other, own, sandboxed

__all__ = ["client", "host", "other", "own", "sandboxed"]
