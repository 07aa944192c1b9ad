"""`adyton contract new | build | test`: a contract's project on this machine, without any server."""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli import rust
from adyton.cli.output import Output
from adyton.cli.settings import json_parent
from adyton.core.errors import MalformedError, UsageError

if TYPE_CHECKING:
    from adyton.client.contract_interface import Interface
    from adyton.protocol.wasm_module import Outline

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_SOURCE: Final = """\
//! @NAME@: what it is for, in a line.

#![cfg_attr(target_arch = "wasm32", no_std)]

use adyton_contract::prelude::*;

const COUNT: Item<u64> = Item::new(b"count");

contract! {
    name "@NAME@", about "A count that everybody together raises";
    call add(amount: u64) -> u64 about "Raise the count, and tell it";
    query get() -> u64 about "Tell the count";
}

fn add(amount: u64) -> u64 {
    let sum = get().checked_add(amount).or_fail("the count is full");
    COUNT.set(&sum);
    sum
}

fn get() -> u64 {
    COUNT.get().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use adyton_contract::testing;

    #[test]
    fn it_counts() {
        testing::reset();
        assert_eq!(add(2), 2);
        assert_eq!(add(3), 5);
        assert_eq!(get(), 5);
        assert_eq!(testing::failure(|| { add(u64::MAX); }), "the count is full");
    }
}
"""
_CARGO: Final = """\
[package]
name = "@NAME@"
version = "0.1.0"
edition = "2021"

[lib]
path = "src/lib.rs"
crate-type = ["cdylib", "rlib"]

[dependencies]
adyton-contract = { path = "sdk" }

[profile.release]
panic = "abort"
opt-level = "s"
lto = true
codegen-units = 1
strip = true
"""
_README: Final = """\
# @NAME@

    adyton contract test            # the tests in src/lib.rs, without Wasm
    adyton contract build           # @NAME@.wasm
    adyton contract deploy @NAME@.wasm
    adyton contract call ADDRESS add '{"amount": 2}'
    adyton contract query ADDRESS get

`sdk/` is the contract SDK, as it was when this project was made. The module's hash is what everybody sees of its code:
keep the sources that give it.
"""


def add(verbs: Any) -> None:
    """Add the verbs."""
    new = verbs.add_parser(
        "new",
        help="begin a contract's project that builds and passes its test",
        description="Begin a project: a small contract, its test, and the SDK beside it.",
        parents=[json_parent()],
        allow_abbrev=False,
    )
    new.add_argument("name", metavar="NAME", help="lowercase letters, digits and _")
    new.set_defaults(handler=_new, parser=new)
    for verb, handler, says in (
        ("build", _build, "build the project's module, NAME.wasm"),
        ("test", _test, "run the project's tests, without Wasm"),
    ):
        made = verbs.add_parser(
            verb,
            help=says,
            description=f"{says[0].upper()}{says[1:]}.",
            parents=[json_parent()],
            allow_abbrev=False,
        )
        made.add_argument("project", metavar="DIR", nargs="?", default=".", help="default: here")
        made.add_argument("--rustc", metavar="FILE", help="the compiler (ADYTON_RUSTC)")
        made.set_defaults(handler=handler, parser=made)


def _new(args: argparse.Namespace, out: Output) -> int:
    name = args.name
    if not _NAME.fullmatch(name):
        raise UsageError("bad_argument", "a name has lowercase letters, digits and _, 32 at most")
    place = Path(name)
    if place.exists():
        raise UsageError("exists", f"{name} exists already")
    sdk = rust.sdk_source()
    (place / "src").mkdir(parents=True)
    shutil.copytree(sdk, place / "sdk" / "src")
    cargo = sdk.parent / "Cargo.toml"
    if cargo.is_file():
        shutil.copy(cargo, place / "sdk" / "Cargo.toml")
    for path, text in (
        ("src/lib.rs", _SOURCE),
        ("Cargo.toml", _CARGO),
        ("README.md", _README),
        (".gitignore", "target/\n"),
    ):
        (place / path).write_text(text.replace("@NAME@", name))
    out.text(f"{name}/ begun; next: cd {name} && adyton contract test && adyton contract build")
    out.json({"project": str(place), "source": str(place / "src" / "lib.rs")})
    return 0


def _build(args: argparse.Namespace, out: Output) -> int:
    from adyton.protocol.contract import code_hash

    project, name = _project(args.project)
    module = project / f"{name}.wasm"
    with out.waiting("building"), tempfile.TemporaryDirectory(prefix="contract-") as work:
        built = Path(work) / module.name
        compiler = rust.find_rust(args.rustc)
        # The module must be the same wherever the project lies and the command is given.
        sdk, source = Path("sdk", "src", "lib.rs"), Path("src", "lib.rs")
        compiler.build(sdk, source, name, built, root=project)
        code = built.read_bytes()
    outline, interface = check_module(code)
    module.write_bytes(code)
    hashed = code_hash(code).hex()
    out.text(f"{module}: {len(code):,} bytes", f"code hash {hashed}")
    out.json(
        {
            "module": str(module),
            "bytes": len(code),
            "code_hash": hashed,
            "calls": list(outline.calls),
            "queries": list(outline.queries),
            "interface": interface is not None,
        }
    )
    return 0


def _test(args: argparse.Namespace, out: Output) -> int:
    project, name = _project(args.project)
    with out.waiting("testing"):
        compiler = rust.find_rust(args.rustc, wasm=False)
        said = compiler.test(project / "sdk" / "src" / "lib.rs", project / "src" / "lib.rs", name)
    out.text(*[line for line in said.splitlines() if line.strip()])
    out.json({"passed": True})
    return 0


def _project(named: str) -> tuple[Path, str]:
    project = Path(named)
    name = project.resolve().name
    if not (project / "src" / "lib.rs").is_file() or not (project / "sdk").is_dir():
        raise UsageError(
            "not_found", f"{named} is no contract's project; begin one: adyton contract new NAME"
        )
    if not _NAME.fullmatch(name):
        raise UsageError("bad_argument", f"the directory's name, {name!r}, is no contract's name")
    return project, name


def check_module(code: bytes) -> tuple[Outline, Interface | None]:
    """Return a module's outline and interface, once they agree.

    Raises:
        MalformedError: it is no contract, or its description tells of other methods than it has.
    """
    from adyton.client.contract_interface import read_interface
    from adyton.protocol.wasm_module import read_module

    outline = read_module(code)
    interface = read_interface(outline.interface)
    if interface is not None:
        told = (tuple(sorted(interface.calls)), tuple(sorted(interface.queries)))
        if told != (outline.calls, outline.queries):
            raise MalformedError(
                "interface", "the interface description tells of other methods than the module has"
            )
    return outline, interface
