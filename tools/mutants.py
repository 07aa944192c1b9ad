"""Mutation testing: change one thing in a module that proofs stand on, and see whether a test notices.

    python -m tools.mutants [MODULE...] [--minutes N]     default: every module, without a bound

Runs mutmut in a scratch copy of the tree, module by module, and compares the survivors with `docs/mutants.md`, which
gives each a reason. Exit status 1 where one survives that is not listed.

A survivor is named by its function and by what was changed, not by a number, which shifts with every edit. Changes
inside of a text are not listed: error texts may change; codes, contexts and wire names have tests of their own, which
compare them with the specification.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LISTED: Final = ROOT / "docs" / "mutants.md"

# Each module, and the tests that are to notice: first the quick ones; then, for what those let live, more.
MODULES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "core/encoding.py": (
        ("tests/unit/core/test_encoding.py",),
        ("tests/unit/core/test_schema.py",),
    ),
    "core/merkle.py": (("tests/unit/core/test_merkle.py",), ("tests/properties/test_merkle.py",)),
    "core/cose.py": (("tests/unit/core/test_cose.py",), ("tests/unit/protocol/test_ledger.py",)),
    "attestation/verifier.py": (
        ("tests/unit/attestation/test_verifier.py",),
        ("tests/unit/attestation/test_vectors.py",),
    ),
    "attestation/node.py": (
        ("tests/unit/attestation/test_node.py",),
        ("tests/unit/attestation/test_vectors.py",),
    ),
    "attestation/formats/simulated.py": (
        ("tests/unit/attestation/test_simulated_form.py",),
        ("tests/unit/attestation/test_vectors.py", "tests/unit/attestation/test_verifier.py"),
    ),
    "client/answers.py": (
        ("tests/unit/client/test_answers.py",),
        ("tests/adversary/test_lying_server_answers.py",),
    ),
    "client/finished_task.py": (
        ("tests/unit/client/test_answers.py",),
        ("tests/unit/client/test_tasks.py", "tests/adversary/test_lying_server_record.py"),
    ),
    "client/verified_view.py": (
        ("tests/unit/client/test_verified_view.py", "tests/unit/client/test_kept_view.py"),
        ("tests/unit/client/test_session.py", "tests/adversary/test_lying_server_answers.py"),
    ),
    "enclave/intake.py": (
        (
            "tests/unit/enclave/test_intake.py",
            "tests/unit/enclave/test_deduplication.py",
            "tests/unit/enclave/test_reads_kept.py",
            "tests/unit/enclave/test_windows.py",
        ),
        ("tests/unit/enclave/test_restart.py", "tests/unit/enclave/test_determinism.py"),
    ),
}
_MUTMUT: Final = (sys.executable, "-m", "mutmut")
_STATE: Final = re.compile(r"^\s+(\S+?__mutmut_\d+): (.+)$")
_ROW: Final = re.compile(r"^\| `(.+?)` \| `(.+?)` \| (.+) \|$")
_TEXT: Final = re.compile(r"""[fb]*"(?:[^"\\]|\\.)*"|[fb]*'(?:[^'\\]|\\.)*'""")
# An error's text is its last argument; that its code is one, the error itself demands.
_LAST: Final = re.compile(r", None(?=\)( from \w+)?$|$)")


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed.

    Attributes:
        function: dotted, below `adyton`.
        change: what stood there, and what stands there now, in one line.
    """

    function: str
    change: str


@dataclass(frozen=True)
class Outcome:
    """What became of one module's mutants; the texts are those that only a text distinguishes."""

    killed: int
    texts: int
    unchecked: int
    survivors: tuple[Survivor, ...]


def main(arguments: list[str] | None = None) -> int:
    """Run, print a table and the survivors that are not listed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="*", default=[*MODULES], metavar="MODULE")
    parser.add_argument(
        "--minutes", type=float, help="for each module; what is not reached is told"
    )
    args = parser.parse_args(arguments)
    known = {Survivor(function, change) for function, change, _ in listed(LISTED.read_text())}
    unlisted: list[Survivor] = []
    print(f"{'module':<36}{'killed':>8}{'survived':>10}{'texts':>8}{'not run':>9}{'seconds':>9}")
    for module in args.modules:
        begun = time.monotonic()
        outcome = run(module, None if args.minutes is None else args.minutes * 60)
        taken = time.monotonic() - begun
        print(
            f"{module:<36}{outcome.killed:>8}{len(outcome.survivors):>10}{outcome.texts:>8}"
            f"{outcome.unchecked:>9}{taken:>9.0f}",
            flush=True,
        )
        unlisted += [one for one in outcome.survivors if one not in known]
    for one in unlisted:
        print(f"| `{one.function}` | `{one.change}` |  |")
    return 1 if unlisted else 0


def listed(text: str) -> Iterator[tuple[str, str, str]]:
    """Give function, change and reason of each row of the document."""
    for line in text.splitlines():
        row = _ROW.match(line)
        if row is not None:
            yield row.group(1), row.group(2), row.group(3)


def run(module: str, within_s: float | None = None) -> Outcome:
    """Mutate one module in a scratch copy of the tree."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        tree = Path(place)
        _copy(tree)
        quick, more = MODULES[module]
        _configure(tree, module, quick)
        states = _mutated(tree, [], within_s)
        alive = _alive(states)
        if alive and within_s is None:
            # Which test reaches which function is known for the quick ones alone.
            (tree / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
            _configure(tree, module, (*quick, *more))
            alive = _alive(_mutated(tree, alive, None))
        found = [_shown(tree, name) for name in alive]
    different = {one for one in found if one is not None}
    survivors = tuple(sorted(different, key=lambda one: (one.function, one.change)))
    unchecked = sum(state == "not checked" for state in states.values())
    return Outcome(len(states) - len(alive) - unchecked, found.count(None), unchecked, survivors)


def _configure(tree: Path, module: str, tests: tuple[str, ...]) -> None:
    selected = "".join(f"\n  {test}" for test in tests)
    (tree / "setup.cfg").write_text(
        "[mutmut]\nsource_paths=src/adyton\n"
        f"only_mutate=src/adyton/{module}\n"
        f"pytest_add_cli_args_test_selection={selected}\n"
        "also_copy=\n  src\n  tests\n  tools\n  docs\n"
    )


def _mutated(tree: Path, names: list[str], within_s: float | None) -> dict[str, str]:
    """Run all mutants, or those named, and return what became of each there is."""
    command = [*_MUTMUT, "run", "--max-children", "2", *names]
    with (tree / "mutmut.log").open("wb") as log:
        try:
            subprocess.run(command, cwd=tree, stdout=log, stderr=log, timeout=within_s, check=False)
        except subprocess.TimeoutExpired:
            pass  # what is not reached is told
    told = subprocess.run(
        [*_MUTMUT, "results", "--all", "true"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    states = dict(_states(told.stdout))
    if not states:
        raise SystemExit(f"mutmut did not run:\n{(tree / 'mutmut.log').read_text()[-2000:]}")
    return states


def _alive(states: dict[str, str]) -> list[str]:
    return [
        name for name, state in states.items() if state in ("survived", "no tests", "suspicious")
    ]


def _copy(tree: Path) -> None:
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    packed = subprocess.run(
        ["tar", "c", "--null", "-T", "-"], cwd=ROOT, input=files, capture_output=True, check=True
    )
    subprocess.run(["tar", "x"], cwd=tree, input=packed.stdout, check=True)


def _states(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        found = _STATE.match(line)
        if found is not None:
            yield found.group(1), found.group(2)


def _shown(tree: Path, name: str) -> Survivor | None:
    """Return the survivor; None where nothing but a text was changed."""
    shown = subprocess.run(
        [*_MUTMUT, "show", name], cwd=tree, capture_output=True, text=True, check=False
    ).stdout
    lines = [
        line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    before = " ".join(line[1:].strip() for line in lines if line[0] == "-")
    after = " ".join(line[1:].strip() for line in lines if line[0] == "+")
    if _TEXT.sub('""', before) == _LAST.sub(', ""', _TEXT.sub('""', after)):
        return None
    function = (
        name.rpartition("__mutmut_")[0]
        .removeprefix("adyton.")
        .replace("ǁ", ".")
        .replace(".x.", ".")
    )
    return Survivor(
        function.replace(".x_", "."), f"{before} → {after}".replace("|", "¦").replace("`", "'")
    )


if __name__ == "__main__":
    sys.exit(main())
