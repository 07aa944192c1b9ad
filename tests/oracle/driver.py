"""Runs the oracle over many files in one process of its own environment; the package under test is not in it.

python driver.py ORACLE     each line of standard input is a file's name and a policy, each line of output its result
"""

import argparse
import importlib.util
import json
import sys
from pathlib import Path


def main(oracle: str) -> None:
    """Answer line by line."""
    if importlib.util.find_spec("adyton") is not None:
        raise SystemExit("the package is within reach: this would prove nothing")
    sys.path.insert(0, oracle)
    import verify  # type: ignore[import-not-found]  # the oracle's own module, found by that path

    for line in sys.stdin:
        asked = json.loads(line)
        policy = verify.Policy(argparse.Namespace(**asked["policy"]))
        if "max_evidence_age_ms" in asked:
            policy.age_ms = asked["max_evidence_age_ms"]
        content = bytes.fromhex(asked["content"]) if asked.get("content") else None
        checks = verify.verify(Path(asked["file"]).read_bytes(), policy, content)
        failed = [step["step"] for step in checks.steps if step["state"] == "failed"]
        shown = {name: value.hex() for name, value in checks.shown.items()}
        print(json.dumps([failed, checks.reason, shown]), flush=True)


main(sys.argv[1])
