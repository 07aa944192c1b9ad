"""The compiler of the repository's contracts, for tests that build."""

from __future__ import annotations

import platform
import shutil

import pytest

from adyton.cli.rust import Rust
from tools import build_contracts


def contract_compiler() -> Rust:
    """Return the compiler, fetched if need be; skip the test where that cannot be."""
    if platform.machine() != "x86_64":
        pytest.skip("the toolchain of contracts is made for x86-64")
    for command in ("apt-get", "npm"):
        if shutil.which(command) is None:
            pytest.skip(f"missing installable: {command}, for the toolchain of contracts")
    return build_contracts.fetched_compiler()
