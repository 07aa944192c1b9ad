"""A replica in a process of its own: executes recorded blocks around the same root, and tells what they leave.

Run as `python -m tests.replica`; the recording comes on standard input, the account goes to standard output, both as
JSON. Clock and entropy of its platform are its own, as are its environment and the order of its hashes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from adyton.core.schema import Message
from adyton.enclave.platform.base import Platform
from adyton.protocol.boundary import BlockResult
from adyton.protocol.genesis import Configuration
from adyton.protocol.ledger import Checkpoint
from tests.host_simulator import HostSimulator

Recording = dict[str, Any]
Block = tuple[int, tuple[bytes, ...], bool]


class Replica(HostSimulator):
    """A host whose platform has another clock and other entropy."""

    def __init__(
        self, directory: Path, clock_ms: int, entropy: bytes, config: Configuration | None = None
    ) -> None:
        super().__init__(directory, config, sandbox=False)
        self.clock_ms = clock_ms
        self._entropy = entropy

    def platform(self) -> Platform:
        made = super().platform()
        vars(made).update(
            now_ms=lambda: self.clock_ms,
            entropy=lambda size: (self._entropy * size)[:size],
        )
        return made


def record(host: HostSimulator, blocks: list[Block]) -> str:
    """Return the recording of a host's blocks: time, transactions, and whether to drop what does not open."""
    listed = [[time_ms, [each.hex() for each in given], drop] for time_ms, given, drop in blocks]
    return json.dumps(
        {
            "directory": str(host.directory),
            "configuration": host.config.encode().hex(),
            "root": host.first_root.hex(),
            "blocks": listed,
        }
    )


def account(host: HostSimulator, result: BlockResult) -> dict[str, Any]:
    """Return all that a block leaves, but for the node's own signature."""
    checkpoint = Checkpoint.decode(result.checkpoint)
    facts = {
        name: _plain(getattr(checkpoint.facts, name))
        for name in checkpoint.facts.__dataclass_fields__
        if name != "key_id"
    }
    return {
        "header": result.header.hex(),
        "head": result.sealed_head.hex(),
        "root": _plain(result.sealed_root),
        "log root": checkpoint.root.hex(),
        "facts": facts,
        "app hash": host.dispatcher.chain.recorder.head.app_hash.hex(),
        "entries": [_plain(entry) for entry in result.entries],
        "writes": _plain(result.writes),
        "dropped": _plain(result.dropped),
    }


def _plain(value: object) -> Any:
    if isinstance(value, Message):
        return _plain(value.to_value())
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def replay(recording: Recording, clock_ms: int, entropy: bytes) -> list[dict[str, Any]]:
    """Execute the recorded blocks in a new enclave around the recorded root."""
    config = Configuration.decode(bytes.fromhex(recording["configuration"]))
    host = Replica(Path(recording["directory"]), clock_ms, entropy, config)
    host.sealed_root = bytes.fromhex(recording["root"])
    host.provision()
    host.load()
    host.serve()  # its own keys are never announced here
    told = []
    for time_ms, transactions, drop in recording["blocks"]:
        host.time_ms = time_ms - 1
        result = host.block(*[bytes.fromhex(each) for each in transactions], drop=drop)
        told.append(account(host, result))
    host.stop()
    return told


if __name__ == "__main__":
    print(json.dumps(replay(json.load(sys.stdin), int(sys.argv[1]), bytes.fromhex(sys.argv[2]))))
