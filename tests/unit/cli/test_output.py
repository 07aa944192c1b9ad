"""Progress: for people who wait longer than a second, and for nobody else."""

from __future__ import annotations

import io
import sys
import time
from types import SimpleNamespace

import pytest

from adyton.cli import output
from adyton.cli.output import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(output, "time", made)
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    # Not sys.stderr itself: pytest exchanges that one between set-up and test.
    monkeypatch.setattr(output, "sys", SimpleNamespace(stderr=made, stdout=sys.stdout))
    return made


def test_nothing_is_said_within_a_second(clock: Clock, terminal: Terminal) -> None:
    out = Output(as_json=False)
    clock.now += 0.9
    out.progress("running")
    assert terminal.getvalue() == ""


def test_a_terminal_gets_one_line_that_goes_away(clock: Clock, terminal: Terminal) -> None:
    out = Output(as_json=False)
    clock.now += 2
    out.progress("running")
    assert "running (2 s)" in terminal.getvalue()
    out.note("done")
    assert terminal.getvalue().endswith("\r\x1b[Kdone\n")


def test_a_log_gets_each_stage_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    out = Output(as_json=False)
    clock.now += 2
    for what in ("submitting", "submitting", "running"):
        out.progress(what)
    assert log.getvalue() == "submitting\nrunning\n"


def test_json_has_no_progress(clock: Clock, terminal: Terminal) -> None:
    out = Output(as_json=True)
    clock.now += 2
    with out.waiting("running"):
        out.progress("running")
    assert terminal.getvalue() == ""


def test_the_line_is_kept_alive_while_something_blocks(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal
) -> None:
    monkeypatch.setattr(output, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(output, "_REDRAW_S", 0.001)
    out = Output(as_json=False)
    deadline = time.monotonic() + 30
    with out.waiting("running"):
        while "running" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.001)
    assert "running (" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_the_warning_comes_once_a_command(terminal: Terminal) -> None:
    out = Output(as_json=True)
    out.warn_simulated()
    out.warn_simulated()
    assert terminal.getvalue().count("SIMULATED") == 1


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table(("A", "B"), [("x" * 5, "y"), ("z", "\x1b[2J")])
    assert capsys.readouterr().out == "A      B\nxxxxx  y\nz      \ufffd[2J\n"
