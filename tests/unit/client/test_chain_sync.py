"""The copy of a chain on disk, and the server's pages that it grows by."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.client.accusation import kept_checkpoints
from adyton.client.chain import ChainVerifier
from adyton.client.chain_store import BlockFile
from adyton.client.chain_sync import sync, verify_stored
from adyton.client.conflict import verify_conflict
from adyton.client.server_api import BlockAnswer, BlocksAnswer
from adyton.client.signers import Signers
from adyton.client.verified import UnknownKeyError
from adyton.core.crypto import SigningKey
from adyton.core.errors import (
    ConflictError,
    ForkError,
    RollbackError,
    UsageError,
    VerificationError,
)
from tests.ledger_builder import Block, Ledger, fork, policy_for
from tests.unit.client.test_chain import ledger, now_ms

__all__ = ["ledger"]


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


def test_two_at_a_time_append_each_block_once(ledger: Ledger, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _ in range(3):
        ledger.task()
    found: list[int] = []
    second = threading.Thread(
        target=lambda: found.append(fetch(ledger, Server(ledger), home)[0].height)
    )

    class Slow(Server):
        """Answers its second page when another had the time to fetch all of them."""

        def __call__(self, start: int) -> BlocksAnswer:
            if len(self.asked) == 1:
                second.start()
                second.join(0.3)
            return super().__call__(start)

    height = fetch(ledger, Slow(ledger), home)[0].height
    second.join(60)
    assert found == [height]
    stored = BlockFile(home, ledger.chain_id)
    assert verify_stored(stored, policy=policy_for(ledger), now_ms=now_ms()).height == height


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
    with pytest.raises(ForkError) as caught:
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
            seen=[seen.checkpoint],
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
    with pytest.raises(ForkError) as forked:
        fetch_after(seen, Server(ledger), "forked")
    assert (forked.value.code, forked.value.held) == ("fork", seen.checkpoint.encode())


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


# --- evidence ------------------------------------------------------------------------------------


def proved(ledger: Ledger, evidence: bytes) -> bool:
    return verify_conflict(evidence, policy=policy_for(ledger), now_ms=now_ms()).proved


def signers(ledger: Ledger) -> Signers:
    """Who may sign, with the evidence that the server shows of the newest start."""

    def ask(name: bytes) -> bytes:
        return ledger.node.evidence.encode()

    return Signers(ledger.genesis, allow_simulated=True, now_ms=now_ms(), ask=ask)


def sync_again(ledger: Ledger, home: Path) -> None:
    sync(
        lambda chain_id: BlockFile(home, chain_id),
        Server(ledger),
        policy=policy_for(ledger),
        now_ms=now_ms(),
        signers=signers(ledger),
    )


def test_a_restart_from_an_older_state_is_a_fork_and_no_damaged_copy(
    ledger: Ledger, tmp_path: Path
) -> None:
    """What it shows is signed by a key that the copy knows nothing of."""
    for _ in range(4):
        ledger.request()
    fetch(ledger, Server(ledger), tmp_path / "home")
    fork(ledger, 2, 4, restart=True)
    with pytest.raises(ForkError) as caught:
        sync_again(ledger, tmp_path / "home")
    assert proved(ledger, caught.value.evidence)


def test_the_copy_turns_a_rollback_into_proof(ledger: Ledger, tmp_path: Path) -> None:
    """It went back and on, with the clock set back too; the copy has another block in that place."""
    for _ in range(4):
        ledger.request()
    fetch(ledger, Server(ledger), tmp_path / "home")
    told = fork(ledger, 2, 0)
    ledger.add([ledger.part("void")], time_ms=told[2].header.time_ms)
    with pytest.raises(ForkError) as caught:
        sync_again(ledger, tmp_path / "home")
    assert caught.value.held == told[2].checkpoint.encode()
    assert proved(ledger, caught.value.evidence)


def test_a_mere_rollback_is_a_report(ledger: Ledger, tmp_path: Path) -> None:
    for _ in range(4):
        ledger.request()
    fetch(ledger, Server(ledger), tmp_path / "home")
    fork(ledger, 2, 0)
    with pytest.raises(RollbackError) as caught:
        sync_again(ledger, tmp_path / "home")
    assert caught.value.shown == ledger.blocks[-1].checkpoint.encode()
    assert not proved(ledger, caught.value.evidence)


def test_noise_in_place_of_a_block_accuses_nobody(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever sits between can show anything; without a signature it is no fork."""
    ledger.request()
    fetch(ledger, Server(ledger), tmp_path / "home")
    ledger.blocks.pop()
    ledger.tree.truncate(ledger.tree.size - 1)
    ledger.add([ledger.part("void")], key=SigningKey(os.urandom(32)))
    with pytest.raises(VerificationError) as caught:
        sync_again(ledger, tmp_path / "home")
    assert not isinstance(caught.value, ConflictError)


def test_another_block_in_the_last_one_s_place_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """Signed, and of this history: so it accuses nobody, but it is not what was asked for."""
    for _ in range(3):
        ledger.request()
    fetch(ledger, Server(ledger), tmp_path / "home")
    server = Server(ledger)

    def shifted(start: int) -> BlocksAnswer:
        return server(start - 1 if start > 1 else start)

    with pytest.raises(VerificationError, match="another in its place") as caught:
        sync(
            lambda chain_id: BlockFile(tmp_path / "home", chain_id),
            shifted,
            policy=policy_for(ledger),
            now_ms=now_ms(),
        )
    assert caught.value.code == "chain_invalid"


def test_a_server_without_blocks_went_back(ledger: Ledger, tmp_path: Path) -> None:
    ledger.request()
    fetch(ledger, Server(ledger), tmp_path / "home")
    server = Server(ledger)
    server.blocks.clear()
    with pytest.raises(RollbackError) as caught:
        fetch(ledger, server, tmp_path / "home")
    assert (caught.value.shown, caught.value.evidence) == (b"", b"")


def test_the_copy_brings_the_evidence_of_its_own_signers(ledger: Ledger, tmp_path: Path) -> None:
    ledger.request()
    ledger.start()
    fetch(ledger, Server(ledger), tmp_path / "home")
    alone = Signers(ledger.genesis, allow_simulated=True, now_ms=now_ms())
    with pytest.raises(UnknownKeyError):
        alone.require_signed(ledger.blocks[0].checkpoint)
    kept = list(kept_checkpoints(list, BlockFile(tmp_path / "home", ledger.chain_id), alone))
    assert [one.encode() for one in kept] == [b.checkpoint.encode() for b in ledger.blocks]
    for one in kept:
        alone.require_signed(one)
