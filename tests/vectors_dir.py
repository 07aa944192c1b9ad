"""Where published test vectors lie: too large and not ours, so not in the repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ABSENT = "published vectors absent: set ADYTON_VECTORS to their directory"


def vectors_dir(*parts: str) -> Path:
    """Return the directory or file of published vectors at `parts`, or skip the test visibly.

    `ADYTON_VECTORS` names the directory; the default is `../shared/vectors` beside the repository.
    A directory that is there but lacks `parts` is an error, not a skip.

    Raises:
        FileNotFoundError: the vectors are there, `parts` is not among them.
    """
    base = Path(os.environ.get("ADYTON_VECTORS") or ROOT.parent / "shared" / "vectors")
    if not base.is_dir():
        pytest.skip(ABSENT)
    found = base.joinpath(*parts)
    if not found.exists():
        raise FileNotFoundError(f"no vectors at {found}")
    return found
