"""A copy of the sources in which sealing does nothing: what a search must find, were sealing to fail.

The product has no such switch: the copy is made here, by replacing functions of `core/crypto.py`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

_PATCH = """

# --- sealing that does nothing, of the same sizes ---

def _open_nothing(key, unverified, *_):
    return unverified[16:]


def _seal_nothing(key, plaintext, *_):
    return bytes(16) + plaintext


def _hpke_open_nothing(key, unverified, *_):
    return unverified[48:]


def _hpke_seal_nothing(public_key, plaintext, *_):
    return bytes(48) + plaintext


SivKey.open, SivKey.seal = _open_nothing, _seal_nothing
HpkeKey.open = _hpke_open_nothing
hpke_seal = _hpke_seal_nothing
"""


def unsealed_source(target: Path) -> Path:
    """Return a directory that holds the package with sealing off; the program and its image come from there."""
    source = Path(__file__).parents[2] / "src"
    # Compiled files come along, but for those that somebody is writing at this moment.
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc.*"))
    with (target / "adyton" / "core" / "crypto.py").open("a") as file:
        file.write(_PATCH)
    return target
