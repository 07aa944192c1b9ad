"""One client in a process of its own, with its own keystore: runs unique tasks and checks each.

    python -m bench.task_client URL FINGERPRINT KEYS COUNT

Prints `"ready"` when it has appraised the server, begins at a line on standard input, and prints
`{"begun", "ended", "correct"}` by the monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from adyton.client import Session, fetch, prepare_task, submit, task_limits
from adyton.protocol.genesis import Genesis
from bench import work
from bench.server import session


def run(opened: Session, one: work.Work) -> bool:
    """Run one task; say whether exactly what it had to leave came back."""
    granted = Genesis.decode(opened.pin.genesis).configuration.tasks
    prepared = prepare_task(
        work.FILE_NAME,
        work.CODE,
        task_limits=task_limits(granted),
        created_ms=opened.now_ms(),
        arguments=[one.label],
        inputs=[(work.INPUT_NAME, one.content)],
    )
    result = fetch(opened, submit(opened, prepared), timeout_s=120).result
    outputs = {output.path: output.content for output in result.outputs}
    return (
        result.exit_code == 0
        and result.stdout == one.stdout
        and outputs == {"sorted.txt": one.output}
    )


def main(url: str, fingerprint: str, keys: str, count: str) -> None:
    """Run tasks when told to."""
    with session(url, fingerprint, Path(keys)) as opened:
        jobs = [work.make() for _ in range(int(count) + 1)]
        correct = int(run(opened, jobs.pop())) - 1  # the first warms up and is not counted
        print(json.dumps("ready"), flush=True)
        sys.stdin.readline()
        begun = time.monotonic()
        for one in jobs:
            correct += int(run(opened, one))
        print(json.dumps({"begun": begun, "ended": time.monotonic(), "correct": correct}))


if __name__ == "__main__":
    main(*sys.argv[1:])
