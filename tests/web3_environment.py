"""web3.py and eth-account, in an environment in which the package under test is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PYTHON = Path(sys.prefix) / "web3" / "bin" / "python"


class Web3ScriptError(Exception):
    """A script has ended with an error; the text is its traceback."""


def run_web3(script: str, *arguments: str, given: Any = None, timeout: float = 120) -> Any:
    """Run a Python script there and return what it prints as JSON.

    `sys.argv[1:]` are the arguments; `given` is on its standard input, as JSON.

    Raises:
        Web3ScriptError: it ended with an error.
    """
    if not PYTHON.exists():
        pytest.skip(
            "missing installable: web3.py's environment; run tools/bootstrap.sh --for-tests"
        )
    # Isolated: neither the working directory nor PYTHONPATH lead to the package.
    command = [str(PYTHON), "-I", "-c", script, *arguments]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, timeout=timeout, env={}
    )
    if done.returncode:
        raise Web3ScriptError(done.stderr)
    return json.loads(done.stdout)
