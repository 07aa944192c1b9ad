"""Published vectors of identity formats."""

import json
from typing import Any

from tests.vectors_dir import vectors_dir


def load(*parts: str) -> Any:
    """Return what a JSON file of the published vectors holds, or skip where there are none."""
    found = json.loads(vectors_dir("identity", *parts).read_text("utf-8"))
    if not found:
        raise ValueError(f"no cases in {parts}")
    return found


def text(*parts: str) -> str:
    """Return the text of a file of the published vectors, or skip where there are none."""
    return vectors_dir("identity", *parts).read_text("utf-8")
