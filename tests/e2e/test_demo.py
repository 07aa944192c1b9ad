"""The demonstration runs, says what it shows, and ends well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples/demo/demo.py"


def test_the_demonstration_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(DEMO)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in (
        "SIMULATED",
        "simulated_refused",
        "160 patients",
        "is in none of its files",
        "chain_invalid",
        "The lie is refused",
    ):
        assert shown in done.stdout
    assert list(tmp_path.iterdir()) == []
