"""One change in each check that proofs stand on; the named tests notice. `make mutants` tries every change there is."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.forked_runs import ForkedRuns
from tests.mutants.forked_judge import UNCHANGED
from tests.mutants.mutant_tree import grow
from tools import mutants

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """A change of one place in one file, and who notices."""

    file: str
    before: str
    after: str
    tests: str


CRITICAL = {
    "any encoding is accepted": Mutant(
        "core/encoding.py", "if again != unverified:", "if False:",
        "tests/unit/core/test_encoding.py",
    ),
    "signatures are not verified": Mutant(
        "core/crypto.py",
        'raise VerificationError("bad_signature", "a signature does not verify") from problem',
        "return",
        "tests/unit/core/test_crypto.py",
    ),
    "any algorithm is accepted": Mutant(
        "core/cose.py", "if self.headers.get(ALG) != EDDSA:", "if False:",
        "tests/unit/core/test_cose.py",
    ),
    "a consistency proof may be anything": Mutant(
        "core/merkle.py", "if old > size:", "if old >= size:", "tests/unit/core/test_merkle.py"
    ),
    "a window ends a moment later": Mutant(
        "enclave/intake.py", "if now_ms >= request.expiry_ms:", "if now_ms > request.expiry_ms:",
        "tests/unit/enclave/test_windows.py",
    ),
    "a request id may be used again": Mutant(
        "enclave/intake.py", "if record.signed != opened.signed:", "if False:",
        "tests/unit/enclave/test_deduplication.py",
    ),
    "a ticket may be used again": Mutant(
        "enclave/intake.py", "if self._spent.get(opened.ticket, name) != name:", "if False:",
        "tests/unit/enclave/test_deduplication.py",
    ),
    "evidence may be of other code": Mutant(
        "attestation/verifier.py",
        "if claims.measurement not in reference_values.measurements:",
        "if False:",
        "tests/unit/attestation/test_verifier.py",
    ),
    "evidence may bind other keys": Mutant(
        "attestation/verifier.py",
        "if not equal(claims.report_data, bundle.attested.report_data(claims.nonce)):",
        "if False:",
        "tests/unit/attestation/test_verifier.py",
    ),
    "an older challenge may be answered": Mutant(
        "attestation/verifier.py",
        "if nonce is not None and not equal(claims.nonce, nonce):",
        "if False:",
        "tests/unit/attestation/test_verifier.py",
    ),
    "a checkpoint may be of another chain": Mutant(
        "client/verified_view.py", "if facts.chain_id != self.chain_id:", "if False:",
        "tests/unit/client/test_verified_view.py",
    ),
    "two histories may be told": Mutant(
        "client/verified_view.py", "        if problem:\n            raise ForkError(",
        "        if False:\n            raise ForkError(",
        "tests/unit/client/test_verified_view.py",
    ),
    "a wallet's secret opens as another's": Mutant(
        "enclave/wallet/wrapping.py",
        "return [Context.AD_WALLET_SECRET.label, wallet_id]",
        "return [Context.AD_WALLET_SECRET.label]",
        "tests/unit/enclave/wallet/test_vault.py",
    ),
    "a key at hand serves whatever is shown for it": Mutant(
        "enclave/wallet/vault.py",
        "name = (wallet_id, wrapped, account)", 'name = (wallet_id, b"", account)',
        "tests/unit/enclave/wallet/test_vault.py",
    ),
    "a slot is lent as it was left": Mutant(
        "enclave/wallet/locked_memory.py",
        "        slot[:] = bytes(len(slot))\n        try:\n            slot.release()\n"
        "        except BufferError as problem:",
        "        try:\n            slot.release()\n        except BufferError as problem:",
        "tests/unit/enclave/wallet/test_locked_memory.py",
    ),
    "children inherit locked memory": Mutant(
        "enclave/wallet/locked_memory.py", "self._map.madvise(mmap.MADV_DONTFORK)", "pass",
        "tests/unit/enclave/wallet/test_locked_memory.py",
    ),
    "a policy's denials are asked and not heard": Mutant(
        "protocol/wallet/decision.py",
        "if asked.matches(rule):\n            return Decision(DENY", "if False:\n            return Decision(DENY",
        "tests/unit/protocol/wallet/test_decisions.py",
    ),
    "calldata that does not decode gets past a denial": Mutant(
        "protocol/wallet/rule_call.py",
        "return holds(arguments[place]) if arguments is not None else not allows",
        "return holds(arguments[place]) if arguments is not None else False",
        "tests/unit/protocol/wallet/test_decisions.py",
    ),
    "calldata may have more behind it": Mutant(
        "protocol/wallet/abi.py", "if end != len(data):", "if False:",
        "tests/unit/protocol/wallet/test_abi.py",
    ),
    "a field that no rule speaks of is signed": Mutant(
        "protocol/wallet/rule_typed.py",
        "if allows:\n            self.conditions.append(_covers",
        "if False:\n            self.conditions.append(_covers",
        "tests/unit/protocol/wallet/test_typed_rules.py",
    ),
    "a limit's maximum is passed by one": Mutant(
        "protocol/wallet/decision.py",
        "if held + total > meter.maximum:", "if held + total > meter.maximum + 1:",
        "tests/unit/protocol/wallet/test_limits.py",
    ),
    "a window forgets a slot too soon": Mutant(
        "protocol/wallet/windows.py",
        "return (now_s - self._window_s) // self._slot_s",
        "return (now_s - self._window_s) // self._slot_s + 1",
        "tests/unit/protocol/wallet/test_windows.py",
    ),
}  # fmt: skip
EQUIVALENT = Mutant(
    "protocol/wallet/windows.py", "-(-window_s // SLOTS)", "0 - (-window_s // SLOTS)",
    "tests/unit/protocol/wallet/test_windows.py",
)  # fmt: skip


@pytest.fixture(scope="module")
def judges() -> Iterator[ForkedRuns]:
    judges = ForkedRuns("tests.mutants.forked_judge")
    yield judges
    judges.close()


def judged(judges: ForkedRuns, mutant: Mutant, place: Path) -> tuple[int, str]:
    """Return the exit code of the named tests, and what they told."""
    text = (ROOT / "src" / "adyton" / mutant.file).read_text()
    assert text.count(mutant.before) == 1, "the place is no longer what it was"
    grow(place / "src", mutant.file, text.replace(mutant.before, mutant.after))
    return judges.run(asked(place / "src", mutant), place / "log")


def asked(source: Path, mutant: Mutant) -> dict[str, Any]:
    module = ".".join(["adyton", *Path(mutant.file).with_suffix("").parts])
    return {"source": str(source), "module": module, "tests": [mutant.tests]}


@pytest.mark.parametrize("name", CRITICAL)
def test_a_change_is_noticed(name: str, judges: ForkedRuns, tmp_path: Path) -> None:
    status, told = judged(judges, CRITICAL[name], tmp_path)
    assert status == 1, told[-4000:]
    assert "1 failed" in told


def test_a_change_that_changes_nothing_survives(judges: ForkedRuns, tmp_path: Path) -> None:
    """Else what is noticed above would be the tree, not the change."""
    status, told = judged(judges, EQUIVALENT, tmp_path)
    assert status == 0, told[-4000:]
    assert "passed" in told


def test_the_unchanged_package_is_no_judgement(judges: ForkedRuns, tmp_path: Path) -> None:
    """A tree without the package leaves the tests with the package's own place."""
    status, told = judges.run(asked(tmp_path / "none", EQUIVALENT), tmp_path / "log")
    assert status == UNCHANGED
    assert "what was judged is" in told


def source_of(parts: list[str]) -> Path:
    return ROOT / "src" / "adyton" / Path(*parts).with_suffix(".py")


def test_every_listed_survivor_has_a_reason_and_a_function_that_exists() -> None:
    rows = list(mutants.listed(mutants.LISTED.read_text()))
    assert rows
    for function, change, reason in rows:
        assert " → " in change
        assert len(reason) > 10, function
        parts = function.split(".")
        depth = next(at for at in (3, 2) if source_of(parts[:at]).is_file())
        found: object = importlib.import_module("adyton." + ".".join(parts[:depth]))
        for name in parts[depth:]:
            found = getattr(found, name)


def test_the_modules_and_their_tests_exist() -> None:
    for module, (quick, more) in mutants.MODULES.items():
        assert (ROOT / "src/adyton" / module).is_file()
        assert all((ROOT / test).is_file() for test in (*quick, *more))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("module", mutants.MODULES)
def test_no_other_mutant_survives(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.mutants", module],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
