"""Takes up a large ledger in a process of its own, as host and enclave do when they start.

    python -m bench.size_child DATA

Prints `{"log", "state"}`, each as seconds and CPU seconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench import large

if __name__ == "__main__":
    print(json.dumps(large.taken_up(Path(sys.argv[1]))), flush=True)
