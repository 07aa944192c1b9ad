"""Heads of two clients: their text, and what a comparison says of them."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.client.chain_head import PREFIX, head_text, parse_head
from adyton.client.compare import compare, verified_head
from adyton.client.conflict import verify_conflict
from adyton.client.server_api import ServerApi
from adyton.client.signers import Signers
from adyton.client.verified import UnknownKeyError
from adyton.core.errors import (
    Error,
    ForkError,
    MalformedError,
    ReceiptError,
    RollbackError,
    UnavailableError,
    VerificationError,
)
from adyton.protocol.conflict import ChainConflict, ChainHead
from adyton.protocol.ledger import Checkpoint
from tests.adversary.server_simulator import ServerSimulator, now_ms
from tests.ledger_builder import fork, policy_for

HEIGHTS = 6


@pytest.fixture
def server(tmp_path: Path) -> ServerSimulator:
    (tmp_path / "server").mkdir()
    made = ServerSimulator(tmp_path / "server")
    for _ in range(HEIGHTS - 1):
        made.ledger.request(before=1)
    return made


@pytest.fixture
def signers(server: ServerSimulator) -> Signers:
    api = ServerApi(server)
    return Signers(
        server.ledger.genesis, allow_simulated=True, now_ms=now_ms(), ask=api.get_announced
    )


def at(server: ServerSimulator, height: int) -> Checkpoint:
    return server.ledger.blocks[height - 1].checkpoint


def head(server: ServerSimulator, height: int, *, evidence: bool = True) -> ChainHead:
    bundle = server.ledger.node.evidence.recorder
    return ChainHead(at(server, height).encode(), bundle if evidence else None)


# --- the text of a head --------------------------------------------------------------------------


def test_a_head_is_one_line_that_mail_may_break(server: ServerSimulator) -> None:
    made = head(server, 3)
    text = head_text(made)
    assert text.isascii()
    assert len(text.split()) == 1
    broken = "\n".join(text[place : place + 40] for place in range(0, len(text), 40))
    assert parse_head(f"  {broken}\r\n") == made
    short = head_text(head(server, 3, evidence=False))
    assert len(short) < 600
    assert parse_head(short).evidence is None


def test_a_head_has_one_text(server: ServerSimulator) -> None:
    text = head_text(head(server, 3, evidence=False))
    plain = base64.b64encode(head(server, 3, evidence=False).encode()).decode()
    wrong = [
        "",
        PREFIX,
        text[len(PREFIX) :],
        text + "=",
        text + "A",
        text[:-1],
        PREFIX + plain.replace("-", "+"),
        PREFIX + "é" + text[len(PREFIX) :],
        PREFIX + "A" * 400_000,
    ]
    for each in wrong:
        if each != text:
            with pytest.raises(MalformedError):
                parse_head(each)


def test_a_head_of_another_chain_or_signer_is_refused(
    tmp_path: Path, server: ServerSimulator, signers: Signers
) -> None:
    (tmp_path / "other").mkdir()
    other = ServerSimulator(tmp_path / "other")
    with pytest.raises(ReceiptError, match="wrong_chain"):
        verified_head(head(other, 1), signers)
    encoded = bytearray(at(server, 3).encode())
    encoded[-1] ^= 1
    with pytest.raises(VerificationError, match="bad_signature"):
        verified_head(ChainHead(bytes(encoded), None), signers)


def test_a_head_without_evidence_needs_a_known_key(
    server: ServerSimulator, signers: Signers
) -> None:
    assert verified_head(head(server, 3, evidence=False), signers) == at(server, 3)
    alone = Signers(server.ledger.genesis, allow_simulated=True, now_ms=now_ms())
    with pytest.raises(UnknownKeyError):
        verified_head(head(server, 3, evidence=False), alone)
    assert verified_head(head(server, 3), alone) == at(server, 3)
    strict = Signers(server.ledger.genesis, allow_simulated=False, now_ms=now_ms())
    with pytest.raises(Error, match="simulated_refused"):
        verified_head(head(server, 3), strict)


def test_what_is_wrong_with_a_head_is_said(server: ServerSimulator) -> None:
    with pytest.raises(MalformedError, match="a head begins with adyton-head:"):
        parse_head("gmxj")
    with pytest.raises(MalformedError, match="longer than any head"):
        parse_head(PREFIX + "A" * 400_000)


# --- comparisons ---------------------------------------------------------------------------------


def test_a_contradiction_needs_no_server(server: ServerSimulator, signers: Signers) -> None:
    told = fork(server.ledger, 3, 3)
    for one, other in ((told[5], server.ledger.blocks[5]), (told[3], server.ledger.blocks[3])):
        with pytest.raises(ForkError) as caught:
            compare(one.checkpoint, other.checkpoint, signers)
        assert ChainConflict.decode(caught.value.evidence).nodes == ()


def test_a_checkpoint_of_another_ordering_is_none_of_this_chain(
    server: ServerSimulator, signers: Signers
) -> None:
    honest = at(server, 3)
    facts = replace(honest.facts, ordering="bft")
    levelled = Checkpoint.sign(facts, honest.root, server.ledger.node.recorder)
    with pytest.raises(ReceiptError, match="another ordering"):
        verified_head(ChainHead(levelled.encode(), None), signers)


def test_evidence_of_another_key_than_was_asked_for_shows_nothing(
    server: ServerSimulator, signers: Signers
) -> None:
    asked_for = head(server, 3, evidence=False)
    server.ledger.start()
    newest = server.ledger.node.evidence.encode()
    server.lies["GET /evidence?key_id"] = lambda answer: {"evidence": newest}
    with pytest.raises(UnknownKeyError):
        verified_head(asked_for, signers)


def test_same_ahead_behind(server: ServerSimulator, signers: Signers) -> None:
    api = ServerApi(server)
    same = compare(at(server, 3), at(server, 3), signers)
    assert (same.relation, same.shown_by) == ("same", "signatures")
    ahead = compare(at(server, 5), at(server, 3), signers, api=api)
    assert (ahead.relation, ahead.shown_by) == ("ahead", "server")
    behind = compare(at(server, 3), at(server, 5), signers, copied=5)
    assert (behind.relation, behind.shown_by) == ("behind", "copy")


def test_a_block_without_entries_needs_no_proof(server: ServerSimulator, signers: Signers) -> None:
    server.ledger.add([])
    found = compare(at(server, HEIGHTS + 1), at(server, HEIGHTS), signers)
    assert (found.relation, found.shown_by) == ("ahead", "signatures")


def test_nothing_at_hand_is_no_answer(server: ServerSimulator, signers: Signers) -> None:
    with pytest.raises(UnavailableError, match="sync the chain"):
        compare(at(server, 5), at(server, 3), signers, copied=4)


def test_one_bad_proof_is_asked_for_again(server: ServerSimulator, signers: Signers) -> None:
    def once(answer: dict[str, object]) -> dict[str, object]:
        del server.lies["GET /checkpoint"]
        return {**answer, "consistency": []}

    server.lies["GET /checkpoint"] = once
    found = compare(at(server, 5), at(server, 3), signers, api=ServerApi(server))
    assert found.shown_by == "server"


@pytest.mark.parametrize("height", [4, 5, 6])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("withheld", ["GET /checkpoint", "GET /block", ""])
def test_a_fork_is_found_and_proved_whichever_side_the_server_is_on(
    server: ServerSimulator, signers: Signers, height: int, restart: bool, withheld: str
) -> None:
    server.lies[withheld] = lambda answer: {**answer, "consistency": [], "blocks": []}
    signers.add([server.ledger.node.evidence.recorder])
    told = fork(server.ledger, 3, 6, restart=restart)
    mine, theirs = told[height - 1].checkpoint, at(server, 8)
    api = ServerApi(server)
    for one, other in ((mine, theirs), (theirs, mine)):
        with pytest.raises(ForkError) as caught:
            compare(one, other, signers, api=api)
        found = verify_conflict(
            caught.value.evidence, policy=policy_for(server.ledger), now_ms=now_ms()
        )
        assert found.proved


def test_a_server_that_gives_no_proof_is_reported(
    server: ServerSimulator, signers: Signers
) -> None:
    server.lies["GET /checkpoint"] = lambda answer: {**answer, "consistency": []}
    with pytest.raises(ForkError) as caught:
        compare(at(server, 5), at(server, 3), signers, api=ServerApi(server))
    found = verify_conflict(
        caught.value.evidence, policy=policy_for(server.ledger), now_ms=now_ms()
    )
    assert not found.proved
    assert found.report == "fork"


def test_a_server_that_went_back_is_reported(server: ServerSimulator, signers: Signers) -> None:
    told = fork(server.ledger, 2, 0)
    with pytest.raises(RollbackError) as caught:
        compare(told[4].checkpoint, told[2].checkpoint, signers, api=ServerApi(server))
    assert caught.value.held == told[4].checkpoint.encode()
    conflict = ChainConflict.decode(caught.value.evidence)
    assert (conflict.report, conflict.nodes) == ("rollback", ())
    found = verify_conflict(conflict.encode(), policy=policy_for(server.ledger), now_ms=now_ms())
    assert not found.proved


def test_a_mere_claim_of_a_rollback_is_an_invalid_answer(
    server: ServerSimulator, signers: Signers
) -> None:
    def claim(answer: dict[str, object]) -> object:
        del server.lies["GET /checkpoint"]
        return server.problem(RollbackError("rollback", "x"))

    server.lies["GET /checkpoint"] = claim
    with pytest.raises(VerificationError, match="shows a newer checkpoint"):
        compare(at(server, 5), at(server, 3), signers, api=ServerApi(server))
