"""The modules in the repository are what the sources give, and the contracts' own tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.cli.contract_project import check_module
from adyton.cli.rust import house_rust
from tests.contract_kit import BUILT
from tools import build_contracts

MODULES = Path(__file__).parent / "modules"


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build_contracts.build(tmp_path_factory.mktemp("elsewhere") / "built")


def test_every_module_is_what_its_source_gives(rebuilt: list[Path]) -> None:
    assert build_contracts.check(rebuilt) == []
    assert len(rebuilt) == len(list(BUILT.glob("*.wasm"))) > 6
    swapped = "two_memories.swapped"
    assert (BUILT / swapped).read_bytes() == (rebuilt[0].parent / swapped).read_bytes()


def test_the_check_finds_a_module_that_differs(
    rebuilt: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for path in BUILT.glob("*.wasm"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "counter.wasm").write_bytes(b"altered")
    (tmp_path / "stranger.wasm").write_bytes(b"without source")
    monkeypatch.setattr(build_contracts, "BUILT", tmp_path)
    assert build_contracts.check(rebuilt) == ["counter.wasm", "stranger.wasm"]


def test_the_contracts_own_tests_pass(rebuilt: list[Path]) -> None:
    del rebuilt  # the toolchain is there
    build_contracts.run_tests()


def test_each_module_describes_the_methods_that_it_has() -> None:
    for path in sorted(BUILT.glob("*.wasm")):
        outline, interface = check_module(path.read_bytes())
        assert interface is not None, path.name
        assert outline.calls, path.name


def test_the_module_of_the_old_compiler_is_what_it_gives(
    rebuilt: list[Path], tmp_path: Path
) -> None:
    del rebuilt
    compiler = house_rust()
    assert compiler is not None
    made = tmp_path / "rust163.wasm"
    compiler.build(build_contracts.SDK, MODULES / "modern.rs", "modern", made)
    assert made.read_bytes() == (MODULES / "rust163.wasm").read_bytes()
