"""The modules in the repository are what the sources give, and the contracts' own tests pass."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from adyton.cli.contract_project import check_module
from adyton.cli.main import main
from adyton.cli.rust import Rust
from adyton.core.errors import UsageError
from tests.contract_compiler import contract_compiler
from tests.contract_kit import BUILT
from tools import build_contracts

MODULES = Path(__file__).parent / "modules"
# Where Debian has compiled rustc 1.63's own library: the same on every machine.
FOREIGN = b"/usr/src/rustc-1.63.0/"


@pytest.fixture(scope="module")
def compiler() -> Rust:
    return contract_compiler()


@pytest.fixture(scope="module")
def rebuilt(compiler: Rust, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    del compiler  # it is there
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


def test_the_contracts_own_tests_pass(compiler: Rust) -> None:
    del compiler
    build_contracts.run_tests()


def test_a_test_of_a_contract_that_fails_is_told(compiler: Rust, tmp_path: Path) -> None:
    library = compiler.library(build_contracts.SDK, tmp_path, wasm=False)
    source = tmp_path / "lib.rs"
    text = build_contracts.source("counter").read_text()
    source.write_text(text.replace("assert_eq!(add(3), 5)", "assert_eq!(add(3), 6)"))
    with pytest.raises(UsageError, match="it_counts"):
        compiler.test(build_contracts.SDK, source, "counter", library=library)
    # A failure that nobody expects says what the contract said.
    source.write_text(text.replace("assert_eq!(add(3), 5)", "add(u64::MAX)"))
    with pytest.raises(UsageError, match="the contract fails: the count is full"):
        compiler.test(build_contracts.SDK, source, "counter", library=library)


def test_each_module_describes_the_methods_that_it_has() -> None:
    for path in sorted(BUILT.glob("*.wasm")):
        outline, interface = check_module(path.read_bytes())
        assert interface is not None, path.name
        assert outline.calls, path.name


def test_the_module_of_the_old_compiler_is_what_it_gives(compiler: Rust, tmp_path: Path) -> None:
    made = tmp_path / "rust163.wasm"
    compiler.build(build_contracts.SDK, MODULES / "modern.rs", "modern", made)
    assert made.read_bytes() == (MODULES / "rust163.wasm").read_bytes()


def machine_paths(code: bytes) -> list[bytes]:
    """Return the beginnings of paths of a machine that a module contains."""
    places = rb"/(?:home|root|tmp|usr|var|opt|srv|mnt|build|builds|work|workspace|Users)/"
    return re.findall(places, code.replace(FOREIGN, b""))


def test_no_module_tells_where_it_was_built() -> None:
    assert machine_paths(b"panic in./home/me/sdk/env.rs") == [b"/home/"]
    assert machine_paths(FOREIGN + b"library/core/a.rs./contracts/sdk/src/env.rs") == []
    here = str(build_contracts.HOUSE).encode()
    for path in sorted([*BUILT.iterdir(), *MODULES.glob("*.wasm")]):
        code = path.read_bytes()
        assert machine_paths(code) == [], path.name
        assert here not in code, path.name


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_modules_of_the_new_compiler_are_what_it_gives(compiler: Rust, tmp_path: Path) -> None:
    del compiler
    subprocess.run(["sh", str(MODULES / "build.sh"), str(tmp_path)], check=True)
    for name in ("rust196.wasm", "rust196_v1.wasm"):
        assert (tmp_path / name).read_bytes() == (MODULES / name).read_bytes(), name


def test_a_projects_module_does_not_depend_on_where_it_lies_nor_tell(
    compiler: Rust, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del compiler
    made = set()
    for place, here, named in (("a", "hello", "."), ("b/deep", ".", "hello"), ("c", "/", None)):
        (tmp_path / place).mkdir(parents=True)
        monkeypatch.chdir(tmp_path / place)
        project = tmp_path / place / "hello"
        assert main(["contract", "new", "hello"]) == 0
        monkeypatch.chdir(here)
        assert main(["contract", "build", named or str(project)]) == 0
        made.add((project / "hello.wasm").read_bytes())
    (module,) = made
    assert str(tmp_path).encode() not in module
