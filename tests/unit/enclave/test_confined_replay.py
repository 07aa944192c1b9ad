"""Blocks are executed again where drawing randomness or reading a clock, by whatever way, kills the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import confined, replica
from tests.confined_replay import FATAL, HARMLESS
from tests.recorded_blocks import Recorded

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(not confined.SUPPORTED, reason="x86-64 machine code")


def confined_replay(what: str, given: str = "") -> Any:
    """Run in a process of one thread."""
    run = subprocess.run(
        [sys.executable, "-s", "-m", "tests.confined_replay", what],
        input=given, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(["src", "."])},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_a_block_that_draws_or_reads_a_clock_would_die() -> None:
    """Else the next test would prove nothing."""
    died = confined_replay("controls")
    deadly = (signal.SIGSYS, signal.SIGSEGV)
    assert {name for name in FATAL if died[name] not in deadly} == set()
    assert {name for name in HARMLESS if died[name]} == set()


def test_blocks_are_executed_without_randomness_and_clocks(recorded: Recorded) -> None:
    recording = replica.record(recorded.host, recorded.blocks)
    number, account = confined_replay("replay", recording)
    assert number == 0, account
    assert account == json.loads(json.dumps(recorded.told))
