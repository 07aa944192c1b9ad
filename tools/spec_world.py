"""One small history with fixed keys, from first contact to a certificate: what the vectors are made of.

Everything follows from fixed seeds but HPKE's ephemeral keys, which the library draws. Ciphertexts to a
public key are therefore made once, kept in `docs/spec/vectors/sealed.json`, and only opened again.
"""

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from adyton.core import cose
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SigningKey, digest, hpke_seal, key_id
from adyton.core.errors import VerificationError
from adyton.core.merkle import EMPTY_ROOT, Tree
from adyton.enclave.keys import Keys
from adyton.enclave.sealing import EpochSecret, Root
from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit
from adyton.protocol.envelope import (
    PADDED_LEAST,
    Envelope,
    KeyAnswer,
    KeyRequest,
    Request,
    Response,
    SealedKeyRequest,
    SignedKeyAnswer,
    SignedKeyRequest,
    SignedRequest,
    envelope_info,
    epoch_bytes,
    task_hash,
)
from adyton.protocol.ledger import (
    BlockHeader,
    Checkpoint,
    CheckpointFacts,
    EntryProof,
    PublicPart,
    app_hash,
    data_hash,
    entry_leaf,
)
from adyton.protocol.padding import pad
from adyton.protocol.task import (
    Content,
    Finish,
    Input,
    RunInfo,
    SignedFinish,
    Task,
    TaskLimits,
    TaskResult,
    seal_result,
    seal_run_info,
)
from adyton.protocol.task_claims import task_claim_values
from tests.unit.attestation.forge import (
    MEASUREMENT,
    NOW_MS,
    RECORDER,
    RUNNER,
    good_device,
    make_genesis,
    make_node,
    pin_of,
)

SEALED = Path(__file__).resolve().parent.parent / "docs/spec/vectors/sealed.json"
GENESIS = make_genesis(good_device())
CHAIN_ID = GENESIS.chain_id()
FINGERPRINT = pin_of(GENESIS)
EPOCH_SECRET = b"\x21" * 32
ROOT = Root(
    GENESIS.encode(), 0, b"\x20" * 32, (EpochSecret(0, EPOCH_SECRET, 0, None),), b"\x22" * 32
)
KEYS = Keys(ROOT)
CLIENT = SigningKey(b"\x30" * 32)
STRANGER = SigningKey(b"\x3f" * 32)
REPLY_SECRET = b"\x31" * 32
REPLY = HpkeKey(REPLY_SECRET)
RESPONSE_KEY, RESULT_KEY = b"\x34" * 32, b"\x35" * 32
STATE_ROOT = b"\x40" * 32
TASK_LIMITS = TaskLimits(10, 10, 64 << 20, 1 << 20, 1 << 20)
TASK = Task(
    "six times seven",
    NOW_MS,
    "main.py",
    Content(b"print(6 * 7)\n", None),
    ("--verbose",),
    None,
    (Input("data.csv", Content(b"6,7\n", None)),),
    TASK_LIMITS,
)


class SealedOnce:
    """Ciphertexts to public keys that are made once and then kept."""

    def __init__(self, path: Path = SEALED) -> None:
        self.held: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        self.used: dict[str, str] = {}

    def seal(self, name: str, key: HpkeKey, plain: bytes, context: Context, *info: bytes) -> bytes:
        """Return the kept ciphertext if it opens to `plain`, else a new one."""
        kept = bytes.fromhex(self.held.get(name, ""))
        try:
            if key.open(kept, context, *info) != plain:
                kept = b""
        except VerificationError:
            kept = b""
        made = kept or hpke_seal(key.public, plain, context, *info)
        self.used[name] = made.hex()
        return made


class World:
    """The history; each part is made when it is first asked for.

    Args:
        once: of another history whose ciphertexts this one shares; its log it does not.
    """

    def __init__(self, once: SealedOnce | None = None) -> None:
        self.once = once or SealedOnce()
        self.tree = Tree()
        self.server = KEYS.server(0, CLIENT.public)
        self.intake = KEYS.intake(0)
        self.node = make_node()
        self.ticket = KEYS.issue_ticket(CLIENT.public, NOW_MS, bytes(12))
        self.request = Request(
            CLIENT.public,
            b"\x33" * 32,
            NOW_MS,
            NOW_MS + 600_000,
            CHAIN_ID,
            0,
            "tasks",
            "submit",
            TASK.encode(),
            RESPONSE_KEY,
            RESULT_KEY,
            "single-host",
        )

    # --- key delivery and envelopes ---------------------------------------------------------------

    @cached_property
    def key_request(self) -> SignedKeyRequest:
        """The client's first contact, signed."""
        asked = KeyRequest(
            CLIENT.public, REPLY.public, b"\x32" * 32, self.node.digest(), CHAIN_ID, None
        )
        return SignedKeyRequest.sign(asked, CLIENT)

    def sealed_key_request(self, name: str, request: SignedKeyRequest) -> SealedKeyRequest:
        """Seal a key request to the intake key, once."""
        info = (CHAIN_ID, epoch_bytes(0))
        plain = request.encode()
        sealed = self.once.seal(name, self.intake, plain, Context.HPKE_KEY_REQUEST, *info)
        return SealedKeyRequest(CHAIN_ID, 0, sealed)

    def key_answer(self, name: str, key: SigningKey = RECORDER, **changed: Any) -> bytes:
        """Return a key answer, sealed to the client's reply key; `changed` replaces its fields."""
        signed_request = self.key_request
        answer = KeyAnswer(self.server.public, 0, (self.ticket,), signed_request.digest())
        signed = SignedKeyAnswer.sign(replace(answer, **changed), key)
        info = (CHAIN_ID, signed_request.digest())
        return self.once.seal(name, REPLY, signed.encode(), Context.HPKE_KEY_ANSWER, *info)

    def envelope(
        self,
        name: str,
        signed: SignedRequest | bytes | None = None,
        *,
        purpose: str = "request",
        ticket: bytes | None = None,
        server: HpkeKey | None = None,
    ) -> Envelope:
        """Seal a request as its client would, once; bytes are sealed as they are, without padding."""
        signed = signed or SignedRequest.sign(self.request, CLIENT)
        plain = signed if isinstance(signed, bytes) else pad(signed.encode(), least=PADDED_LEAST)
        context = Context.HPKE_REQUEST if purpose == "request" else Context.HPKE_READ
        named = ticket or self.ticket
        info = envelope_info(CHAIN_ID, 0, named)
        sealed = self.once.seal(name, server or self.server, plain, context, *info)
        return Envelope(CHAIN_ID, 0, purpose, named, sealed)

    # --- ledger -----------------------------------------------------------------------------------

    @cached_property
    def accepted_envelope(self) -> Envelope:
        """The envelope that block 2 executes."""
        return self.envelope("accepted")

    @cached_property
    def task_hash(self) -> bytes:
        """Its public name."""
        return task_hash(self.accepted_envelope.encode())

    def part(self, kind: str, **fields: Any) -> PublicPart:
        """Return a public part of epoch 0 by the code of genesis."""
        empty = PublicPart(kind, None, "", 0, MEASUREMENT, None, None, None)
        return replace(empty, **fields)

    @cached_property
    def blocks(self) -> tuple["Block", ...]:
        """Start, request behind a void entry, finish."""
        start = Block.make(self, None, [self.part("start", body=self.node.encode())], [b"start"])
        transactions = [b"void", self.accepted_envelope.encode()]
        header = Block.header_after(start, transactions)
        exec_id = header.exec_id(0, 1)
        response = Response(
            "", b"", KEYS.ticket_from(CLIENT.public, header.time_ms, exec_id, 0), None
        )
        sealed = response.seal(RESPONSE_KEY, exec_id)
        request = self.part("request", task_hash=self.task_hash, sealed=sealed)
        accepted = Block.make(self, start, [self.part("void"), request], transactions)
        signed = SignedFinish.sign(self.finish(exec_id), RUNNER)
        end = self.part(
            "finish",
            task_hash=self.task_hash,
            claims=signed.finish.claims,
            body=signed.encode(),
        )
        return start, accepted, Block.make(self, accepted, [end], [signed.encode()])

    @property
    def accepted(self) -> EntryProof:
        """Proof of the accepted request."""
        return self.blocks[1].proof(1)

    @property
    def finished(self) -> EntryProof:
        """Proof of the task's end."""
        return self.blocks[2].proof(0)

    # --- task -------------------------------------------------------------------------------------

    result = TaskResult("done", "", 0, None, "", b"42\n", b"", (), ())
    run_info = RunInfo(
        31_000, 22_000, 9 << 20, 40, 3, 0, TASK_LIMITS, "namespaces", "rlimit", MEASUREMENT, 0, 1
    )

    @cached_property
    def values(self) -> dict[str, bytes]:
        """The committed value of each field."""
        return task_claim_values(
            code=b"print(6 * 7)\n",
            inputs=[("data.csv", b"6,7\n")],
            arguments=TASK.arguments,
            stdin=b"",
            limits=TASK_LIMITS,
            result=self.result,
            run_info=self.run_info,
        )

    def commitments(self, exec_id: bytes) -> tuple[bytes, ...]:
        """Return the commitments of the run."""
        return commit(TASK_FIELDS, self.values, RESULT_KEY, exec_id)

    def finish(self, exec_id: bytes) -> Finish:
        """Return the runner's statement."""
        run = (RESULT_KEY, exec_id, 1, RUNNER.public)
        sealed = seal_result(self.result.encode(), *run)
        return Finish(
            CHAIN_ID,
            self.task_hash,
            exec_id,
            1,
            RUNNER.public,
            0,
            sealed,
            None,
            len(sealed),
            seal_run_info(self.run_info.encode(), *run),
            claims_digest(self.commitments(exec_id)),
            b"",
        )


class Block:
    """A block of the history, as the host serves it."""

    def __init__(
        self, world: World, header: BlockHeader, checkpoint: Checkpoint, entries: list[Any]
    ) -> None:
        self.header = header
        self.checkpoint = checkpoint
        self.entries = entries
        self._tree = world.tree
        self.first = checkpoint.facts.size - len(entries)

    @classmethod
    def header_after(cls, last: "Block | None", transactions: list[bytes]) -> BlockHeader:
        """Return the header that follows `last`."""
        return BlockHeader(
            CHAIN_ID,
            last.header.height + 1 if last else 1,
            NOW_MS + 1000 * (last.header.height if last else 0),
            last.header.hash() if last else CHAIN_ID,
            data_hash(transactions),
            app_hash(STATE_ROOT, last.checkpoint.root if last else EMPTY_ROOT),
        )

    @classmethod
    def make(
        cls, world: World, last: "Block | None", parts: list[PublicPart], transactions: list[bytes]
    ) -> "Block":
        """Execute nothing, but record the parts as the recorder would."""
        header = cls.header_after(last, transactions)
        entries = []
        for part in parts:
            public = part.encode()
            writes = digest(Context.WRITE_SET, public)
            world.tree.append(entry_leaf(public, writes, part.claims))
            entries.append((public, writes))
        facts = CheckpointFacts(
            key_id(RECORDER.public),
            CHAIN_ID,
            header.height,
            world.tree.size,
            world.tree.size - len(entries),
            header.time_ms,
            STATE_ROOT,
            header.hash(),
            0,
            "single-host",
            "host",
        )
        return cls(world, header, Checkpoint.sign(facts, world.tree.root(), RECORDER), entries)

    def resigned(
        self, key: SigningKey = RECORDER, root: bytes | None = None, **facts: Any
    ) -> Checkpoint:
        """Return this block's checkpoint with other facts, under a right signature."""
        changed = replace(self.checkpoint.facts, **facts)
        return Checkpoint.sign(changed, root or self.checkpoint.root, key)

    def receipt(self, entry: int, checkpoint: Checkpoint | None = None, **changed: Any) -> bytes:
        """Return an entry's receipt; `changed` replaces fields of its inclusion proof."""
        size, at = self.checkpoint.facts.size, self.first + entry
        proof = cose.InclusionProof(size, at, tuple(self._tree.inclusion(at, size)))
        signed = checkpoint or self.checkpoint
        return cose.make_receipt(signed.message, replace(proof, **changed))

    def proof(self, entry: int) -> EntryProof:
        """Return an entry's proof."""
        public, writes = self.entries[entry]
        return EntryProof(self.header, entry, public, writes, self.receipt(entry))
