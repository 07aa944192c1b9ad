"""Which Rust compiler is used for what, and what it is told of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.cli import rust
from adyton.cli.rust import Rust, find_rust
from adyton.core.errors import UnavailableError
from tests.unit.cli.conftest import Adyton

# As far as is asked of it: it "builds" a program that says what was in its environment.
RUSTC = """#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        --version) echo "rustc 1.95.0 (x)"; exit 0 ;;
        --print) echo {libraries}; exit 0 ;;
        -o) shift; out=$1 ;;
    esac
    shift
done
printf '#!/bin/sh\\necho "built with toolchain %s in %s"\\n' "$RUSTUP_TOOLCHAIN" "$RUSTUP_HOME" > "$out"
chmod +x "$out"
"""


@pytest.fixture
def rustc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only compiler of a machine, that has no library for Wasm."""
    path = tmp_path / "bin" / "rustc"
    path.parent.mkdir()
    path.write_text(RUSTC.format(libraries=tmp_path / "libraries"))
    path.chmod(0o755)
    monkeypatch.setattr(rust, "house_rust", lambda: None)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    monkeypatch.delenv("ADYTON_RUSTC", raising=False)
    return path


def test_a_contracts_tests_need_no_compiler_for_wasm(rustc: Path, adyton: Adyton) -> None:
    assert adyton("contract", "new", "hello").status == 0
    said = adyton("contract", "test", "hello")
    assert (said.status, "built with" in said.stdout) == (0, True), said.stderr
    said = adyton("contract", "build", "hello")
    assert (said.status, "rustup target add" in said.stderr) == (7, True)


def test_the_compiler_that_builds_for_wasm_is_found(rustc: Path, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="wasm32-unknown-unknown"):
        find_rust(None)
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "libcore-1.rlib").touch()
    assert find_rust(None) == Rust(str(rustc))
    assert find_rust("/another/rustc") == Rust("/another/rustc")


def test_a_compiler_of_rustup_is_told_where_its_toolchains_are(
    rustc: Path, adyton: Adyton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUSTUP_HOME", "/rustup")
    monkeypatch.setenv("RUSTUP_TOOLCHAIN", "nightly")
    monkeypatch.setenv("RUSTFLAGS", "-C debuginfo=2")
    assert adyton("contract", "new", "hello").status == 0
    assert "built with toolchain nightly in /rustup" in adyton("contract", "test", "hello").stdout


def test_a_module_that_is_no_contract_does_not_take_the_place_of_one_that_is(
    rustc: Path, adyton: Adyton, tmp_path: Path
) -> None:
    assert adyton("contract", "new", "hello").status == 0
    module = tmp_path / "hello" / "hello.wasm"
    module.write_bytes(b"as it was")
    said = adyton("contract", "build", "hello", "--rustc", str(rustc))
    assert said.status == 3
    assert module.read_bytes() == b"as it was"
    assert [path.name for path in sorted((tmp_path / "hello").glob("hello*"))] == ["hello.wasm"]
