"""Builds the contracts of this repository from source, and runs their tests.

    python -m tools.build_contracts                 # into contracts/built
    python -m tools.build_contracts --check         # elsewhere, and compare with contracts/built
    python -m tools.build_contracts --test          # each contract's own #[test]s

The bytes depend on the sources and on the toolchain of `tools/contract_toolchain.sh`, not on where they lie.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from adyton.cli.rust import Rust, house_rust
from adyton.core.errors import Error

HOUSE = Path(__file__).resolve().parents[1]
CONTRACTS = HOUSE / "contracts"
BUILT = CONTRACTS / "built"
TOOLCHAIN = HOUSE / ".toolchain"
SDK = CONTRACTS / "sdk" / "src" / "lib.rs"
EXAMPLES = ("counter", "auction", "token", "bank", "two_memories")
RUST = (*EXAMPLES, "kitchen_sink", "ledger_bench")
C = ("counter_c",)
SWAPPED = "two_memories"  # kept beside the module, for tests
BINARYEN = TOOLCHAIN / "npm" / "node_modules" / "binaryen" / "bin"
_FEATURES = ("--enable-multimemory", "--enable-bulk-memory", "--enable-sign-ext")
_STACK = 65536


class BuildError(Exception):
    """A tool has refused; the text is what it said."""


def build(target: Path) -> list[Path]:
    """Build every contract into `target`; return the modules."""
    compiler = fetched_compiler()
    target.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory(prefix="contracts-") as temporary:
        library = compiler.library(SDK, Path(temporary), wasm=True)
        for name in RUST:
            module = target / f"{name}.wasm"
            compiler.build(SDK, source(name), name, module, library=library)
            if name == "two_memories":
                # The same two parts in the other order: the memories change places, and nothing else may.
                swapped = (target / SWAPPED).with_suffix(".swapped")
                vault = _vault(Path(temporary))
                _merge([vault, module], swapped, Path(temporary))
                _merge([module, vault], module, Path(temporary))
            made.append(module)
        for name in C:
            module = target / f"{name}.wasm"
            _c_module(TOOLCHAIN / "root", name, module, Path(temporary))
            made.append(module)
    for module in made:
        # Linkers take a module for a program.
        module.chmod(0o644)
    return made


def run_tests() -> None:
    """Run the `#[test]`s of the SDK and of every Rust contract, without Wasm."""
    compiler = fetched_compiler()
    with tempfile.TemporaryDirectory(prefix="contracts-") as temporary:
        library = compiler.library(SDK, Path(temporary), wasm=False)
        compiler.test(SDK, SDK, "sdk", library=library)
        for name in RUST:
            compiler.test(SDK, source(name), name, library=library)


def fetched_compiler() -> Rust:
    """Return the compiler of this repository's contracts, once it is there; it takes a quarter of a minute.

    Raises:
        BuildError: it cannot be fetched.
    """
    script = HOUSE / "tools" / "contract_toolchain.sh"
    if subprocess.run(["sh", str(script)], check=False).returncode:
        raise BuildError("the toolchain cannot be fetched; see above")
    found = house_rust()
    if found is None:
        raise BuildError("the toolchain has no compiler; remove .toolchain and try again")
    return found


def source(name: str) -> Path:
    """Return the file that a Rust contract begins with."""
    (found,) = CONTRACTS.glob(f"*/{name}/lib.rs")
    return found


def _c_module(root: Path, name: str, module: Path, work: Path) -> None:
    llvm = root / "usr" / "lib" / "llvm-14" / "bin"
    object_ = work / f"{name}.o"
    text = CONTRACTS / "examples" / name / "contract.c"
    flags = ["--target=wasm32", "-O2", "-nostdlib", "-ffreestanding", "-Wall", "-Werror", "-c"]
    _run([str(llvm / "clang"), *flags, str(text), "-o", str(object_)], _libraries(root))
    linker = [str(root / "usr" / "bin" / "wasm-ld-14"), "--no-entry", "--strip-all"]
    _run([*linker, f"-zstack-size={_STACK}", str(object_), "-o", str(module)], _libraries(root))


def _vault(work: Path) -> Path:
    """Return the module that is another's second memory."""
    vault = work / "vault.wasm"
    text = CONTRACTS / "examples" / "two_memories" / "vault.wat"
    _run([str(BINARYEN / "wasm-as"), *_FEATURES, str(text), "-o", str(vault)], {})
    return vault


def _merge(parts: Sequence[Path], into: Path, work: Path) -> None:
    """Make one module of a contract and its vault, whose memories come in this order."""
    merged = work / "merged.wasm"
    named = [(str(part), "vault" if part.stem == "vault" else "contract") for part in parts]
    inputs = [word for part in named for word in part]
    _run([str(BINARYEN / "wasm-merge"), *_FEATURES, *inputs, "-o", str(merged)], {})
    into.write_bytes(merged.read_bytes())


def _libraries(root: Path) -> dict[str, str]:
    places = (root / "usr/lib/x86_64-linux-gnu", root / "usr/lib/llvm-14/lib")
    return {"LD_LIBRARY_PATH": ":".join(map(str, places))}


def _run(command: list[str], environment: dict[str, str]) -> None:
    given = {"PATH": os.environ.get("PATH", ""), **environment}
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{Path(command[0]).name}: {done.stderr.strip() or done.stdout.strip()}")
    if done.stderr.strip():
        print(done.stderr.strip(), file=sys.stderr)


def check(made: Sequence[Path] | None = None) -> list[str]:
    """Return the names of modules that differ from those in the repository; built anew unless they are given."""
    with tempfile.TemporaryDirectory(prefix="contracts-") as temporary:
        made = build(Path(temporary)) if made is None else made
        differ = [one.name for one in made if _bytes(BUILT / one.name) != one.read_bytes()]
        kept = {path.name for path in BUILT.glob("*.wasm")}
        return sorted({*differ, *(kept - {one.name for one in made})})


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def main(argv: Sequence[str] | None = None) -> int:
    """Build, check or test."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="build elsewhere and compare")
    parser.add_argument("--test", action="store_true", help="run the contracts' own tests")
    args = parser.parse_args(argv)
    try:
        if args.test:
            run_tests()
        if args.check:
            differ = check()
            if differ:
                print(f"contracts: not what the sources give: {', '.join(differ)}", file=sys.stderr)
                return 1
        elif not args.test:
            for module in build(BUILT):
                print(f"{module.relative_to(HOUSE)}  {module.stat().st_size:,} bytes")
    except (BuildError, Error) as problem:
        print(f"contracts: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
