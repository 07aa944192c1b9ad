"""What tests of the host share: a launch of the fake enclave, envelopes, a server in a thread, plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from adyton.core.crypto import key_id
from adyton.core.encoding import decode, encode
from adyton.core.merkle import Tree
from adyton.host.config import DEFAULT_EPOCHS, DEFAULT_TASKS, ServeSettings
from adyton.host.enclave import Launch
from adyton.host.serve import ServerFacts, serve
from adyton.host.store import Store
from adyton.protocol.boundary import ApplyBlock, BlockResult, Provision
from adyton.protocol.envelope import Envelope, SealedKeyRequest
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.genesis import Configuration
from adyton.protocol.ledger import BlockHeader, Checkpoint, EntryProof, PublicPart, entry_leaf
from tests.fake_enclave import FakeEnclave, Write

ROOT = Path(__file__).resolve().parents[1]


def fake_launch(directory: Path) -> Launch:
    """Start the fake enclave with the flags of the real one; its paths are written into a boot file."""
    boot = directory / "boot.py"
    paths = [str(ROOT / "src"), str(ROOT), *[path for path in sys.path if "-packages" in path]]
    boot.write_text(
        f"import sys\nsys.path[:0] = {paths!r}\n"
        "from tests.fake_enclave import main\nprint('begins', flush=True)\nmain(int(sys.argv[1]))\n"
    )
    # Nobody measures it: compiled files may be taken, and spare it half a second of each start.
    options = ["-I", "-S"]

    def command(channel: int, device: int) -> list[str]:
        python = os.path.realpath(sys.executable)
        return [python, *options, str(boot), str(channel), str(device)]

    return Launch(command, lambda: os.open(directory, os.O_RDONLY | os.O_DIRECTORY))


def envelope(chain_id: bytes, sealed: bytes, purpose: str = "request") -> bytes:
    """Return an envelope for the fake enclave; `sealed` says what is to happen."""
    return Envelope(chain_id, 0, purpose, os.urandom(64), sealed).encode()


def key_request(chain_id: bytes, sealed: bytes) -> bytes:
    """Return a key request for the fake enclave, which answers `sealed` reversed, or refuses `refuse`."""
    return SealedKeyRequest(chain_id, 0, sealed).encode()


@contextlib.contextmanager
def serving(data: Path, launch: Launch, **settings: Any) -> Iterator[ServerFacts]:
    """Run a server in a thread on a free loopback port."""
    ready: queue.SimpleQueue[ServerFacts | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            serve(ServeSettings(data, port=0, **settings), ready.put, launch)
        except BaseException as problem:
            ready.put(problem)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    facts = ready.get(timeout=60)
    if isinstance(facts, BaseException):
        raise facts
    try:
        yield facts
    finally:
        facts.stop()
        thread.join(60)
        assert not thread.is_alive()


class Http:
    """A keep-alive connection that speaks CBOR, from one of the loopback addresses."""

    def __init__(self, facts: ServerFacts, address: str = "127.0.0.1") -> None:
        self.chain_id = facts.chain_id
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", facts.port, timeout=60, source_address=(address, 0)
        )

    def raw(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as it is given."""
        self.connection.request(method, path, body, headers or {})
        response = self.connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return response.status, fields, response.read()

    def call(self, method: str, path: str, value: Any = None) -> tuple[int, Any]:
        """Send and receive CBOR; problem details come back decoded."""
        headers = {"accept": "application/cbor", "content-type": "application/cbor"}
        body = None if value is None else encode(value)
        status, fields, answer = self.raw(method, path, body, headers)
        if fields["content-type"] == "application/cbor":
            return status, decode(answer, max_bytes=1 << 26)
        assert fields["content-type"] == "application/problem+json", (fields, answer)
        problem = json.loads(answer)
        assert problem["status"] == status
        return status, problem

    def post(self, sealed: bytes, query: str = "") -> tuple[int, Any]:
        """Post an envelope for the fake enclave."""
        return self.call("POST", "/task" + query, {"envelope": envelope(self.chain_id, sealed)})

    def close(self) -> None:
        self.connection.close()


class Chain:
    """A fake enclave in this process that makes blocks, without a host behind it."""

    def __init__(self, genesis: bytes | None = None, head: bytes | None = None) -> None:
        ours, self._theirs = socket.socketpair()
        self.enclave = FakeEnclave(ours)
        configuration = Configuration(
            "simulated", "open", None, "single-host", "host", DEFAULT_TASKS, DEFAULT_EPOCHS
        )
        provision = Provision(configuration.encode(), True, 1_000, genesis)
        self.genesis = self.enclave.provision(provision).genesis
        self.chain_id = self.enclave.chain_id
        if head is not None:
            self.enclave.restore(head)

    def start_entry(self) -> bytes:
        """Return the transaction that announces the keys."""
        return self.enclave.evidence(b"").encode()

    def block(self, *transactions: bytes, writes: tuple[Write, ...] = ()) -> BlockResult:
        """Execute the next block; `writes` are added to what it leaves."""
        height = self.enclave.height + 1
        result = self.enclave.apply(ApplyBlock(height, height * 1_000, transactions, True))
        if not isinstance(result, BlockResult):
            raise ValueError("nothing was left to execute")
        return replace(result, writes=writes) if writes else result

    def envelope(self, sealed: bytes) -> bytes:
        """Return an envelope for this chain."""
        return envelope(self.chain_id, sealed)

    def close(self) -> None:
        self._theirs.close()


def verify_whole(store: Store, chain_id: bytes) -> int:
    """Verify every block and entry of a store as a client would; return the number of entries."""
    keys: dict[bytes, bytes] = {}
    previous, seen = chain_id, 0
    leaves = Tree()
    for height in range(1, store.height + 1):
        block = store.block(height)
        header = BlockHeader.decode(block.header)
        checkpoint = Checkpoint.decode(block.encoded_checkpoint)
        assert (header.height, header.previous, header.chain_id) == (height, previous, chain_id)
        previous = header.hash()
        entries = store.entries(block)
        assert len(entries) == block.count
        for position, (public, writes) in enumerate(entries):
            part = PublicPart.decode(public)
            if part.kind == "start" and part.body is not None:
                key = NodeEvidence.decode(part.body).recorder.attested.signing_key
                keys[key_id(key)] = key
            leaves.append(entry_leaf(public, writes, part.claims))
            recorder = keys[checkpoint.facts.key_id]
            EntryProof.decode(store.entry(seen).proof(store.tree)).verify(recorder, chain_id)
            assert store.entry(seen).position == position
            seen += 1
        checkpoint.verify(keys[checkpoint.facts.key_id])
        assert leaves.root() == checkpoint.root
    assert seen == store.tree.size
    return seen
