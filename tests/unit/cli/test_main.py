"""Help, versions, wrong usage, and the one table of exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from adyton.cli import failures, main
from adyton.cli.output import printable
from adyton.client.problems import CLASS_OF_CODE
from adyton.core.errors import (
    CODES,
    CredentialError,
    Error,
    EvidenceError,
    ForkError,
    GuestError,
    InvariantError,
    MalformedError,
    PolicyError,
    ReceiptError,
    RollbackError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from tests.unit.cli.conftest import Adyton

COMMANDS = [
    ("serve",),
    ("trust",),
    ("run",),
    ("tasks",),
    ("results",),
    ("chain",),
    ("chain", "sync"),
    ("chain", "show"),
    ("chain", "verify"),
    ("verify",),
    ("measure",),
    ("notarize",),
    ("invite",),
    ("whoami",),
]


def test_help_names_every_command_and_every_exit_status(adyton: Adyton) -> None:
    said = adyton("--help")
    assert said.status == 0
    for command in COMMANDS:
        assert re.search(rf"^    {command[0]} ", said.stdout, re.MULTILINE)
    for _, code in failures.EXIT_CODES:
        assert re.search(rf"\b{code}\b", said.stdout)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(adyton: Adyton, command: tuple[str, ...]) -> None:
    said = adyton(*command, "--help")
    assert said.status == 0
    assert said.stdout.startswith(f"usage: adyton {' '.join(command)}")
    if len(command) == 1:
        assert "example" in said.stdout
    if command != ("chain",):
        assert "--json" in said.stdout


def test_version(adyton: Adyton) -> None:
    said = adyton("--version")
    assert said.status == 0
    assert re.fullmatch(r"adyton \S.*\n", said.stdout)


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        ((), 2),
        (("dance",), 2),
        (("trust", "http://h"), 2),
        (("tasks", "--colour"), 2),
        (("tasks", "leftover"), 2),
        (("tasks", "--", "leftover"), 2),
        (("chain",), 2),
        (("run",), 125),
        (("run", "f.py", "--colour"), 125),
        (("run", "f.py", "--timeout", "soon"), 125),
    ],
)
def test_wrong_usage_is_refused(adyton: Adyton, argv: tuple[str, ...], status: int) -> None:
    said = adyton(*argv)
    assert said.status == status
    assert said.stdout == ""
    assert "[usage]" in said.stderr


def test_what_may_be_left_out_is_not_asked_for(adyton: Adyton) -> None:
    said = adyton("run").stderr
    assert "required: FILE [usage]" in said


def test_the_commands_load_nothing_heavy_to_print_help() -> None:
    code = (
        "import sys; import adyton.cli.main as m; m.parser();"
        "print([n for n in ('uvicorn','http.client','sqlite3','cbor2','nacl') if n in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (UsageError("usage", "x"), 2),
        (MalformedError("malformed", "x"), 3),
        (VerificationError("bad_signature", "x"), 4),
        (EvidenceError("evidence_stale", 5, "x"), 4),
        (ReceiptError("receipt_invalid", "x"), 4),
        (RollbackError("rollback", "x"), 4),
        (ForkError("fork", "x"), 4),
        (PolicyError("not_admitted", "x"), 5),
        (GuestError("sandbox_failed", "x"), 6),
        (UnavailableError("unreachable", "x"), 7),
        (InvariantError("invariant", "x"), 70),
        (Error("invariant", "x"), 70),
    ],
)
def test_each_class_has_its_exit_code(problem: Error, status: int) -> None:
    assert failures.exit_code(problem) == status


def test_every_error_class_has_an_exit_code() -> None:
    classes = {kind for kind, _ in failures.EXIT_CODES}
    assert set(Error.__subclasses__()) == classes
    assert {code for _, code in failures.EXIT_CODES}.isdisjoint({0, 1, failures.OURS})


def test_advice_is_for_codes_that_exist() -> None:
    assert set(failures.NEXT) <= set(CODES)
    assert set(CLASS_OF_CODE) == set(CODES)


def test_an_error_says_what_it_is_its_code_and_what_to_do_next() -> None:
    said = failures.lines(UnavailableError("unreachable", "the server cannot be reached"))
    assert said[0] == "adyton: the server cannot be reached [unreachable]"
    assert said[1].strip() == failures.NEXT["unreachable"]
    assert failures.lines(UsageError("exists", "x")) == ["adyton: x [exists]"]


def test_what_is_in_ones_own_hands_has_no_verdict_to_look_at() -> None:
    here = CredentialError("jwk", "the key is none")
    assert failures.lines(here) == ["adyton: the key is none [credential_refused]"]
    assert failures.to_json(here)["error"] == {
        "code": "credential_refused", "message": "the key is none", "next": None, "exit_code": 4,
    }  # fmt: skip
    assert "verifier status" in failures.lines(PolicyError(here.code, "no"))[1]


def test_a_defect_gets_words_and_a_status(adyton: Adyton, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("adyton.cli.whoami._whoami", broken)
    said = adyton("whoami")
    assert said.status == failures.INTERNAL
    assert "adyton: internal error: ZeroDivisionError: oh [invariant]" in said.stderr
    assert "Traceback" not in said.stderr


def test_an_interrupted_command_says_so(adyton: Adyton, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("adyton.cli.whoami._whoami", interrupted)
    assert adyton("whoami").status == failures.INTERRUPTED


def test_names_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[2Jb\n") == "a\ufffd[2Jb\ufffd"
    assert main.NOUNS[0].__name__.endswith("serve")
