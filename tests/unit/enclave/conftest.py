"""Nodes in memory for these tests; see tests/host_fixtures.py and tests/recorded_blocks.py."""

from tests.epoch_kit import epochs
from tests.host_fixtures import client, compiled_programs, host, other, own, sandboxed
from tests.recorded_blocks import recorded

__all__ = [
    "client",
    "compiled_programs",
    "epochs",
    "host",
    "other",
    "own",
    "recorded",
    "sandboxed",
]
