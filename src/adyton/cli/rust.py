"""Finds a Rust compiler and has it build contracts; nothing is downloaded here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from adyton.core.errors import UnavailableError, UsageError

_TARGET: Final = "wasm32-unknown-unknown"
_STACK: Final = 65536
_WASM_FLAGS: Final = ("--target", _TARGET, "-C", "panic=abort", "-C", "opt-level=s")
# Where programs are, and rustup's compilers; flags from outside would change the module.
_PASSED_ON: Final = ("PATH", "HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HOME")
_HOUSE: Final = Path(__file__).resolve().parents[3]
# Since then a crate without std has a handler for allocations that fail.
_FIRST_WITH_HANDLER: Final = (1, 68)


@dataclass(frozen=True)
class Rust:
    """A compiler.

    Attributes:
        rustc: the program.
        linker: for Wasm, where the compiler has none of its own.
        environment: what it needs beside PATH.
        host_flags: for programs of this machine, where they are not to be linked by its `cc`.
    """

    rustc: str
    linker: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    host_flags: tuple[str, ...] = ()

    def build(
        self,
        sdk: Path,
        source: Path,
        name: str,
        module: Path,
        *,
        root: Path | None = None,
        library: Path | None = None,
    ) -> None:
        """Build one contract.

        Args:
            sdk: file that the SDK begins with.
            source: file that the contract begins with.
            name: of the crate.
            module: where it goes.
            root: directory of the project, to which `sdk` and `source` are relative; None where they are not.
            library: the SDK, compiled with `library`; None to compile it for this contract alone.

        Raises:
            UsageError: the compiler refuses; its words are in the text.
        """
        with tempfile.TemporaryDirectory(prefix="contract-") as work:
            library = library or self.library(sdk, Path(work), wasm=True, root=root)
            linker = ["-C", f"linker={self.linker}", "-C", "linker-flavor=wasm-ld"]
            self._run(
                *("--crate-name", name, "--crate-type", "cdylib", *_WASM_FLAGS),
                *("-C", "lto", "-C", "codegen-units=1", "-C", "strip=symbols"),
                *("-C", f"link-arg=-zstack-size={_STACK}"),
                *(linker if self.linker else []),
                *("--extern", f"adyton_contract={library}"),
                *(str(source), "-o", str(module)),
                root=root,
            )

    def test(self, sdk: Path, source: Path, name: str, *, library: Path | None = None) -> str:
        """Build and run a contract's own tests, without Wasm; return what they printed.

        Args:
            sdk, source, name, library: see `build`.

        Raises:
            UsageError: the compiler refuses, or a test fails.
        """
        with tempfile.TemporaryDirectory(prefix="contract-") as work:
            library = library or self.library(sdk, Path(work), wasm=False)
            program = Path(work) / "tests"
            self._run(
                *("--test", "--crate-name", name, "--extern", f"adyton_contract={library}"),
                *(*self.host_flags, str(source), "-o", str(program)),
            )
            done = subprocess.run([program], capture_output=True, text=True, check=False)
        if done.returncode:
            raise UsageError("usage", f"a test fails:\n{done.stdout.strip()}")
        return done.stdout

    def library(self, sdk: Path, into: Path, *, wasm: bool, root: Path | None = None) -> Path:
        """Compile the SDK, and return the library: it serves any number of contracts.

        Args:
            sdk, root: see `build`.
            into: directory that the library goes into.
            wasm: for modules, or for tests on this machine.

        Raises:
            UsageError: the compiler refuses.
        """
        library = into / "libadyton_contract.rlib"
        named = ["--crate-name", "adyton_contract", "--crate-type", "rlib"]
        self._run(*named, *(_WASM_FLAGS if wasm else ()), str(sdk), "-o", str(library), root=root)
        return library

    def _run(self, *flags: str, root: Path | None = None) -> None:
        given = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment = {**given, **self.environment}
        old = []
        if self._version < _FIRST_WITH_HANDLER:
            old = ["--cfg", "adyton_old_rustc"]
            environment["RUSTC_BOOTSTRAP"] = "1"
        # Where the sources lie must not be seen in the module.
        places = [Path.cwd(), _HOUSE] if root is None else [root.resolve()]
        mapped = [f"--remap-path-prefix={place}=." for place in places]
        command = [
            shutil.which(self.rustc) or self.rustc,
            "--edition",
            "2021",
            *old,
            *mapped,
            *flags,
        ]
        command[0] = os.path.abspath(command[0])
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise UsageError("usage", f"rustc refuses:\n{done.stderr.strip()}")

    @cached_property
    def _version(self) -> tuple[int, int]:
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            [self.rustc, "--version"], env=environment, capture_output=True, text=True, check=False
        )
        match = re.match(r"rustc (\d+)\.(\d+)", done.stdout)
        if match is None:
            raise UsageError("usage", f"{self.rustc} is no rustc: {done.stderr.strip()[:200]}")
        return int(match[1]), int(match[2])


def house_rust() -> Rust | None:
    """Return the compiler that `make contracts` has fetched into this checkout; None where it has not."""
    root = _HOUSE / ".toolchain" / "root"
    rustc = root / "usr" / "bin" / "rustc"
    if not rustc.is_file():
        return None
    # Its own linker and C library, since a machine need have no C compiler.
    host = (
        *("-C", f"linker={root}/usr/lib/llvm-14/bin/clang", "-C", f"link-arg=--sysroot={root}"),
        *("-C", f"link-arg=-fuse-ld={root}/usr/bin/ld.lld-14"),
    )
    libraries = f"{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/llvm-14/lib"
    linker = str(root / "usr" / "bin" / "wasm-ld-14")
    return Rust(str(rustc), linker, {"LD_LIBRARY_PATH": libraries}, host)


def find_rust(named: str | None, *, wasm: bool = True) -> Rust:
    """Return the compiler to use: the one that is named, the checkout's own, or the machine's.

    Args:
        named: a program; None where none is.
        wasm: whether it is to build for Wasm.

    Raises:
        UnavailableError: there is none that does.
    """
    named = named or os.environ.get("ADYTON_RUSTC")
    if named:
        return Rust(named)
    found = house_rust()
    if found is not None:
        return found
    rustc = shutil.which("rustc")
    if rustc is not None and not wasm:
        return Rust(rustc)
    if rustc is not None:
        asked = [rustc, "--print", "target-libdir", "--target", _TARGET]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0 and any(Path(done.stdout.strip()).glob("libcore*")):
            return Rust(rustc)
    if not wasm:
        raise UnavailableError(
            "not_found",
            "no Rust compiler: install one (rustup.rs), run `make contracts` in a checkout of adyton, "
            "or name one with --rustc",
        )
    raise UnavailableError(
        "not_found",
        f"no Rust compiler with {_TARGET}: run `rustup target add {_TARGET}`, "
        "or `make contracts` in a checkout of adyton, or name one with --rustc",
    )


def sdk_source() -> Path:
    """Return the directory of the SDK's sources."""
    packaged = Path(__file__).resolve().parents[2] / "adyton_contract_sdk" / "src"
    return packaged if packaged.is_dir() else _HOUSE / "contracts" / "sdk" / "src"
