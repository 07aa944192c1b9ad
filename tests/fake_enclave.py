"""A minimal enclave for tests of the host: honest bookkeeping, no secrets, behaviour chosen by the envelope.

What an envelope's `sealed` bytes begin with decides what happens to it: `drop:CODE`, `void:CODE`, `task` (its end is
submitted after the commit), `state` (reads and writes one value), `die` (the process ends), `hang`; anything else is
simply recorded. A read that begins with `slow` takes `SLOW_S`, and all that is asked meanwhile waits.
"""

from __future__ import annotations

import itertools
import os
import queue
import socket
import threading
import time

from adyton.channel.framing import REPLY, REQUEST, Frame
from adyton.channel.stream import StreamChannel
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, digest, key_id
from adyton.core.errors import Error, MalformedError, UsageError
from adyton.core.merkle import EMPTY_ROOT, Frontier
from adyton.core.schema import Message, decode_one_of
from adyton.protocol import boundary as b
from adyton.protocol import reverse
from adyton.protocol.envelope import Envelope, SealedKeyRequest, task_hash
from adyton.protocol.evidence import (
    Attested,
    EpochRecord,
    EvidenceBundle,
    NodeEvidence,
    SignedEpochRecord,
)
from adyton.protocol.genesis import Configuration, Genesis
from adyton.protocol.ledger import (
    NO_CLAIMS,
    BlockHeader,
    Checkpoint,
    CheckpointFacts,
    PublicPart,
    app_hash,
    data_hash,
    entry_leaf,
    stored_digest,
    write_set_digest,
)
from adyton.protocol.task import Finish, SignedFinish, blob_id

MEASUREMENT = bytes(48)
REPLIES: dict[str, type[Message]] = {
    cls.WIRE_NAME: cls
    for cls in (reverse.StateValue, reverse.StatePage, reverse.BlobChunk, b.Done, b.Failure)
}
SLOW_S = 0.3
Write = tuple[bytes, bytes | None]


class Caller:
    """Reads the channel; asks the host from any thread."""

    def __init__(self, channel: StreamChannel) -> None:
        self.channel = channel
        self.requests: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[bytes]] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while True:
                frame = self.channel.receive()
                if frame.kind == REQUEST:
                    self.requests.put(frame)
                else:
                    self._waiting.pop(frame.id).put(frame.body)
        except Error:
            self.requests.put(None)

    def ask(self, message: Message) -> Message:
        """Ask the host and wait."""
        number = next(self._numbers)
        answer: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._waiting[number] = answer
        self.channel.send(Frame(REQUEST, number, message.encode()))
        return decode_one_of(answer.get(), REPLIES)


class FakeEnclave:
    """Serves one channel until it closes."""

    def __init__(self, connection: socket.socket) -> None:
        self.caller = Caller(StreamChannel(connection))
        self.key = SigningKey(os.urandom(32))
        self.log = Frontier()
        self.height = 0
        self.previous = b""
        self.app_hash = b""
        self.after_commit: list[tuple[bytes, bytes]] = []

    def run(self) -> None:
        """Answer requests in order."""
        while (frame := self.caller.requests.get()) is not None:
            try:
                reply = self.answer(decode_one_of(frame.body, b.HOST_REQUESTS))
            except Error as problem:
                reply = b.Failure(type(problem).__name__, problem.code, problem.message)
            try:
                self.caller.channel.send(Frame(REPLY, frame.id, reply.encode()))
            except Error:
                return

    def answer(self, request: Message) -> Message:
        if isinstance(request, b.Provision):
            return self.provision(request)
        if isinstance(request, b.LoadState):
            return self.load(request)
        if isinstance(request, b.Serve):
            return b.Serving(self.evidence(b"").encode(), "none: a fake")
        if isinstance(request, b.ApplyBlock):
            return self.apply(request)
        if isinstance(request, b.Committed):
            for name, exec_id in self.after_commit:
                end = reverse.Submit(self.finish(name, exec_id))
                # Answered when it is stored, which takes another block: not to be waited for here.
                threading.Thread(target=self.caller.ask, args=(end,), daemon=True).start()
            self.after_commit = []
            return b.Done()
        if isinstance(request, b.FirstContact):
            sealed = SealedKeyRequest.decode(request.request).sealed
            if sealed == b"refuse":
                raise UsageError("bad_argument", "refused as asked")
            return b.FirstContactAnswer(sealed[::-1])
        if isinstance(request, b.ShowEvidence):
            return b.Evidence(self.evidence(request.nonce).encode())
        if isinstance(request, b.Read):
            return b.Answer(self.read(Envelope.decode(request.envelope).sealed))
        if isinstance(request, b.Status):
            return b.StatusAnswer("serving", self.height, 0, 0, 0, 0)
        return b.Done()

    def provision(self, request: b.Provision) -> b.Provisioned:
        if request.sealed_root is not None:
            self.genesis = Genesis.decode(request.sealed_root)
        else:
            self.genesis = Genesis(
                Configuration.decode(request.configuration),
                MEASUREMENT,
                bytes(32),
                request.allow_simulated,
                os.urandom(32),
                request.now_ms,
            )
        self.chain_id = self.genesis.chain_id()
        self.previous = self.chain_id
        self.app_hash = app_hash(bytes(32), EMPTY_ROOT)
        encoded = self.genesis.encode()
        return b.Provisioned(encoded, encoded, MEASUREMENT)

    def load(self, request: b.LoadState) -> b.Loaded:
        if request.sealed_head is not None:
            self.restore(request.sealed_head)
        values, after = 0, None
        while True:
            page = self.caller.ask(reverse.StateScan(after, 10))
            if not isinstance(page, reverse.StatePage) or not page.values:
                return b.Loaded(self.height, self.log.size, values)
            values, after = values + len(page.values), page.values[-1][0]

    def restore(self, head: bytes) -> None:
        """Take up the chain where a head says."""
        self.height = int.from_bytes(head[:8], "big")
        size = int.from_bytes(head[8:16], "big")
        self.previous, self.app_hash, peaks = head[16:48], head[48:80], head[80:]
        self.log = Frontier(size, [peaks[i : i + 32] for i in range(0, len(peaks), 32)])

    def bundle(self, role: str, nonce: bytes) -> EvidenceBundle:
        public = self.key.public if role == "recorder" else SigningKey(bytes(32)).public
        config = self.genesis.configuration.digest()
        attested = Attested("simulated", role, public, None, self.chain_id, config, 0, "none")
        return EvidenceBundle(attested, nonce, b"fake", ())

    def evidence(self, nonce: bytes) -> NodeEvidence:
        record = EpochRecord(self.chain_id, 0, 0, bytes(32), 1, None)
        return NodeEvidence(
            self.genesis.encode(),
            self.bundle("recorder", nonce),
            self.bundle("runner", nonce),
            SignedEpochRecord.sign(record, self.key),
        )

    def finish(self, name: bytes, exec_id: bytes) -> bytes:
        runner = SigningKey(bytes(32))
        finish = Finish(
            self.chain_id, name, exec_id, 1, runner.public, 0, b"result", None, 6, b"", bytes(32),
            b"",
        )  # fmt: skip
        return SignedFinish.sign(finish, runner).encode()

    def read(self, sealed: bytes) -> bytes:
        """Ask the host for the value that `state` envelopes write, or for a blob."""
        if sealed.startswith(b"put:"):
            data = sealed[4:]
            id_ = blob_id(data)
            for at in range(0, len(data), 10):
                last = at + 10 >= len(data)
                self.caller.ask(reverse.BlobPut(id_, at, data[at : at + 10], last))
            chunk = self.caller.ask(reverse.BlobGet(id_, 3))
            return chunk.data or b"" if isinstance(chunk, reverse.BlobChunk) else b""
        if sealed.startswith(b"slow"):
            time.sleep(SLOW_S)
        value = self.caller.ask(reverse.StateGet(digest(Context.CONTENT, sealed)))
        return value.value or b"" if isinstance(value, reverse.StateValue) else b""

    def apply(self, request: b.ApplyBlock) -> b.BlockResult | b.NoBlock:
        if request.height != self.height + 1:
            raise UsageError("wrong_height", "not the next height")
        dropped, kept = [], []
        for place, transaction in enumerate(request.transactions):
            code = self.drop_code(transaction)
            if code:
                dropped.append((place, code))
            else:
                kept.append((place, transaction))
        if dropped and not kept:
            return b.NoBlock(tuple(dropped))
        header = BlockHeader(
            self.chain_id,
            request.height,
            request.time_ms,
            self.previous,
            data_hash(transaction for _, transaction in kept),
            self.app_hash,
        )
        entries, writes = [], []
        for index, (place, transaction) in enumerate(kept):
            part, code, written = self.execute(transaction, header.exec_id(0, index))
            public, writes_digest = (
                part.encode(),
                write_set_digest((name, value and stored_digest(value)) for name, value in written),
            )
            leaf = entry_leaf(public, writes_digest, part.claims)
            self.log.append(leaf)
            entries.append(b.Executed(place, public, writes_digest, leaf, part.task_hash, code))
            writes += written
        self.height, self.previous = request.height, header.hash()
        root = self.log.root()
        self.app_hash = app_hash(bytes(32), root)
        facts = CheckpointFacts(
            key_id(self.key.public), self.chain_id, self.height, self.log.size,
            self.log.size - len(entries), request.time_ms,
            bytes(32), self.previous, 0, "single-host", "host",
        )  # fmt: skip
        head = self.height.to_bytes(8, "big") + self.log.size.to_bytes(8, "big")
        head += self.previous + self.app_hash + b"".join(self.log.peaks)
        return b.BlockResult(
            header.encode(),
            Checkpoint.sign(facts, root, self.key).encode(),
            head,
            None,
            tuple(entries),
            tuple(dict(writes).items()),
            tuple(dropped),
        )

    def drop_code(self, transaction: bytes) -> str:
        try:
            sealed = Envelope.decode(transaction).sealed
        except MalformedError:
            return ""
        if sealed.startswith(b"die"):
            os._exit(3)
        if sealed.startswith(b"hang"):
            time.sleep(3600)
        return sealed[5:].decode() if sealed.startswith(b"drop:") else ""

    def execute(self, transaction: bytes, exec_id: bytes) -> tuple[PublicPart, str, list[Write]]:
        try:
            sealed = Envelope.decode(transaction).sealed
        except MalformedError:
            return self.execute_own(transaction)
        if sealed.startswith(b"void:"):
            code = sealed[5:].decode()
            part = PublicPart("void", None, code, 0, MEASUREMENT, None, None, None)
            return part, code, []
        name = task_hash(transaction)
        writes: list[Write] = []
        if sealed.startswith(b"task"):
            self.after_commit.append((name, exec_id))
        if sealed.startswith(b"state"):
            place = digest(Context.CONTENT, sealed)
            old = self.caller.ask(reverse.StateGet(place))
            count = int(old.value or b"0") if isinstance(old, reverse.StateValue) else 0
            writes.append((place, str(count + 1).encode()))
        return PublicPart("request", name, "", 0, MEASUREMENT, NO_CLAIMS, sealed, None), "", writes

    def execute_own(self, transaction: bytes) -> tuple[PublicPart, str, list[Write]]:
        try:
            finish = SignedFinish.decode(transaction).finish
        except MalformedError:
            NodeEvidence.decode(transaction)
            return (
                PublicPart("start", None, "", 0, MEASUREMENT, None, None, transaction), "", []
            )  # fmt: skip
        part = PublicPart(
            "finish", finish.task_hash, "", 0, MEASUREMENT, finish.claims, None, transaction
        )
        return part, "", []


def main(channel_fd: int) -> None:
    """Serve the channel of that descriptor."""
    FakeEnclave(socket.socket(fileno=channel_fd)).run()
