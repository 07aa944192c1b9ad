"""Where the tools of Ethereum lie, once they are there, and how they are run."""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / ".toolchain" / "ethereum" / "node_modules"
_FETCH_SECONDS = 240


class ToolError(Exception):
    """A tool has ended with an error; the text is what it said."""


def tool(name: str) -> Path:
    """Return the program `anvil` or `cast`, fetched if need be; skip the test where that cannot be."""
    _fetch()
    return MODULES / "@foundry-rs" / f"{name}-linux-amd64" / "bin" / name


def run_cast(*arguments: str) -> str:
    """Run cast and return what it prints.

    Raises:
        ToolError: it ended with an error.
    """
    command = [str(tool("cast")), *arguments]
    return _run(command, {}).strip()


def run_node(script: str, *arguments: str, given: Any = None) -> Any:
    """Run JavaScript that can `require` ethers and solc, and return what it prints as JSON.

    `process.argv.slice(1)` are the arguments; `given` is on its standard input, as JSON. A promise that fails
    ends the program with an error.

    Raises:
        ToolError: it ended with an error.
    """
    _fetch()
    command = ["node", "-e", script, "--", *arguments]
    return json.loads(_run(command, {"NODE_PATH": str(MODULES)}, json.dumps(given)))


def _run(command: list[str], environment: dict[str, str], given: str = "") -> str:
    # Without a home and a project of their own, tools read no settings of who runs the test.
    clean = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(MODULES)} | environment
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=120, env=clean, cwd=MODULES
    )
    if done.returncode:
        raise ToolError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def _fetch() -> None:
    problem = _problem()
    if problem is not None:
        pytest.skip(problem)


@functools.cache
def _problem() -> str | None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "the tools of Ethereum are made for x86-64 Linux"
    for command in ("npm", "node", "flock"):
        if shutil.which(command) is None:
            return f"missing installable: {command}, for the tools of Ethereum"
    script = ROOT / "tools" / "ethereum_tools.sh"
    done = subprocess.run(
        ["sh", str(script)], capture_output=True, text=True, timeout=_FETCH_SECONDS
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word of why"])[0]
        return f"missing installable: {said}, for the tools of Ethereum"
    return None
