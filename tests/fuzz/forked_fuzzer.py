"""Fuzzed processes, forked from one that has imported and instrumented every target.

Instrumenting takes far longer than a short run. Each run still has a process of its own, which libFuzzer ends, and
the limits of `fuzz.child`.

    python -m tests.fuzz.forked_fuzzer MODULE...
"""

from __future__ import annotations

import sys
from typing import Any

from fuzz.child import begin, instrumented
from tests.forked_runs import serve

if __name__ == "__main__":
    targets = {name: one for module in sys.argv[1:] for name, one in instrumented(module).items()}

    def fuzz(asked: dict[str, Any]) -> int:
        """Return 0 where nothing was found."""
        begin(targets[asked["target"]], asked["flags"])
        return 0

    serve(fuzz)
