"""The oracle's environment, and the oracle in it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.prefix) / "oracle" / "bin" / "python"
POLICY: dict[str, Any] = {
    "fingerprint": [],
    "allow_simulated": True,
    "least_ordering": "single-host",
    "max_evidence_age": 24,
    "allow_stale": False,
    "now_ms": None,
}


@dataclass(frozen=True)
class Result:
    """What the oracle says of one file.

    Attributes:
        failed: number of the step that failed; 0 where none did.
    """

    failed: int
    reason: str
    shown: dict[str, str]


class Oracle:
    """A process that answers for many files."""

    def __init__(self) -> None:
        command = [str(PYTHON), "-E", str(ROOT / "tests/oracle/driver.py"), str(ROOT / "oracle")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={}
        )

    def verify(
        self, file: Path, *, age_ms: int | None = None, content: str | None = None, **policy: Any
    ) -> Result:
        """Verify a file under a policy; `content` is what a receipt is of, in hex."""
        asked: dict[str, Any] = {"file": str(file), "policy": POLICY | policy, "content": content}
        if age_ms is not None:
            asked["max_evidence_age_ms"] = age_ms
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        failed, reason, shown = json.loads(self._process.stdout.readline())
        return Result(failed[0] if failed else 0, reason, shown)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    """The oracle, in its own environment."""
    if not PYTHON.exists():
        pytest.skip(
            "missing installable: the oracle's environment; run tools/bootstrap.sh --for-tests"
        )
    made = Oracle()
    yield made
    made.close()
