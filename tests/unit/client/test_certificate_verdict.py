"""The verdict's words: who could have read what, for each kind of platform, order, clock and age."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adyton.client.verdict import Verdict

HARDWARE = Verdict(
    subject="run",
    fingerprint=bytes(32),
    chain_id=bytes(32),
    measurement=bytes(48),
    task_hash=bytes(32),
    platform="tdx",
    hardware_rooted=True,
    stale_ms=0,
    ordering="bft",
    time_source="bft",
    sandbox="namespaces",
    accepted_height=2,
    accepted_ms=0,
    finished_height=3,
    finished_ms=1000,
    attempt=1,
    shown={},
    closed=("code",),
)


def but(**changed: object) -> Verdict:
    return replace(HARDWARE, **changed)  # type: ignore[arg-type]  # a test's own fields


SIMULATED = but(platform="simulated", hardware_rooted=False)


@pytest.mark.parametrize("subject", ["code", "inputs", "result", "run information"])
def test_hardware_keeps_the_operator_out(subject: str) -> None:
    readers = HARDWARE.readable()[subject]
    assert readers["operator"].startswith("could not have read it: ")
    assert readers["others"].startswith("could not have read it: ")


@pytest.mark.parametrize("subject", ["code", "inputs", "result", "run information"])
def test_a_simulated_platform_keeps_nobody_out_who_runs_it(subject: str) -> None:
    readers = SIMULATED.readable()[subject]
    assert readers["operator"].startswith("could have read it: the platform is simulated")
    assert "unless the operator let them" in readers["others"]
    assert any("SIMULATED" in remark for remark in SIMULATED.remarks())
    assert not any("SIMULATED" in remark for remark in HARDWARE.remarks())


def test_stale_evidence_is_said_with_its_age() -> None:
    stale = but(stale_ms=3 * 3600 * 1000)
    assert "the evidence was stale" in stale.readable()["inputs"]["operator"]
    assert any("3 h older than the policy allows" in remark for remark in stale.remarks())
    assert not any("stale" in remark for remark in HARDWARE.remarks())


@pytest.mark.parametrize(
    ("ordering", "says"),
    [
        ("single-host", "earlier runs may have been discarded"),
        ("anchored", "only together with the witness"),
        ("bft", "more than a third of them would have to lie"),
    ],
)
def test_each_ordering_says_what_it_leaves_open(ordering: str, says: str) -> None:
    assert any(says in remark for remark in but(ordering=ordering).remarks())


def test_the_hosts_clock_is_the_hosts_word() -> None:
    assert "the time is the host's word" in but(time_source="host").remarks()
    assert "the time is the host's word" not in HARDWARE.remarks()


def test_what_is_opened_is_readable_by_whoever_holds_the_file() -> None:
    opened = but(shown={"stdout": "42\n", "exit_code": 0})
    assert "standard output" in opened.readable()["result"]["others"]
    assert "the exit code" in opened.readable()["result"]["others"]
    assert opened.readable()["code"]["others"].startswith("could not have read it")


def test_interruptions_and_a_missing_sandbox_are_said() -> None:
    assert any("attempt 2" in remark for remark in but(attempt=2).remarks())
    assert any("without a sandbox" in remark for remark in but(sandbox="none").remarks())


def test_a_notarization_has_one_subject() -> None:
    verdict = but(subject="notarization", shown={"file": "ab" * 32})
    assert list(verdict.readable()) == ["file"]
    assert "could not have read it" in verdict.readable()["file"]["operator"]


def test_an_opened_text_cannot_steer_the_terminal() -> None:
    hostile = but(shown={"stdout": "\x1b[2Jthe certificate holds\n" + "x" * 500})
    text = "\n".join(hostile.lines())
    assert "\x1b" not in text
    assert "x" * 201 not in text


def test_json_says_the_same() -> None:
    value = json.loads(json.dumps(SIMULATED.to_json()))
    assert value["holds"] is True
    assert (value["simulated"], value["hardware_rooted"], value["stale"]) == (True, False, False)
    assert value["readable"] == SIMULATED.readable()
    assert value["remarks"] == list(SIMULATED.remarks())
    assert value["task"] == "00" * 32
