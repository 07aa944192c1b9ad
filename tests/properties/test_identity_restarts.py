"""Identity after a restart: records that change and are given up, old requests and new, several in one block.

A random walk: a node that is started anew before each block leaves the same bytes, so what a node has read lately of
keys, documents, policies and lists never stands for what is registered now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from adyton.core.errors import Error
from adyton.protocol.credentials.did import own_did
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.multikey import X25519, Multikey
from adyton.protocol.envelope import Request
from adyton.protocol.identity import requests
from adyton.protocol.identity.answers import ANSWER_LEAST, Answer, Verdict
from adyton.protocol.identity.giving_up import last_version
from adyton.protocol.identity.registries import DidRecord, IssuerRecord, PartyRecord, PolicyRecord
from adyton.protocol.identity.requests import BringStatus, Present, Register
from adyton.protocol.padding import unpad
from tests.credential_kit import HOLDER_KEY, ISSUER_KEY, OTHER_KEY
from tests.epoch_kit import BLOCKS
from tests.followed_host import FollowedEpochHost
from tests.identity_kit import ADULT, AGREEMENT, LIST, IdentityClient, World, jwk, p256

KEYS = (ISSUER_KEY, ISSUER_KEY, ISSUER_KEY, OTHER_KEY)


class Walk:
    """A world, and what is done in it.

    Args:
        host: followed by a node that is started anew at each block.
        seed: of the walk.
    """

    def __init__(self, host: FollowedEpochHost, seed: int) -> None:
        self.host = host
        self.random = Random(seed)
        self.world = World(host, bytes([100 + seed]) * 31)
        self.world.use_policy(status=True, pseudonym="document_number")
        self.world.holder.register(self.world.did_record())
        self.presents: list[Present] = []
        self.waiting: list[tuple[IdentityClient, Request, bytes]] = []
        self.seen: Counter[str] = Counter()
        self.moves: list[Callable[[], None]] = [
            *[self.present] * 6,
            *[self.again, self.bring, self.change_issuer, self.change_did] * 2,
            *(self.change_policy, self.change_party, self.give_up),
        ]

    def step(self) -> None:
        """Do something, and now and then make a block of what was done."""
        try:
            self.random.choice(self.moves)()
        except Error as problem:
            self.seen[f"not asked: {problem.code}"] += 1
        if self.waiting and self.random.random() < 0.5:
            self.flush()
        if self.host.height % BLOCKS > BLOCKS - 3 and self.random.random() < 0.2:
            self.host.advance()
            self._contact()
            self.seen["epoch"] += 1

    def _contact(self) -> None:
        world = self.world
        for one in (world.issuer, world.party, world.developer, world.stranger, world.holder):
            one.client.contact()

    def flush(self) -> None:
        """Make a block of what waits."""
        asked, self.waiting = self.waiting, []
        block = self.host.block(*(envelope for _, _, envelope in asked))
        for place, (client, request, _) in enumerate(asked):
            if block.entries[place].code:
                self.seen[block.entries[place].code] += 1
                continue
            response = client.client.open(block, place, request)
            told = response.code or "done"
            if request.method == requests.PRESENT and not response.code:
                answer = Answer.decode(unpad(response.result, least=ANSWER_LEAST))
                verdict = None if answer.code else Verdict.decode(answer.verdict)
                told = answer.code if verdict is None else verdict.reason or verdict.answer
            self.seen[f"{request.method} {told}"] += 1

    def _ask(self, client: IdentityClient, method: str, arguments: bytes) -> None:
        if len(self.waiting) >= 6:
            self.flush()
        request = client.request(method, arguments)
        self.waiting.append((client, request, client.client.envelope(request)))

    def _register(self, client: IdentityClient, record: Any) -> None:
        self._ask(client, requests.REGISTER, Register(record.encode()).encode())

    # --- what is asked --------------------------------------------------------------------------

    def present(self) -> None:
        world, pick = self.world, self.random
        policy = world.party.resolve(world.policy_name, PolicyRecord)
        request = world.ask(policy_hash=policy.hash(), salt=pick.randbytes(16))
        status = {"status_list": {"idx": pick.choice([0, 0, 0, 1]), "uri": LIST}}
        credential = world.issued(key=pick.choice(KEYS), status=status)
        holder = pick.choice([HOLDER_KEY] * 5 + [OTHER_KEY])
        shown = world.bound(request, credential, [ADULT, ("document_number",)], key=holder)
        self.presents.append(world.seal(request, shown, pick.choice([world.did, ""])))
        self._ask(world.party, requests.PRESENT, self.presents[-1].encode())

    def again(self) -> None:
        if self.presents:
            asked = self.random.choice(self.presents)
            self._ask(self.world.party, requests.PRESENT, asked.encode())

    def bring(self) -> None:
        world, pick = self.world, self.random
        packed = bytes([pick.choice([0b11_10_01_00, 0b11_10_00_01])])
        token = world.status_list(key=pick.choice(KEYS), packed=packed)
        asked = BringStatus(world.issuer_name, LIST, token.encode())
        self._ask(world.stranger, requests.STATUS, asked.encode())

    def change_issuer(self) -> None:
        world, pick = self.world, self.random
        held = world.issuer.resolve(world.issuer_name, IssuerRecord)
        keys = pick.choice(
            [(jwk(ISSUER_KEY.public),), (jwk(ISSUER_KEY.public),), (jwk(OTHER_KEY.public),),
             (jwk(OTHER_KEY.public, kid="k2"), jwk(ISSUER_KEY.public, kid="k1"))]
        )  # fmt: skip
        lists = pick.choice([(LIST,), (LIST,), (LIST,), ()])
        self._register(
            world.issuer, replace(held, keys=keys, lists=lists, version=held.version + 1)
        )

    def change_did(self) -> None:
        world = self.world
        held = world.holder.resolve(world.holder.name(world.did_record()), DidRecord)
        key = self.random.choice([HOLDER_KEY, HOLDER_KEY, OTHER_KEY])
        did = own_did(world.holder.client.chain_id, world.holder.name(held))
        agreement = Multikey(X25519, AGREEMENT.public)
        document = write_own_document(did, [p256(key.public)], agreement)
        self._register(world.holder, replace(held, document=document, version=held.version + 1))

    def change_policy(self) -> None:
        world, pick = self.world, self.random
        held = world.party.resolve(world.policy_name, PolicyRecord)
        changed: dict[str, Any] = {"skew_s": pick.choice([60, 90]), "status": pick.random() < 0.5}
        self._register(world.party, replace(held, **changed, version=held.version + 1))

    def change_party(self) -> None:
        world = self.world
        held = world.party.resolve(world.party_name, PartyRecord)
        senders = self.random.choice([(world.party.key,), (world.stranger.key, world.party.key)])
        self._register(world.party, replace(held, senders=senders, version=held.version + 1))

    def give_up(self) -> None:
        """Give something up, now and then."""
        world, pick = self.world, self.random
        if pick.random() > 0.1:
            return
        did = world.holder.name(world.did_record())
        owner, name, kind = pick.choice(
            [(world.issuer, world.issuer_name, IssuerRecord), (world.holder, did, DidRecord),
             (world.party, world.policy_name, PolicyRecord)]
        )  # fmt: skip
        held: Any = owner.resolve(name, kind)
        self._register(owner, last_version(held))
        # And use it in the same block.
        self.present()

    def compare_reads(self) -> None:
        """Expect of a node that is started anew what this one says without order."""
        before = self._told()
        self.host.restart()
        self._contact()
        assert self._told() == before

    def _told(self) -> list[Any]:
        world = self.world
        clients = (world.issuer, world.party, world.holder)
        return [client.records() for client in clients]


@pytest.mark.parametrize("seed", range(3))
def test_a_node_that_is_started_at_each_block_decides_alike(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    host = FollowedEpochHost(tmp_path_factory.mktemp("walk"))
    host.start()
    walk = Walk(host, seed)
    for _ in range(120):
        walk.step()
    walk.compare_reads()
    assert host.followed > 50
    host.stop()
    assert walk.seen["register done"], walk.seen
    assert walk.seen["present yes"], walk.seen
