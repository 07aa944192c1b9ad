"""sd-jwt, cryptography and cbor2, in an environment in which the package under test is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PYTHON = Path(sys.prefix) / "sdjwt" / "bin" / "python"


class SdJwtScriptError(Exception):
    """A script has ended with an error; the text is its traceback."""


def run_sdjwt(script: Path, *arguments: str, given: Any = None, timeout: float = 120) -> Any:
    """Run a Python file there and return what it prints as JSON.

    `sys.argv[1:]` are the arguments; `given` is on its standard input, as JSON.

    Raises:
        SdJwtScriptError: it ended with an error.
    """
    if not PYTHON.exists():
        pytest.skip("missing installable: sd-jwt's environment; run tools/bootstrap.sh --for-tests")
    # Isolated: neither the working directory nor PYTHONPATH lead to the package.
    command = [str(PYTHON), "-I", str(script), *arguments]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, timeout=timeout, env={}
    )
    if done.returncode:
        raise SdJwtScriptError(done.stderr)
    return json.loads(done.stdout)
