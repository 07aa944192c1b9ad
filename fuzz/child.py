"""The fuzzed process: instruments the package while it is imported, then hands over to libFuzzer.

python -m fuzz.child MODULE TARGET CORPUS... [-libfuzzer=flags]
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import atheris

from fuzz.target import inputs, load, name_of


def main(arguments: list[str]) -> None:
    """Fuzz until a bound is reached or something is found."""
    module, name, *rest = arguments
    warnings.simplefilter("ignore")  # of certificates that libraries will refuse one day
    measured = ["adyton", module.split(".")[0]]
    with atheris.instrument_imports(include=measured, enable_loader_override=False):
        target = load(module)[name]
    corpora = [Path(item) for item in rest if not item.startswith("-")]
    for content in inputs(target):
        if len(content) <= target.most:
            (corpora[0] / name_of(content)).write_bytes(content)
    atheris.Setup([sys.argv[0], *rest, f"-max_len={target.most}"], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
