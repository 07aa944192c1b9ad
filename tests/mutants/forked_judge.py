"""Judges of mutants, forked from a process that has imported pytest and what the package stands on.

The package itself and its tests are imported by each judge anew, the package from the tree that it is told.

    python -m tests.mutants.forked_judge
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.forked_runs import serve

UNCHANGED: Final = 70  # the exit code where it was not the changed package that was judged
_PRELOADED: Final = (
    "_hypothesis_pytestplugin",
    "_pytest.pytester",
    "anyio.pytest_plugin",
    "asyncio",
    "cbor2",
    "coincurve",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.hpke",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509",
    "hypothesis.internal.conjecture.engine",
    "hypothesis.strategies",
    "nacl.bindings",
    "pycose",
    "pytest_timeout",
    "trio",
)


def _judge(asked: dict[str, Any]) -> int:
    """Return pytest's exit code; what the tests start has the changed package on its path too."""
    source = Path(asked["source"])
    status = pytest.main(
        [
            "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", f"pythonpath={source} .",
            *asked["tests"],
        ]
    )  # fmt: skip
    judged = sys.modules[asked["module"]].__file__
    if judged is None or not Path(judged).is_relative_to(source):
        print(f"what was judged is {judged}")
        return UNCHANGED
    return status


if __name__ == "__main__":
    for name in _PRELOADED:
        importlib.import_module(name)
    if "adyton" in sys.modules:
        raise ImportError("the package is imported already, and would be judged unchanged")
    serve(_judge)
