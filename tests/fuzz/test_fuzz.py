"""Every parser that faces a stranger: the kept corpus again, a short run here, a long one in the soak."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from fuzz.target import CORPUS, ROOT, BrokenPromise, inputs, load, refused_or, require
from tests.fuzz import broken

TARGETS = load("fuzz.every")
SHORT_RUNS = 500
SOAK_S = int(os.environ.get("ADYTON_FUZZ_SECONDS", "600"))


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the fuzzer as its user does."""
    pytest.importorskip("atheris", reason="the fuzzer is made for x86-64 Linux")
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


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(name: str, tmp_path: Path) -> None:
    module = TARGETS[name].run.__module__
    done = fuzz(name, "--runs", str(SHORT_RUNS), "--module", module, "--found", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert f"number_of_executed_units: {SHORT_RUNS}" in done.stderr or "Done" in done.stderr


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 300)
@pytest.mark.parametrize("name", TARGETS)
def test_a_long_run_finds_nothing(name: str, tmp_path: Path) -> None:
    done = fuzz(name, "--seconds", str(SOAK_S), "--found", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_a_defect_is_found_and_its_input_is_kept(tmp_path: Path) -> None:
    """Else the runs above would prove nothing."""
    done = fuzz(
        "broken", "--runs", "400000", "--module", "tests.fuzz.broken", "--found", str(tmp_path)
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
