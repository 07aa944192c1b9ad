"""The fuzzed process: instruments the package while it is imported, then hands over to libFuzzer.

python -m fuzz.child MODULE TARGET CORPUS... [-libfuzzer=flags]
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Final

import atheris

from fuzz.target import Target, inputs, load, name_of

# Python's own lists of what a request has left grow for a while: the bound is on leaps, not on drift.
LIMITS: Final = ("-timeout=10", "-rss_limit_mb=2048", "-malloc_limit_mb=1024")


def instrumented(module: str) -> dict[str, Target]:
    """Import a module and return its targets; what is imported for it is instrumented."""
    warnings.simplefilter("ignore")  # of certificates that libraries will refuse one day
    measured = ["adyton", module.split(".")[0]]
    with atheris.instrument_imports(include=measured, enable_loader_override=False):
        return load(module)


def begin(target: Target, arguments: list[str]) -> None:
    """Fuzz until a bound is reached or something is found; ends the process.

    Args:
        target: what is called with each input.
        arguments: directories of inputs, the first of which is filled, and libFuzzer's flags.
    """
    corpora = [Path(item) for item in arguments if not item.startswith("-")]
    for content in inputs(target):
        if len(content) <= target.most:
            (corpora[0] / name_of(content)).write_bytes(content)
    bounds = [*LIMITS, f"-max_len={target.most}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *arguments, *bounds], target.run)
    atheris.Fuzz()


def main(arguments: list[str]) -> None:
    """Fuzz one target of a module."""
    module, name, *rest = arguments
    begin(instrumented(module)[name], rest)


if __name__ == "__main__":
    main(sys.argv[1:])
