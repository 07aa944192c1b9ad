"""The whole chain: honest ones verify from genesis on, and every lie names its block."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.client.certificate import CertificatePolicy
from adyton.client.chain import ChainVerifier, LocalBlock
from adyton.client.chain_store import BlockFile
from adyton.client.chain_sync import sync, verify_stored
from adyton.client.server_api import BlockAnswer, BlocksAnswer
from adyton.core.crypto import SigningKey
from adyton.core.errors import Error, PolicyError, RollbackError, UsageError, VerificationError
from adyton.protocol.ledger import PublicPart
from tests.ledger_builder import Block, Ledger


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def policy_for(ledger: Ledger) -> CertificatePolicy:
    return CertificatePolicy(
        fingerprints=frozenset({ledger.fingerprint}),
        kinds=frozenset({"simulated"}),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=24 * 3600 * 1000,
        allow_stale=False,
    )


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


# --- on disk and over the wire ------------------------------------------------------------------


class Server:
    """Answers pages as the host would, at most `most` blocks each."""

    def __init__(self, ledger: Ledger, most: int = 2) -> None:
        self.ledger = ledger
        self.blocks = list(ledger.blocks)
        self.most = most
        self.asked: list[int] = []

    def __call__(self, start: int) -> BlocksAnswer:
        self.asked.append(start)
        start = max(start, 1)
        page = self.blocks[start - 1 : start - 1 + self.most]
        answers = tuple(
            BlockAnswer(block.header.encode(), block.checkpoint.encode(), block.entries)
            for block in page
        )
        return BlocksAnswer(self.ledger.genesis.encode(), len(self.blocks), answers)


def fetch(ledger: Ledger, server: Server, home: Path) -> tuple[ChainVerifier, int]:
    return sync(
        lambda chain_id: BlockFile(home, chain_id),
        server,
        policy=policy_for(ledger),
        now_ms=now_ms(),
    )


def test_sync_stores_resumes_and_verifies_from_disk(ledger: Ledger, tmp_path: Path) -> None:
    home = tmp_path / "home"
    ledger.task()
    verifier, added = fetch(ledger, Server(ledger), home)
    assert (verifier.height, added) == (3, 3)
    ledger.task()
    again = Server(ledger)
    verifier, added = fetch(ledger, again, home)
    assert (verifier.height, added) == (5, 2)
    assert again.asked[1:] == [3, 5]
    stored = BlockFile(home, ledger.chain_id)
    assert verify_stored(stored, policy=policy_for(ledger), now_ms=now_ms()).height == 5
    assert (stored.directory.stat().st_mode & 0o777) == 0o700


def test_nothing_stored_is_said_so(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is stored"):
        verify_stored(BlockFile(tmp_path, ledger.chain_id), policy=policy_for(ledger), now_ms=0)


def test_one_flipped_byte_on_disk_is_refused_with_its_block(ledger: Ledger, tmp_path: Path) -> None:
    home = tmp_path / "home"
    ledger.task()
    fetch(ledger, Server(ledger), home)
    stored = BlockFile(home, ledger.chain_id)
    path = stored.directory / "blocks"
    whole = path.read_bytes()
    first = 4 + int.from_bytes(whole[:4], "big")
    second = first + 4 + int.from_bytes(whole[first : first + 4], "big")
    for place, height in ((40, 1), (first + 60, 2), (second - 1, 2), (len(whole) - 5, 3)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(VerificationError) as caught:
            verify_stored(stored, policy=policy_for(ledger), now_ms=now_ms())
        assert caught.value.code == "chain_invalid"
        assert f"block {height}: " in caught.value.message
        with pytest.raises(VerificationError):
            fetch(ledger, Server(ledger), home)


def test_an_interrupted_append_is_refused_by_verify_and_mended_by_sync(
    ledger: Ledger, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    ledger.task()
    fetch(ledger, Server(ledger), home)
    stored = BlockFile(home, ledger.chain_id)
    path = stored.directory / "blocks"
    whole = path.read_bytes()
    for cut in (1, 100):
        path.write_bytes(whole[:-cut])
        with pytest.raises(VerificationError, match="block 3: the file ends inside of it"):
            verify_stored(stored, policy=policy_for(ledger), now_ms=now_ms())
        assert fetch(ledger, Server(ledger), home)[1] == 1
        assert path.read_bytes() == whole


def test_a_server_that_went_backwards_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.task()
    fetch(ledger, Server(ledger), tmp_path / "home")
    server = Server(ledger)
    server.blocks = server.blocks[:2]
    with pytest.raises(RollbackError) as caught:
        fetch(ledger, server, tmp_path / "home")
    assert caught.value.code == "rollback"
    assert caught.value.held == ledger.blocks[-1].checkpoint.encode()


def test_a_server_that_tells_another_story_is_refused_with_both(
    ledger: Ledger, tmp_path: Path
) -> None:
    ledger.request()
    fetch(ledger, Server(ledger), tmp_path / "home")
    held = ledger.blocks.pop()
    ledger.tree.truncate(held.first_index)
    ledger.request()
    with pytest.raises(RollbackError) as caught:
        fetch(ledger, Server(ledger), tmp_path / "home")
    assert caught.value.code == "fork"
    assert caught.value.held == held.checkpoint.encode()
    assert caught.value.shown == ledger.blocks[-1].checkpoint.encode()


def test_what_was_seen_elsewhere_must_be_in_the_chain(ledger: Ledger, tmp_path: Path) -> None:
    """A receipt showed one story; the pages of blocks tell another, or stop before it."""

    def fetch_after(seen: Block, server: Server, home: str) -> int:
        verifier, _ = sync(
            lambda chain_id: BlockFile(tmp_path / home, chain_id),
            server,
            policy=policy_for(ledger),
            now_ms=now_ms(),
            seen=seen.checkpoint,
        )
        return verifier.height

    ledger.request()
    seen = ledger.blocks[-1]
    assert fetch_after(seen, Server(ledger), "honest") == 2
    short = Server(ledger)
    short.blocks = short.blocks[:1]
    with pytest.raises(RollbackError) as caught:
        fetch_after(seen, short, "short")
    assert caught.value.code == "rollback"
    ledger.blocks.pop()
    ledger.tree.truncate(seen.first_index)
    ledger.request()
    with pytest.raises(RollbackError) as caught:
        fetch_after(seen, Server(ledger), "forked")
    assert (caught.value.code, caught.value.held) == ("fork", seen.checkpoint.encode())


def test_a_server_that_withholds_blocks_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    ledger.task()
    server = Server(ledger)

    def withholding(start: int) -> BlocksAnswer:
        answer = server(start)
        return answer if start < 3 else replace(answer, blocks=())

    with pytest.raises(VerificationError, match="block 3: the server does not show it"):
        sync(
            lambda chain_id: BlockFile(tmp_path / "home", chain_id),
            withholding,
            policy=policy_for(ledger),
            now_ms=now_ms(),
        )


def test_a_page_of_another_chain_makes_no_directory(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Ledger(tmp_path / "other", now_ms())
    other.start()
    with pytest.raises(VerificationError):
        fetch(ledger, Server(other), tmp_path / "home")
    assert not (tmp_path / "home").exists()
