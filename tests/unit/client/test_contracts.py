"""What a client believes of contracts: what it asked for, what the ledger has of it, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.contract_calls import AnswerUnreadable, ContractFailed
from adyton.client.contract_receipt import make_receipt
from adyton.client.contracts import deploy, describe, fetch_code, pending, resume
from adyton.client.records import RequestRecord
from adyton.client.tasks import fetch
from adyton.core.errors import UnavailableError, UsageError, VerificationError
from tests.adversary.contract_server import ContractServer, with_interface
from tests.adversary.server_simulator import open_session
from tests.contract_kit import BUILT

COUNTER = (BUILT / "counter.wasm").read_bytes()
KITCHEN_SINK = (BUILT / "kitchen_sink.wasm").read_bytes()
SEVEN = (7).to_bytes(8, "little")


@pytest.fixture
def server(tmp_path: Path) -> ContractServer:
    (tmp_path / "server").mkdir()
    return ContractServer(tmp_path / "server")


@pytest.fixture
def session(tmp_path: Path, server: ContractServer) -> Iterator[Session]:
    with open_session(tmp_path / "home", server) as made:
        yield made


@pytest.mark.parametrize(
    "made",
    [
        {"address": bytes(32)},
        {"code_hash": bytes(32)},
        {"deployer": bytes(32)},
        {"upgrade": "deployer"},
        {"ordering": "bft"},
        {"padding": 1},
        {"version": 1},
    ],
)
def test_a_deployment_is_what_was_asked_for(
    session: Session, server: ContractServer, made: dict[str, Any]
) -> None:
    server.made = made
    with pytest.raises(VerificationError, match="another contract was made"):
        deploy(session, COUNTER)


def test_an_address_is_that_of_its_deployment(session: Session, server: ContractServer) -> None:
    server.made = server.outcome = {"address": bytes(32)}
    with pytest.raises(VerificationError, match="another contract was made"):
        deploy(session, COUNTER)


def test_what_was_deployed_and_upgraded_is_known_without_another_question(
    session: Session, server: ContractServer
) -> None:
    server.refuse = {"describe": "overloaded"}
    contract, called = deploy(session, COUNTER, upgrade="deployer")
    assert called.entry is not None
    assert contract.description.contract == called.entry.contract
    assert (contract.description.calls, contract.description.queries) == (("add",), ("get",))
    assert contract.interface is not None
    again, _ = contract.upgrade(KITCHEN_SINK, b"")
    assert again.description.contract.version == 1
    assert "set" in again.description.calls
    server.refuse = {}
    assert describe(session, contract.address).description == again.description


@pytest.mark.parametrize(
    "made",
    [
        {"address": bytes(32)},
        {"code_hash": bytes(32)},
        {"deployer": bytes(32)},
        {"version": 0},
        {"padding": 1},
    ],
)
def test_an_upgrade_is_of_this_contract_to_this_code(
    session: Session, server: ContractServer, made: dict[str, Any]
) -> None:
    contract, _ = deploy(session, COUNTER, upgrade="deployer")
    server.made = made
    with pytest.raises(VerificationError, match="another"):
        contract.upgrade(COUNTER)


def test_answers_are_of_the_contract_that_was_asked(
    session: Session, server: ContractServer
) -> None:
    contract, _ = deploy(session, COUNTER)
    server.outcome = {"output": SEVEN}
    assert (contract.call("add", {"amount": 7}).value, contract.query("get")) == (7, 7)
    server.outcome = {"output": SEVEN, "address": bytes(32)}
    with pytest.raises(VerificationError, match="another contract"):
        contract.call("add", {"amount": 7})
    with pytest.raises(VerificationError, match="another contract"):
        contract.query("get")
    server.described = {"address": bytes(32)}
    with pytest.raises(VerificationError, match="another contract"):
        describe(session, contract.address)


def test_a_call_with_an_unreadable_answer_is_told_with_its_proof(
    session: Session, server: ContractServer
) -> None:
    contract, _ = deploy(session, COUNTER)
    server.outcome = {"output": SEVEN[:7]}
    with pytest.raises(AnswerUnreadable, match="too early") as told:
        contract.call("add", {"amount": 7})
    assert told.value.called is not None
    assert told.value.called.fields["output"] == SEVEN[:7]
    assert make_receipt(session, told.value.called).openings
    with pytest.raises(AnswerUnreadable) as told:
        contract.query("get")
    assert (told.value.called, told.value.result.output) == (None, SEVEN[:7])


def test_an_answer_of_other_code_is_not_read_as_if_it_were_of_this(
    session: Session, server: ContractServer
) -> None:
    contract, _ = deploy(session, COUNTER, upgrade="deployer")
    server.outcome = {"output": SEVEN, "code_hash": bytes(32)}
    with pytest.raises(AnswerUnreadable, match="other code") as told:
        contract.call("add", {"amount": 7})
    assert told.value.called is not None
    with pytest.raises(AnswerUnreadable, match="other code"):
        contract.query("get")


def test_a_contract_that_fails_gives_its_reason_and_the_proof(
    session: Session, server: ContractServer
) -> None:
    contract, _ = deploy(session, COUNTER)
    server.outcome = {"status": "refused", "reason": "no", "logs": ("why",)}
    with pytest.raises(ContractFailed, match="refused: no") as failed:
        contract.call("add", {"amount": 7})
    assert failed.value.called is not None
    with pytest.raises(ContractFailed) as failed:
        contract.query("get")
    assert (failed.value.called, failed.value.result.logs) == (None, ("why",))


def test_code_is_the_one_whose_hash_is_told(session: Session, server: ContractServer) -> None:
    contract, _ = deploy(session, COUNTER)
    assert fetch_code(session, contract) == COUNTER
    server.module = with_interface("adyton-interface 1\n", COUNTER)
    with pytest.raises(VerificationError, match="code"):
        fetch_code(session, contract)


# --- answers that are lost ----------------------------------------------------------------------


def lost(session: Session, server: ContractServer) -> RequestRecord:
    """Return the one request without an answer; from here on there are answers again."""
    server.drops = []
    (record,) = pending(session)
    return record


def test_a_deployment_whose_answer_is_lost_is_taken_up_again(
    session: Session, server: ContractServer
) -> None:
    server.drops = ["POST /task", "GET /block"] * 100
    with pytest.raises(UnavailableError):
        deploy(session, COUNTER, upgrade="deployer")
    made = server.contract
    contract, called = resume(session, lost(session, server))
    assert contract.description.contract == made == server.contract
    assert make_receipt(session, called).openings
    assert pending(session) == []


def test_a_call_whose_answer_is_lost_has_one_effect_and_its_proof(
    session: Session, server: ContractServer
) -> None:
    contract, _ = deploy(session, COUNTER)
    server.outcome = {"output": SEVEN}
    server.drops = ["POST /task", "GET /block"] * 100
    with pytest.raises(UnavailableError):
        contract.call("add", {"amount": 7})
    recorded = len(server.recorded)
    _, called = resume(session, lost(session, server))
    assert (called.value, called.fields["method"]) == (7, b"add")
    assert (len(server.recorded), pending(session)) == (recorded, [])


def test_an_upgrade_whose_answer_is_lost_is_taken_up_again(
    session: Session, server: ContractServer
) -> None:
    contract, _ = deploy(session, COUNTER, upgrade="deployer")
    server.drops = ["POST /task", "GET /block"] * 100
    with pytest.raises(UnavailableError):
        contract.upgrade(KITCHEN_SINK, b"")
    again, _ = resume(session, lost(session, server))
    assert again.description.contract.version == 1
    assert "set" in again.description.calls


def test_another_answer_is_refused_when_it_is_taken_up_too(
    session: Session, server: ContractServer
) -> None:
    server.made = {"padding": 9}
    server.drops = ["POST /task", "GET /block"] * 100
    with pytest.raises(UnavailableError):
        deploy(session, COUNTER)
    with pytest.raises(VerificationError, match="another contract"):
        resume(session, lost(session, server))


def test_a_lost_call_taken_for_a_task_is_not_spent(
    session: Session, server: ContractServer
) -> None:
    contract, _ = deploy(session, COUNTER)
    server.outcome = {"output": SEVEN}
    server.drops = ["POST /task", "GET /block"] * 100
    with pytest.raises(UnavailableError):
        contract.call("add", {"amount": 7})
    record = lost(session, server)
    with pytest.raises(UsageError, match="contract resume"):
        fetch(session, record, timeout_s=0)
    assert resume(session, lost(session, server))[1].value == 7
