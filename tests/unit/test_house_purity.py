"""The purity check: each way out of a pure package is refused, and honest code is not."""

from pathlib import Path

import pytest

from tools import check_purity
from tools.check_purity import check_source, check_tree

ROOT = Path(__file__).resolve().parents[2]
MODULE = "adyton.core.example"

PURE = '''
"""Everything here is allowed."""
from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import cbor2
import nacl.bindings
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.x509.verification import PolicyBuilder, Store

from adyton.core import limits
from adyton.core.errors import MalformedError


@dataclass(frozen=True)
class Window:
    now: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "now", self.now.astimezone(UTC))


def check(window: Window, root: bytes, *, now: datetime) -> bytes:
    """The word open, and time, and now in a text are only words."""
    if window.now > now + timedelta(hours=1):
        raise MalformedError("late", "print and eval in a text")
    PolicyBuilder().store(Store([])).time(now)
    return hmac.digest(root, hashlib.sha256(cbor2.dumps([1])).digest(), "sha256")
'''


def whats(source: str, module: str = MODULE) -> list[str]:
    return [problem.what for problem in check_source(source, module)]


def test_honest_code_passes() -> None:
    assert whats(PURE) == []


@pytest.mark.parametrize(
    "module",
    [
        "os", "os.path", "time", "random", "secrets", "sys", "io", "pathlib", "socket", "asyncio",
        "threading", "subprocess", "importlib", "tempfile", "builtins", "ctypes", "uuid", "logging",
        "adyton.channel", "adyton.enclave.keys", "adyton", "http.client", "sqlite3", "typingx",
        "collections.abc.x", "cryptography_x", "importlib.metadata", "concurrent.futures",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "form", ["import {}", "import {} as x", "from {} import x", "def f():\n    import {}"]
)
def test_imports_outside_the_list_are_refused(module: str, form: str) -> None:
    assert whats(form.format(module))


@pytest.mark.parametrize(
    "module", ["nacl.utils", "nacl.public", "cryptography.fernet",
               "cryptography.hazmat.primitives.hpke"],
)  # fmt: skip
def test_libraries_that_draw_randomness_are_refused(module: str) -> None:
    parent, _, last = module.rpartition(".")
    assert whats(f"import {module}") == [module]
    assert whats(f"from {parent} import {last}") == [module]
    assert whats(f"from {module} import x") == [f"{module}.x"]


def test_imports_for_types_alone_are_judged_too() -> None:
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import socket"
    assert whats(source) == ["socket"]


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("from . import limits", False),
        ("from .limits import X", False),
        ("from ..protocol import task", False),
        ("from ..channel import frames", True),
        ("from ... import os", True),
    ],
)
def test_relative_imports_are_resolved(source: str, refused: bool) -> None:
    assert bool(whats(source)) is refused


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("open('x')", "open"),
        ("input()", "input"),
        ("exec('x')", "exec"),
        ("eval('x')", "eval"),
        ("compile('x', '', 'exec')", "compile"),
        ("__import__('os')", "__import__"),
        ("importlib.import_module('os')", "importlib"),
        ("print('x')", "print"),
        ("breakpoint()", "breakpoint"),
        ("f = open", "open"),
        ("__builtins__['open']", "__builtins__"),
        ("enum.sys.modules", ".sys"),
        ("f.__globals__", ".__globals__"),
        ("object.__subclasses__()", ".__subclasses__"),
        ("getattr(enum, 'sys')", "getattr 'sys'"),
        ("getattr(datetime, 'now')()", "getattr 'now'"),
        ("X25519PrivateKey.generate()", ".generate"),
        ("make = Ed25519PrivateKey.generate", ".generate"),
        ("AESGCM.generate_key(256)", ".generate_key"),
        ("ec.generate_private_key(curve)", ".generate_private_key"),
        ("nacl.bindings.randombytes(32)", ".randombytes"),
        ("nacl.bindings.crypto_sign_keypair()", ".crypto_sign_keypair"),
        ("x509.random_serial_number()", ".random_serial_number"),
        ("hashlib.file_digest(f, 'sha256')", ".file_digest"),
        ("datetime.now(UTC)", ".now"),
        ("datetime.datetime.now(UTC)", ".now"),
        ("clock = datetime.now", ".now"),
        ("datetime.utcnow()", ".utcnow"),
        ("date.today()", ".today"),
        ("kind = datetime\nkind.now()", ".now()"),
        ("from datetime import datetime as dt\nclock = dt.now", ".now"),
        ("from hashlib import file_digest", "hashlib.file_digest"),
        ("from hashlib import *", "hashlib.*"),
        ("PolicyBuilder().store(s).build_client_verifier()", "PolicyBuilder"),
    ],
)
def test_uses_are_refused(line: str, what: str) -> None:
    assert what in whats(line)


@pytest.fixture
def src(tmp_path: Path) -> Path:
    """A tree with the three pure packages, empty."""
    for package in check_purity.PURE:
        directory = tmp_path.joinpath(*package.split("."))
        directory.mkdir(parents=True)
        (directory / "__init__.py").write_text('"""Empty."""\n')
    return tmp_path


def test_files_in_subpackages_are_found(src: Path) -> None:
    assert check_tree(src, {}) == []
    formats = src / "adyton" / "attestation" / "formats"
    formats.mkdir()
    (formats / "x.py").write_text("import time\n")
    assert [str(problem) for problem in check_tree(src, {})] == [
        "adyton.attestation.formats.x:1: time: not in the allow-list of pure imports"
    ]


def test_a_package_that_is_gone_is_refused(src: Path) -> None:
    (src / "adyton" / "core" / "__init__.py").unlink()
    assert [problem.what for problem in check_tree(src, {})] == ["absent"]


def test_a_grant_covers_one_module_and_has_to_be_used(src: Path) -> None:
    grants = {("adyton.core.a", ".generate"): "a reason"}
    (src / "adyton" / "core" / "a.py").write_text("Key.generate()\n")
    assert check_tree(src, grants) == []
    (src / "adyton" / "core" / "b.py").write_text("Key.generate()\n")
    assert [problem.module for problem in check_tree(src, grants)] == ["adyton.core.b"]
    (src / "adyton" / "core" / "a.py").write_text("Key\n")
    assert {problem.module for problem in check_tree(src, grants)} == {
        "adyton.core.a",
        "adyton.core.b",
    }


def test_every_grant_has_a_reason() -> None:
    assert all(reason.strip() for reason in check_purity.GRANTS.values())


def test_the_command_exits_with_one(src: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (src / "adyton" / "core" / "a.py").write_text("import os\n")
    assert check_purity.main([str(src)]) == 1
    assert "adyton.core.a:1: os" in capsys.readouterr().err


def test_this_tree_is_pure() -> None:
    assert [str(problem) for problem in check_tree(ROOT / "src", check_purity.GRANTS)] == []
