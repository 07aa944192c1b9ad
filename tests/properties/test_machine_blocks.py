"""The machine against a model: requests, repetitions, thefts, restarts and crashes, in any order."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from adyton.client.certificate import CertificatePolicy
from adyton.client.chain import UNRECORDED, ChainVerifier, LocalBlock
from adyton.client.checkpoint_order import contradiction
from adyton.client.evidence_of_record import pinned_fingerprint
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.merkle import Frontier
from adyton.enclave.state_tree import StateTree
from adyton.protocol import boundary
from adyton.protocol.boundary import BlockResult
from adyton.protocol.envelope import Envelope, Request, SignedRequest, task_hash
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import (
    BlockHeader,
    Checkpoint,
    app_hash,
    data_hash,
    entry_leaf,
    stored_digest,
)
from tests.host_simulator import NOW_MS, HostSimulator, SimulatedClient, public

CLIENTS = 2


@dataclass
class Sent:
    """A request that was executed, with what its client kept."""

    client: SimulatedClient
    request: Request
    signed: SignedRequest
    envelope: bytes
    ticket: bytes


@dataclass
class Expected:
    """What an entry of the next block must be: kind and code, and the client who can open it."""

    transaction: bytes
    kind: str
    code: str
    client: SimulatedClient | None = None
    request: Request | None = None
    original: bytes | None = None
    effect: Sent | None = field(default=None)


def reader_of(genesis: Genesis) -> ChainVerifier:
    """Return a verifier of the whole chain, as anybody has it."""
    policy = CertificatePolicy(
        fingerprints=frozenset({pinned_fingerprint(genesis)}),
        kinds=frozenset({"simulated"}),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=24 * 3600 * 1000,
        allow_stale=False,
    )
    return ChainVerifier(genesis.encode(), policy=policy, now_ms=NOW_MS + 24 * 3600 * 1000)


DROPPED = ("malformed", "unopenable", "expired", "not_yet_valid")


class MachineAgainstModel(RuleBasedStateMachine):
    """Blocks are filled with what the model can predict; the host is honest, its clients are not."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.host = HostSimulator(self.directory, sandbox=False)
        self.host.start()
        self.clients = [SimulatedClient(self.host, bytes([n])) for n in range(CLIENTS)]
        for client in self.clients:
            client.contact()
        self.sent: list[Sent] = []
        self.waiting: list[Expected] = []
        self.refused: list[Expected] = []
        self.log = Frontier()
        self.signed: list[Checkpoint] = []
        self.reader = reader_of(self.host.genesis)
        self.note(self.host.blocks[-1])
        self.accepted = dict.fromkeys(range(CLIENTS), 0)

    def teardown(self) -> None:
        self.host.stop()
        shutil.rmtree(self.directory)

    def note(self, result: BlockResult) -> None:
        """Verify a block's own arithmetic, and that any reader of the chain accepts it."""
        entries = tuple((entry.public, entry.writes) for entry in result.entries)
        self.reader.append(LocalBlock(result.header, result.checkpoint, entries))
        for entry in result.entries:
            part = public(entry)
            assert entry.leaf == entry_leaf(entry.public, entry.writes, part.claims)
            self.log.append(entry.leaf)
        checkpoint = Checkpoint.decode(result.checkpoint)
        # Nothing that an honest history signs can be held against it.
        assert not any(contradiction(earlier, checkpoint) for earlier in self.signed)
        self.signed.append(checkpoint)
        recorder = self.host.evidence().recorder.attested.signing_key
        checkpoint.verify(recorder)
        tree = StateTree()
        for name, value in self.host.state.items():
            tree.set(name, stored_digest(value))
        header = BlockHeader.decode(result.header)
        assert checkpoint.root == self.log.root()
        assert checkpoint.facts.state_root == tree.root()
        assert (checkpoint.facts.size, checkpoint.facts.height) == (self.log.size, header.height)
        assert checkpoint.facts.block_hash == header.hash()
        head = self.host.dispatcher.chain.recorder.head
        assert head.app_hash == app_hash(tree.root(), self.log.root())

    # --- what may be in a block -------------------------------------------------------------------

    @rule(who=st.integers(0, CLIENTS - 1))
    def ask(self, who: int) -> None:
        client = self.clients[who]
        request = client.notarize()
        self.add(client, client.sign(request), request)

    def add(self, client: SimulatedClient, signed: SignedRequest, request: Request) -> None:
        """Have a good request waiting, and expect its effect."""
        if len(client.tickets) < 4:
            client.contact()
        ticket = client.tickets.pop()
        envelope = client.seal(signed, ticket=ticket)
        sent = Sent(client, request, signed, envelope, ticket)
        self.waiting.append(Expected(envelope, "request", "", client, request, None, sent))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from(self.sent))
        self.waiting.append(Expected(sent.envelope, "void", "replayed"))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), same_ticket=st.booleans())
    def seal_anew(self, data: st.DataObject, same_ticket: bool) -> None:
        sent = data.draw(st.sampled_from(self.sent))
        ticket = sent.ticket if same_ticket else self.fresh_ticket(sent.client)
        envelope = sent.client.seal(sent.signed, ticket=ticket)
        original = task_hash(sent.envelope)
        self.waiting.append(
            Expected(envelope, "request", "replayed", sent.client, sent.request, original)
        )

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def reuse_id(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from(self.sent))
        other = replace(sent.client.notarize(), request_id=sent.request.request_id)
        envelope = sent.client.seal(sent.client.sign(other), ticket=self.fresh_ticket(sent.client))
        self.waiting.append(Expected(envelope, "request", "request_id_reused", sent.client, other))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def reuse_ticket(self, data: st.DataObject) -> None:
        sent = data.draw(st.sampled_from(self.sent))
        other = sent.client.notarize()
        envelope = sent.client.seal(sent.client.sign(other), ticket=sent.ticket)
        self.waiting.append(Expected(envelope, "request", "ticket_spent", sent.client, other))

    @precondition(lambda self: self.refused)
    @rule(data=st.data())
    def refused_again(self, data: st.DataObject) -> None:
        """The host puts an envelope in order once more; nothing holds that it was answered."""
        self.waiting.append(data.draw(st.sampled_from(self.refused)))

    @rule(who=st.integers(0, CLIENTS - 1))
    def steal_ticket(self, who: int) -> None:
        thief, owner = self.clients[who], self.clients[who - 1]
        made = Envelope.decode(
            thief.seal(thief.sign(thief.notarize()), ticket=self.fresh_ticket(thief))
        )
        spliced = replace(made, ticket=self.fresh_ticket(owner)).encode()
        self.waiting.append(Expected(spliced, "void", "unopenable"))

    @rule(who=st.integers(0, CLIENTS - 1), early=st.booleans())
    def miss_window(self, who: int, early: bool) -> None:
        client = self.clients[who]
        now = self.host.time_ms + 1
        begins, ends = (now + 1, now + 2) if early else (now - 2, now)
        request = client.notarize(not_before_ms=begins, expiry_ms=ends)
        envelope = client.seal(client.sign(request), ticket=self.fresh_ticket(client))
        self.waiting.append(Expected(envelope, "void", "not_yet_valid" if early else "expired"))

    @rule(garbage=st.binary(max_size=40))
    def babble(self, garbage: bytes) -> None:
        self.waiting.append(Expected(garbage, "void", "malformed"))

    def fresh_ticket(self, client: SimulatedClient) -> bytes:
        if len(client.tickets) < 4:
            client.contact()
        return client.tickets.pop()

    # --- blocks -----------------------------------------------------------------------------------

    @rule(drop=st.booleans())
    def make_block(self, drop: bool) -> None:
        expected, self.waiting = self.waiting, []
        transactions = tuple(each.transaction for each in expected)
        kept = [
            (place, each)
            for place, each in enumerate(expected)
            if not (drop and each.code in DROPPED)
        ]
        if drop and not kept:
            asked = boundary.ApplyBlock(
                self.host.height + 1, self.host.time_ms + 1, transactions, True
            )
            none = self.host.ask(asked, boundary.NoBlock)
            assert [code for _, code in none.dropped] == [each.code for each in expected]
            return
        result = self.host.block(*transactions, drop=drop)
        assert [place for place, _ in result.dropped] == [
            place for place, each in enumerate(expected) if (place, each) not in kept
        ]
        header = BlockHeader.decode(result.header)
        assert header.data_hash == data_hash([each.transaction for _, each in kept])
        assert len(result.entries) == len(kept)
        for index, (place, each) in enumerate(kept):
            entry = result.entries[index]
            part = public(entry)
            assert (entry.transaction, part.kind) == (place, each.kind)
            assert (part.code or entry.code) == each.code
            if each.client is None or each.request is None:
                assert part.sealed is part.task_hash is entry.index_hash is None
                continue
            assert part.task_hash == entry.index_hash == task_hash(each.transaction)
            response = each.client.open(result, index, each.request)
            assert (response.code, response.original) == (each.code, each.original)
            assert (response.ticket is not None) == (each.code == "")
            if each.code in UNRECORDED:
                self.refused.append(each)
            if each.effect is not None:
                self.sent.append(each.effect)
                self.accepted[self.clients.index(each.client)] += 1
                if response.ticket is not None:
                    each.client.tickets.insert(0, response.ticket)
        self.note(result)

    @rule()
    def restart(self) -> None:
        self.make_block(False)
        self.note(self.host.restart())

    @precondition(lambda self: any(each.effect for each in self.waiting))
    @rule()
    def crash_before_the_store(self) -> None:
        """What was executed and never stored has no effect: the same bytes have it afterwards."""
        survivor = self.host.fork()
        survivor.blocks = list(self.host.blocks)
        self.host.execute(*[each.transaction for each in self.waiting])
        self.host.stop()
        self.host = survivor
        for client in self.clients:
            client.host = survivor
        # The clock goes on, and windows are made for the block that follows.
        self.waiting = [each for each in self.waiting if each.code in ("", "malformed", "replayed")]
        self.note(survivor.start())

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def accounts_hold_what_was_accepted(self) -> None:
        for number, client in enumerate(self.clients):
            if len(client.tickets) < 4:
                client.contact()
            page = client.account()
            assert page.total == self.accepted[number]
            ids = {sent.request.request_id for sent in self.sent if sent.client is client}
            assert {item.request_id for item in page.items} == ids

    @invariant()
    def the_enclave_serves(self) -> None:
        status = self.host.ask(boundary.Status(), boundary.StatusAnswer)
        assert (status.lifecycle, status.height) == ("serving", self.host.height)
        assert status.values == len(self.host.state)

    @invariant()
    def the_store_tells_nothing_of_whose_it_is(self) -> None:
        keys = [client.key.public for client in self.clients]
        stored = b"|".join(part for item in self.host.state.items() for part in item)
        for key in [*keys, *[digest(Context.KEY_ID, key) for key in keys]]:
            assert key not in stored


TestMachineAgainstModel = MachineAgainstModel.TestCase
TestMachineAgainstModel.settings = settings(max_examples=10, stateful_step_count=25)
