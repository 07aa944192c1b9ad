"""The commands of the repository: what `make` offers, and that `.ci/run` hides no failure."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.vectors_dir import ABSENT, vectors_dir

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("demo", "test", "check", "bench", "docs", "soak", "lock", "clean")


def make(*arguments: str) -> str:
    """Return what make says; its own variables of an outer make do not reach it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", *arguments],
        capture_output=True, text=True, timeout=60, env=environ, check=True,
    )  # fmt: skip
    return done.stdout


def test_make_alone_lists_every_target() -> None:
    listed = {line.split()[1] for line in make().splitlines()}
    assert set(TARGETS) <= listed


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "clean"])
def test_every_target_sets_up_first(target: str) -> None:
    first = make("--dry-run", target).splitlines()[0]
    assert first == "sh tools/bootstrap.sh"


def test_make_test_checks_and_then_runs_everything() -> None:
    plan = make("--dry-run", "test")
    steps = ("ruff check", "ruff format --check", "mypy", "lint-imports", "check_purity",
             "check_tree", "check_docs", "-m pytest")  # fmt: skip
    places = [plan.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    assert "soak" not in plan


@pytest.mark.parametrize("status", [0, 1, 2, 5])
def test_ci_run_passes_the_status_on(tmp_path: Path, status: int) -> None:
    """pytest's 5, nothing collected, is a failure like any other."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    fake = tmp_path / "make"
    fake.write_text(f'#!/bin/sh\necho "$PWD $CI $*"\nexit {status}\n')
    fake.chmod(0o755)
    done = subprocess.run(
        [str(tmp_path / ".ci" / "run")],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status
    assert done.stdout.splitlines()[-1] == f"{tmp_path} true test"


def test_published_vectors_come_from_the_directory_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wallet").mkdir()
    monkeypatch.setenv("ADYTON_VECTORS", str(tmp_path))
    assert vectors_dir() == tmp_path
    assert vectors_dir("wallet") == tmp_path / "wallet"
    with pytest.raises(FileNotFoundError):
        vectors_dir("wallet", "absent.json")


def test_absent_vectors_skip_with_the_listed_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADYTON_VECTORS", str(tmp_path / "absent"))
    with pytest.raises(pytest.skip.Exception, match=f"^{ABSENT}$"):
        vectors_dir()
    assert f"* :: {ABSENT}" in (ROOT / "tests" / "expected-skips.txt").read_text().splitlines()
