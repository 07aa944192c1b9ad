"""The whole chain: honest ones verify from genesis on, and every lie names its block."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.client.chain import ChainVerifier, LocalBlock
from adyton.core.crypto import SigningKey
from adyton.core.errors import (
    Error,
    PolicyError,
    VerificationError,
)
from adyton.protocol.ledger import PublicPart
from tests.ledger_builder import Block, Ledger, policy_for


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path, now_ms() - 10 * 60 * 1000)
    made.start()
    return made


def local(block: Block) -> LocalBlock:
    return LocalBlock(block.header.encode(), block.checkpoint.encode(), block.entries)


def verify(ledger: Ledger, blocks: list[LocalBlock] | None = None) -> ChainVerifier:
    verifier = ChainVerifier(ledger.genesis.encode(), policy=policy_for(ledger), now_ms=now_ms())
    for block in blocks if blocks is not None else map(local, ledger.blocks):
        verifier.append(block)
    return verifier


def test_an_honest_chain_verifies_across_restarts(ledger: Ledger) -> None:
    ledger.task()
    ledger.start()
    ledger.task()
    verifier = verify(ledger)
    assert verifier.height == len(ledger.blocks) == 6
    assert verifier.size == ledger.tree.size
    assert verifier.last is not None
    assert verifier.last.hash == ledger.blocks[-1].header.hash()


@pytest.mark.parametrize("code", ["ticket_spent", "request_id_reused", "replayed"])
def test_an_envelope_that_was_refused_unopened_may_come_again(ledger: Ledger, code: str) -> None:
    """A host can put it in order as often as it likes: an honest enclave answers each time."""
    part = ledger.request().part()
    again = replace(part, task_hash=os.urandom(32), code=code)
    ledger.add([again, ledger.part("void")])
    ledger.add([again])
    ledger.add([replace(again, code="")])  # its id and ticket may be free by then
    assert verify(ledger).height == 5
    ledger.add([again])
    with pytest.raises(VerificationError, match="block 6: a task hash occurs twice"):
        verify(ledger)


@pytest.mark.parametrize("code", ["", "method_unknown", "ordering_unavailable"])
def test_an_envelope_that_was_answered_for_good_may_not(ledger: Ledger, code: str) -> None:
    part = replace(ledger.request().part(), task_hash=os.urandom(32), code=code)
    ledger.add([part])
    for later in ("", "ticket_spent", code):
        ledger.add([replace(part, code=later)])
        with pytest.raises(VerificationError, match="block 4: a task hash occurs twice"):
            verify(ledger)
        ledger.blocks.pop()
        ledger.tree.truncate(ledger.tree.size - 1)


def test_void_entries_need_no_reason(ledger: Ledger) -> None:
    ledger.add([ledger.part("void"), ledger.part("void", code="expired")])
    assert verify(ledger).size == 3


def test_another_fingerprint_is_refused(ledger: Ledger) -> None:
    policy = replace(policy_for(ledger), fingerprints=frozenset({bytes(32)}))
    with pytest.raises(VerificationError) as caught:
        ChainVerifier(ledger.genesis.encode(), policy=policy, now_ms=now_ms())
    assert caught.value.code == "fingerprint_mismatch"


def test_a_simulated_chain_takes_an_explicit_flag(ledger: Ledger) -> None:
    policy = replace(policy_for(ledger), allow_simulated=False)
    with pytest.raises(PolicyError) as caught:
        ChainVerifier(ledger.genesis.encode(), policy=policy, now_ms=now_ms())
    assert caught.value.code == "simulated_refused"


# --- one lie each: how the newest block is made, and what is said of it -------------------------


def lie_header(**changed: object) -> Callable[[Ledger], None]:
    def tell(ledger: Ledger) -> None:
        honest = ledger.next_header([b"tx"])
        header = replace(honest, **changed)  # type: ignore[arg-type]  # a test's own fields
        ledger.add([ledger.part("void", code="expired")], header=header)

    return tell


def lie_part(**fields: object) -> Callable[[Ledger], None]:
    def tell(ledger: Ledger) -> None:
        honest = PublicPart("void", None, "expired", 0, bytes(range(48)), None, None, None)
        ledger.add([replace(honest, **fields)])  # type: ignore[arg-type]  # a test's own fields

    return tell


def lie_task(**changed: object) -> Callable[[Ledger], None]:
    def tell(ledger: Ledger) -> None:
        ledger.task(**changed)  # type: ignore[arg-type]  # a test's own fields

    return tell


def lie_stranger(ledger: Ledger) -> None:
    ledger.add([ledger.part("void", code="expired")], key=SigningKey(os.urandom(32)))


def lie_second_end(ledger: Ledger) -> None:
    task = ledger.task()
    ledger.add([task.finished.part()])


def lie_same_request(ledger: Ledger) -> None:
    proof = ledger.request()
    ledger.add([proof.part()])


def lie_claims_of_a_refusal(ledger: Ledger) -> None:
    part = ledger.request().part()
    ledger.add([replace(part, task_hash=os.urandom(32), code="expired", claims=bytes(32))])


def lie_end_of_a_refusal(ledger: Ledger) -> None:
    """The runner ends a request that the chain says was refused."""
    honest = ledger.part

    def refusing(kind: str, **fields: object) -> PublicPart:
        part = honest(kind, **fields)  # type: ignore[arg-type]  # passed on as they came
        return replace(part, code="ordering_unavailable") if kind == "request" else part

    ledger.part = refusing  # type: ignore[method-assign]  # every request is refused
    ledger.task()


def lie_refused_end(ledger: Ledger) -> None:
    part = ledger.task().finished.part()
    ledger.blocks.pop()
    ledger.tree.truncate(ledger.tree.size - 2)
    ledger.add([replace(part, code="expired")])


def lie_same_start(ledger: Ledger) -> None:
    ledger.add([ledger.part("start", body=ledger.node.evidence.encode())])


def lie_future(ledger: Ledger) -> None:
    ledger.add([ledger.part("void", code="expired")], time_ms=now_ms() + 3600 * 1000)


@pytest.mark.parametrize(
    ("lie", "says"),
    [
        (lie_header(previous=bytes(32)), "block 2: it does not link to the block before it"),
        (lie_header(height=3), "block 2: it says that its height is 3"),
        (lie_header(chain_id=bytes(32)), "block 2: it is of another chain"),
        (lie_header(time_ms=1), "block 2: its time is before that of the block before it"),
        (lie_header(previous_app_hash=bytes(32)), "block 2: it does not continue the state"),
        (lie_future, "block 2: it is from the future"),
        (lie_stranger, "block 2: it is signed by a key that no start entry announced"),
        (lie_part(measurement=bytes(48)), "block 2: an entry was executed by other code"),
        (lie_part(epoch=1), "block 2: an entry of an epoch that has not begun"),
        (lie_part(claims=bytes(32)), "block 2: a void entry with claims"),
        (lie_part(task_hash=bytes(32)), "block 2: a void entry has not the form of its kind"),
        (lie_part(sealed=b"x"), "block 2: a void entry has not the form of its kind"),
        (lie_part(kind="request"), "block 2: a request entry has not the form of its kind"),
        (lie_part(kind="start"), "block 2: a start entry without evidence"),
        (lie_part(kind="finish"), "block 2: a finish entry has not the form of its kind"),
        (lie_task(exec_id=bytes(32)), "block 3: an end of no accepted execution"),
        (lie_task(chain_id=bytes(32)), "block 3: an end whose statement is of another task"),
        (lie_task(claims=bytes(32)), "block 3: an end whose claims are not the runner's"),
        (lie_second_end, "block 4: an end of no accepted execution, or a second end"),
        (lie_same_request, "block 3: a task hash occurs twice"),
        (lie_claims_of_a_refusal, "block 3: a refused request with claims"),
        (lie_end_of_a_refusal, "block 3: an end of no accepted execution"),
        (lie_refused_end, "block 3: a finish entry with a refusal"),
        (lie_same_start, "block 2: a start entry announces a key that was announced before"),
    ],
)  # fmt: skip
def test_a_lie_is_refused_with_its_block(
    ledger: Ledger, lie: Callable[[Ledger], None], says: str
) -> None:
    lie(ledger)
    with pytest.raises(VerificationError) as caught:
        verify(ledger)
    assert caught.value.code == "chain_invalid"
    assert says in caught.value.message


def test_a_first_block_that_links_elsewhere_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, now_ms())
    ledger.start()
    block = ledger.blocks[0]
    moved = replace(block, header=replace(block.header, previous=bytes(32)))
    with pytest.raises(VerificationError, match="block 1: the first block does not link"):
        verify(ledger, [local(moved)])


def test_a_runner_that_was_not_announced_is_refused(ledger: Ledger) -> None:
    ledger.node.runner = SigningKey(os.urandom(32))
    ledger.task()
    with pytest.raises(VerificationError, match="block 3: an end is signed by a key that no start"):
        verify(ledger)


def test_a_chain_without_its_start_is_refused(ledger: Ledger) -> None:
    ledger.blocks.clear()
    ledger.tree.truncate(0)
    ledger.add([ledger.part("void", code="expired")])
    with pytest.raises(VerificationError, match="block 1: it is signed by a key that no start"):
        verify(ledger)


def test_left_out_swapped_and_added_entries_are_refused(ledger: Ledger) -> None:
    ledger.request(before=2)
    first, last = (local(block) for block in ledger.blocks)
    for entries in (last.entries[1:], last.entries[::-1], (*last.entries, last.entries[0])):
        with pytest.raises(VerificationError, match="block 2: "):
            verify(ledger, [first, replace(last, entries=entries)])


def test_every_flipped_byte_of_a_stored_block_is_refused(ledger: Ledger) -> None:
    ledger.task()
    first, middle, last = (local(block) for block in ledger.blocks)
    whole = middle.encode()
    base = verify(ledger, [first])
    assert base.height == 1
    for place in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << (place % 8)
        with pytest.raises(Error) as caught:
            verify(ledger, [first, LocalBlock.decode(bytes(flipped)), last])
        assert caught.value.code in ("chain_invalid", "malformed", "too_large")
