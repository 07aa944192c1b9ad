"""Every parser that faces a stranger: the kept corpus again, a short run here, a long one in the soak."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from fuzz.target import CORPUS, ROOT, BrokenPromise, inputs, load, refused_or, require
from tests.forked_runs import ForkedRuns
from tests.fuzz import broken

TARGETS = load("fuzz.every")
SHORT_RUNS = 500
DEEP_RUNS = 400_000
NEEDED = "the fuzzer is made for x86-64 Linux"
SOAK_S = int(os.environ.get("ADYTON_FUZZ_SECONDS", "600"))


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the fuzzer as its user does."""
    pytest.importorskip("atheris", reason=NEEDED)
    return subprocess.run(
        [sys.executable, "-m", "fuzz.run", *arguments],
        cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
        env={"PYTHONPATH": os.pathsep.join(["src", "."]), "PATH": os.environ["PATH"]},
    )  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_breaks_no_promise(name: str) -> None:
    target = TARGETS[name]
    given = list(inputs(target))
    assert len(given) > len(list(target.seeds())), "no corpus is kept"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of certificates that libraries will refuse one day
        target.run(b"")
        for content in given:
            target.run(content)


def told_number(name: str, told: str) -> int:
    """Return a figure that libFuzzer told."""
    (found,) = re.findall(rf"{name}: +(\d+)", told)
    return int(found)


@pytest.fixture(scope="module")
def fuzzers() -> Iterator[ForkedRuns]:
    pytest.importorskip("atheris", reason=NEEDED)
    fuzzers = ForkedRuns("tests.fuzz.forked_fuzzer", "fuzz.every", "tests.fuzz.broken")
    yield fuzzers
    fuzzers.close()


def forked(fuzzers: ForkedRuns, target: str, runs: int, place: Path) -> tuple[int, str]:
    """Return the exit code of a short run, and what it told; what it finds is written to `found`."""
    for name in ("grown", "found"):
        (place / name).mkdir()
    flags = [str(place / "grown"), f"-runs={runs}", f"-artifact_prefix={place / 'found'}/"]
    return fuzzers.run({"target": target, "flags": flags}, place / "log")


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(name: str, fuzzers: ForkedRuns, tmp_path: Path) -> None:
    status, told = forked(fuzzers, name, SHORT_RUNS, tmp_path)
    assert status == 0, told[-3000:]
    assert told_number("number_of_executed_units", told) >= SHORT_RUNS
    assert told_number("INITED cov", told) > 10, "nothing is instrumented"


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 300)
@pytest.mark.parametrize("name", TARGETS)
def test_a_long_run_finds_nothing(name: str, tmp_path: Path) -> None:
    done = fuzz(name, "--seconds", str(SOAK_S), "--found", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_a_short_runs_process_finds_a_defect(fuzzers: ForkedRuns, tmp_path: Path) -> None:
    """Else the short runs would prove nothing; the branches before it are found by instrumentation alone."""
    status, told = forked(fuzzers, "broken", DEEP_RUNS, tmp_path)
    assert status > 0
    assert "KeyError" in told
    (path,) = (tmp_path / "found").iterdir()
    with pytest.raises(KeyError):
        broken.run(path.read_bytes())


def test_a_defect_is_found_and_its_input_is_kept(tmp_path: Path) -> None:
    """Else the long runs would prove nothing."""
    done = fuzz(
        "broken",
        "--runs",
        str(DEEP_RUNS),
        "--module",
        "tests.fuzz.broken",
        "--found",
        str(tmp_path),
    )
    assert done.returncode == 1
    assert "KeyError" in done.stderr + done.stdout
    (path,) = (tmp_path / "broken").iterdir()
    assert str(path) in done.stdout
    with pytest.raises(KeyError):
        broken.run(path.read_bytes())


def test_an_unknown_target_is_refused_by_name() -> None:
    done = fuzz("nothing")
    assert done.returncode == 2
    assert "encoding" in done.stderr


def test_errors_of_ours_are_refusals_and_a_defect_is_not() -> None:
    assert refused_or(lambda: broken.parse(b"")) is None
    with pytest.raises(KeyError):
        refused_or(lambda: broken.parse(b"\x93\x41!"))
    with pytest.raises(BrokenPromise):
        require(False, "a promise")


def test_the_corpus_is_small_and_of_known_targets() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) < 1 << 20
