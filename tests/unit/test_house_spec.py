"""The specification's vectors hold by themselves, and its pages show what the code does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from adyton.client import (
    answers,
    certificate,
    chain,
    conflict,
    contract_receipt,
    finished_task,
    identity_receipt,
)
from adyton.core.errors import CODES
from adyton.enclave.epochs import Epochs
from adyton.enclave.intake import Intake
from adyton.enclave.reception import Reception
from adyton.host.api.table import ROUTES
from adyton.protocol.credentials.reasons import WORDS, Reason
from adyton.protocol.credentials.steps import Step
from adyton.protocol.ledger import EntryProof
from tests.message_forms import every_message
from tools import spec_vectors
from tools.spec_case import run
from tools.spec_functions import FUNCTIONS
from tools.spec_functions_credential import told

SPEC = Path(__file__).resolve().parents[2] / "docs/spec"
PAGES = {page.stem: page.read_text("utf-8") for page in SPEC.glob("*.md")}


def published() -> list[Any]:
    """Return every published vector."""
    found = []
    for path in sorted((SPEC / "vectors").glob("*.json")):
        for case in json.loads(path.read_text("utf-8")) if path.stem != "sealed" else ():
            found.append(pytest.param(case, id=f"{path.stem}: {case['name']}"))
    return found


VECTORS = published()


@pytest.mark.parametrize("case", VECTORS)
def test_a_vector_holds_by_what_is_published_alone(case: dict[str, Any]) -> None:
    gives, code = run(case["function"], case["given"])
    assert code == case.get("refused", "")
    assert gives == case.get("gives", {})
    assert code in ("", *CODES)


def test_each_step_and_reason_of_a_presentation_has_a_negative_vector() -> None:
    refused = [case.values[0] for case in VECTORS if "reason" in case.values[0]]
    for case in refused:
        assert told(case["function"], case["given"]) == (case.get("step"), case["reason"])
    presented = {case["step"] for case in refused if case["function"] == "check_presentation"}
    assert presented == {step.value for step in Step if step >= Step.FORM}
    # Whether a request was answered before, only the state says.
    assert {case["reason"] for case in refused} == set(WORDS) - {Reason.REQUEST_USED.word}


def test_vectors_and_examples_are_as_the_script_writes_them() -> None:
    assert [str(path) for path, _ in spec_vectors.differences()] == []


def test_the_check_finds_an_altered_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = dict(spec_vectors.build()[1])
    altered = {path: text.replace("a", "b", 1) for path, text in right.items()}
    monkeypatch.setattr(spec_vectors, "build", lambda: (spec_vectors_of(right), altered))
    assert {path for path, _ in spec_vectors.differences()} == set(right)


def spec_vectors_of(texts: dict[Path, str]) -> dict[str, list[dict[str, Any]]]:
    """Return vectors by chapter from the texts of their files."""
    return {path.stem: json.loads(text) for path, text in texts.items() if path.stem != "sealed"}


def test_every_function_is_both_satisfied_and_refused() -> None:
    cases = [parameter.values[0] for parameter in VECTORS]
    assert {case["function"] for case in cases if "gives" in case} == set(FUNCTIONS)
    assert {case["function"] for case in cases if "refused" in case} == set(FUNCTIONS) - {"problem"}


# Which steps of a numbered list have no vector, and why.
NUMBERED: list[tuple[str, str, Any, int]] = [
    ("envelope", "open_envelope", Intake.open, 5),
    ("envelope", "verify_answer", answers.verify_answer, 6),
    ("envelope", "verify_read_answer", answers.verify_read_answer, 3),
    ("task", "verify_end", finished_task.verify_end, 9),
    ("key-delivery", "answer_key_request", Reception.answer, 5),
    ("epoch", "accept_epoch", Epochs.accept, 5),
    ("ledger", "verify_entry_proof", EntryProof.verify, 5),
    ("ledger", "append_blocks", chain.ChainVerifier.append, 6),
    ("certificate", "verify_certificate", certificate.verify_certificate, 11),
    ("conflict", "verify_conflict", conflict.verify_conflict, 7),
    ("contract", "verify_contract_receipt", contract_receipt.verify_contract_receipt, 7),
    ("identity", "verify_identity_receipt", identity_receipt.verify_identity_receipt, 9),
]
WITHOUT_VECTOR = {
    (
        "answer_key_request",
        4,
    ),  # this history's chain is open: tests/unit/enclave/test_first_contact.py
    ("answer_key_request", 5),  # the answer itself
}


@pytest.mark.parametrize(("page", "function", "checker", "steps"), NUMBERED)
def test_each_numbered_step_has_a_negative_vector_and_stands_in_its_chapter(
    page: str, function: str, checker: Any, steps: int
) -> None:
    refused = {
        case["step"]
        for case in (parameter.values[0] for parameter in VECTORS)
        if case["function"] == function and "step" in case
    }
    for step in range(1, steps + 1):
        assert step in refused or (function, step) in WITHOUT_VECTOR, step
    numbers = [int(n) for n in re.findall(r"^ +(\d+)\. ", checker.__doc__, re.MULTILINE)]
    assert numbers == list(range(1, steps + 1))
    marked = re.search(rf"<!-- steps: {function} -->\n(.*?)<!-- /steps -->", PAGES[page], re.DOTALL)
    assert marked is not None
    listed = [int(n) for n in re.findall(r"^(\d+)\. ", marked[1], re.MULTILINE)]
    assert listed == numbers


def test_http_names_every_route() -> None:
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in PAGES["http"]


def test_every_message_of_the_wire_is_specified() -> None:
    text = "\n".join(PAGES.values())
    missing = [
        name
        for name, cls in every_message().items()
        if f"**`{name}`**" not in text and not cls.__module__.endswith("protocol.evidence")
    ]
    assert missing == []
