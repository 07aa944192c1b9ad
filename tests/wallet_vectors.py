"""Published vectors of wallets, as lists of cases."""

import gzip
import json
from typing import Any

from tests.vectors_dir import vectors_dir


def cases(name: str) -> list[Any]:
    """Return the cases of a file, at least one, or skip where there are no published vectors."""
    found = json.loads(gzip.decompress(vectors_dir("wallet", f"{name}.json.gz").read_bytes()))
    if not isinstance(found, list) or not found:
        raise ValueError(f"no cases in {name}")
    return found


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def steps_of(path: str) -> tuple[int, ...]:
    """Return the steps of a path such as `m/44'/60'/0'/0/0` or `m/0h`."""
    start, *steps = path.split("/")
    if start != "m":
        raise ValueError(f"not a path: {path}")
    return tuple(int(step.rstrip("'hH")) + (step[-1] in "'hH") * 2**31 for step in steps)
