"""One chain inside the enclave: wires keys, state, recorder, apps, machine, node and runner together."""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.errors import Error, InvariantError, UnavailableError, UsageError
from adyton.enclave.apps.account import Account
from adyton.enclave.apps.base import AfterCommit, Reader
from adyton.enclave.apps.contracts import Contracts
from adyton.enclave.apps.identity import IdentityApp
from adyton.enclave.apps.notary import Notary
from adyton.enclave.apps.tasks import PendingTask, Tasks
from adyton.enclave.apps.wallet import WalletApp
from adyton.enclave.contracts.book import Book
from adyton.enclave.contracts.modules import Modules
from adyton.enclave.epochs import Epochs
from adyton.enclave.host_port import HostPort
from adyton.enclave.intake import Intake
from adyton.enclave.keys import TICKET_UNIQUE, Keys
from adyton.enclave.machine import Machine, Parts
from adyton.enclave.members import Members
from adyton.enclave.node import Node
from adyton.enclave.platform.base import Platform
from adyton.enclave.proposer import Proposer
from adyton.enclave.reception import Reception
from adyton.enclave.recorder import Recorder
from adyton.enclave.runner import Runner
from adyton.enclave.sealing import Head, Root, Sealer
from adyton.enclave.state import Loaded, State
from adyton.protocol.boundary import ApplyBlock, BlockResult, NoBlock, StatusAnswer
from adyton.protocol.envelope import ReadAnswer, SealedReadAnswer
from adyton.sandbox.jail import Jail

_READ_FRESH_MS: Final = 60_000
_STOP_S: Final = 10.0


class Chain:
    """A chain, from its opened root on; `load`, then `serve`, then blocks.

    Args:
        root: new or opened.
        platform: the port below.
        sealer: seals the head of each block.
        link: the port to the host.
    """

    def __init__(self, root: Root, platform: Platform, sealer: Sealer, link: HostPort) -> None:
        self._platform = platform
        self._sealer = sealer
        self._link = link
        self.keys = Keys(root)
        self._epochs = Epochs(root, self.keys)
        self.state = State(self.keys, link)
        self.recorder = Recorder(
            self.keys.genesis, None, self.state.root(), self._epochs.root_digest
        )
        self._intake = Intake(self.keys, self.state)
        self._members = Members(self.keys, self.state)
        self._account = Account(self.state)
        self._tasks = Tasks(self.state, self)
        book = Book(self.keys, self.state)
        self._contracts = Contracts(
            self.keys, book, Modules(self.keys, link), lambda: self.recorder.head
        )
        self._wallet = WalletApp(self.keys, self.state, lambda: self.recorder.head)
        self._identity = IdentityApp(self.keys, self.state, platform.entropy)
        readers: tuple[Reader, ...] = (
            self._account,
            self._contracts,
            self._wallet,
            self._identity,
        )
        self._readers = {reader.name: reader for reader in readers}
        self._after_commit: dict[int, tuple[AfterCommit, ...]] = {}
        self._machine: Machine | None = None
        self._node: Node | None = None
        self._reception: Reception | None = None
        self._runner: Runner | None = None
        self._proposer: Proposer | None = None
        self._checkpoint = b""
        self._checkpoints: dict[int, bytes] = {}
        self._start: bytes | None = None  # this start's entry, until it is carried out
        self._announced_at: int | None = None
        self._stored = 0
        self._held: list[bytes] = []  # tasks that wait for this start to be announced

    def load(self, unverified_head: bytes | None) -> Head:
        """Take up the chain where the sealed head says, or begin it.

        Trust: the head is the host's to choose among those that were sealed; the state must fit it.

        Raises:
            VerificationError: the head does not open, or root or state are not the ones it names.
        """
        if unverified_head is None:
            self._epochs.take_up(None, 0)
        else:
            head = self._sealer.open_head(unverified_head, self.keys.chain_id)
            self._epochs.take_up(head.root, head.height)
            self.state.load(head.state_root, self._visit)
            self._account.loaded()
            self._tasks.starts = self._members.starts
            self.recorder = Recorder(self.keys.genesis, head, head.state_root, head.root)
        return self.recorder.head

    def _visit(self, loaded: Loaded) -> None:
        for part in (
            self._intake,
            self._members,
            self._account,
            self._tasks,
            self._contracts,
            self._wallet,
            self._identity,
        ):
            part.visit(loaded)

    def serve(self) -> tuple[bytes, str]:
        """Make this start's keys and the sandbox; return the start entry and the sandbox's tier.

        The tier is `none` and the reason, where the machine cannot confine guests: then tasks are accepted and fail,
        and everything else works.
        """
        jail, sandbox = _jail(self.keys.genesis.configuration.tasks.workers)
        tier = "none" if jail is None else jail.tier
        node = Node(self.keys, self._platform, tier)
        self._node = node
        self.recorder.use_key(node.recorder)
        self._reception = Reception(self.keys, node.recorder, self._platform.entropy)
        self._runner = Runner(
            key=node.runner,
            keys=self.keys,
            link=self._link,
            jail=jail,
            measurement=self._platform.measurement,
            read_pending=self._read_pending,
            starts=lambda: self._members.starts,
            needed=self._tasks.needs_blob,
        )
        self._machine = Machine(
            Parts(
                keys=self.keys,
                epochs=self._epochs,
                state=self.state,
                recorder=self.recorder,
                intake=self._intake,
                members=self._members,
                account=self._account,
                tasks=self._tasks,
                apps=(Notary(), self._tasks, self._contracts, self._wallet, self._identity),
                sealer=self._sealer,
                measurement=self._platform.measurement,
            )
        )
        self._proposer = Proposer(
            self._epochs, self.keys, self._link, self._platform.entropy, node.recorder
        )
        # What a stop interrupted is begun again, once this start is announced.
        self._held = list(self._tasks.pending)
        self._start = node.evidence(self._platform.entropy(limits.NONCE)).encode()
        return self._start, sandbox

    def apply_block(self, asked: ApplyBlock) -> BlockResult | NoBlock:
        """Execute a block; see `Machine.apply_block`."""
        if self._machine is None:
            raise InvariantError("invariant", "no machine while serving")
        applied = self._machine.apply_block(
            asked.height,
            asked.time_ms,
            asked.transactions,
            drop_unopenable=asked.drop_unopenable,
        )
        if isinstance(applied, NoBlock):
            return applied
        if self._start in asked.transactions:
            self._note_start(applied.result, asked)
        self._checkpoints[asked.height] = applied.result.checkpoint
        held = self._after_commit.get(asked.height, ())
        self._after_commit[asked.height] = (*held, *applied.after_commit)
        return applied.result

    def _note_start(self, result: BlockResult, asked: ApplyBlock) -> None:
        """Note the height at which this start's keys were announced, if they were."""
        place = asked.transactions.index(self._start or b"")
        if any(entry.transaction == place and not entry.code for entry in result.entries):
            self._start, self._announced_at = None, asked.height

    def committed(self, height: int) -> None:
        """The host says that blocks up to `height` are stored: begin what they started.

        Raises:
            UsageError: a block that was not executed.
        """
        if height > self.recorder.head.height:
            raise UsageError("wrong_height", "no such block was executed")
        self.state.committed(height)
        self._stored = height
        for stored in sorted(at for at in self._checkpoints if at <= height):
            # A read names only what the host has: it must be able to prove it to the client.
            self._checkpoint = self._checkpoints.pop(stored)
        if self._announced_at is not None and self._announced_at <= height:
            held, self._held = self._held, []
            for exec_id in held:
                self.start(exec_id)
            if self._proposer is not None:
                self._proposer.consider(self.recorder.head.height + 1)
        for done in sorted(at for at in self._after_commit if at <= height):
            for begin in self._after_commit.pop(done):
                begin()

    def start(self, exec_id: bytes) -> None:
        """Hand a pending task to the runner, once this start is announced.

        Each attempt then has a start of its own on the ledger: else a host could run a task again and again under one
        number, and announce the start whose result it likes.
        """
        announced = self._announced_at is not None and self._announced_at <= self._stored
        if self._runner is not None and announced:
            self._runner.start(exec_id)
        else:
            self._held.append(exec_id)

    def _read_pending(self, exec_id: bytes) -> PendingTask | None:
        return self._tasks.pending_task(exec_id)

    # --- without order --------------------------------------------------------------------------

    def evidence(self, nonce: bytes) -> bytes:
        """Return encoded evidence over `nonce`."""
        if self._node is None:
            raise InvariantError("invariant", "no node while serving")
        return self._node.evidence(nonce).encode()

    def first_contact(self, unverified: bytes, unverified_now_ms: int) -> bytes:
        """Return the sealed answer to a key request; see `Reception.answer`."""
        if self._reception is None:
            raise InvariantError("invariant", "no reception while serving")
        return self._reception.answer(unverified, self._now(unverified_now_ms))

    def read(self, unverified: bytes, unverified_now_ms: int) -> bytes:
        """Return the sealed answer to a read.

        Raises:
            Error: the envelope does not open, or is outside its window.
        """
        if not self._checkpoint:
            raise UnavailableError("enclave_down", "no block yet since the start")
        now_ms = self._now(unverified_now_ms)
        opened = self._intake.open(unverified, "read", now_ms)
        self._intake.require_window(opened.request, now_ms)
        self._intake.spend_on_read(opened)
        request = opened.request
        unique = self._platform.entropy(TICKET_UNIQUE)
        ticket = self.keys.issue_ticket(request.client_key, now_ms, unique, opened.epoch)
        code, result = "", b""
        reader = self._readers.get(request.app)
        try:
            if reader is None:
                raise UsageError("method_unknown", "no app of that name answers reads")
            result = reader.read(request)
        except InvariantError:
            raise
        except Error as problem:
            code = problem.code
        answer = ReadAnswer(code, result, ticket, self._checkpoint, now_ms + _READ_FRESH_MS)
        salt = self._platform.entropy(32)
        return SealedReadAnswer.seal(answer, request.response_key, salt).encode()

    def _now(self, unverified_now_ms: int) -> int:
        """The host's clock, but never before the last block."""
        return max(unverified_now_ms, self.recorder.head.time_ms)

    def status(self, stage: str) -> StatusAnswer:
        """Return counts."""
        running = 0 if self._runner is None else self._runner.running
        pending = len(self._tasks.pending)
        height, epoch = self.recorder.head.height, self.keys.epoch
        return StatusAnswer(stage, height, epoch, self.state.size, pending, running)

    def stop(self) -> None:
        """End every guest; their tasks stay pending."""
        self._contracts.close()
        self._wallet.close()
        if self._runner is not None:
            self._runner.stop()

    def join(self) -> None:
        """Wait for the runner to end."""
        if self._runner is not None:
            self._runner.join(_STOP_S)


def _jail(workers: int) -> tuple[Jail | None, str]:
    try:
        jail = Jail(pool=workers)
    except UnavailableError as problem:
        return None, f"none: {problem.message}"[:400]
    return jail, f"{jail.tier} ({', '.join(jail.layers)})"[:400]
