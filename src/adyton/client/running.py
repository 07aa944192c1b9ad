"""The shortest way: a code file goes in, a verified result comes out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from adyton.client.finished_task import FinishedTask
from adyton.client.session import Session
from adyton.client.task_files import prepare_task, read_file, read_inputs, task_limits
from adyton.client.tasks import fetch, submit
from adyton.protocol.genesis import Genesis


def run_task(
    session: Session,
    path: str | os.PathLike[str],
    *,
    arguments: Sequence[str] = (),
    stdin: bytes | None = None,
    inputs: Sequence[str | os.PathLike[str]] = (),
    wall_s: int | None = None,
    memory: int | None = None,
    name: str = "",
    ordering: str = "single-host",
    timeout_s: float = 3600.0,
) -> FinishedTask:
    """Run a code file in the enclave, and return its result when it is fetched and verified.

    Args:
        path: of the code file.
        arguments: for the program.
        stdin: its standard input.
        inputs: files that are to lie in its working directory, under their base names.
        wall_s: seconds it may run; by default all that the chain grants.
        memory: bytes it may use; by default all that the chain grants.
        name: for the client's own list.
        ordering: the least ordering level to accept.
        timeout_s: the longest to wait for the end; the task stays in the list.

    Raises:
        UsageError, MalformedError, PolicyError: the task cannot be made so.
        Error: as `submit` and `fetch`.
    """
    granted = Genesis.decode(session.pin.genesis).configuration.tasks
    prepared = prepare_task(
        Path(path).name,
        read_file(Path(path)),
        task_limits=task_limits(granted, wall_s=wall_s, memory=memory),
        created_ms=session.now_ms(),
        arguments=arguments,
        stdin=stdin,
        inputs=read_inputs([Path(one) for one in inputs]),
        name=name,
    )
    return fetch(session, submit(session, prepared, ordering=ordering), timeout_s=timeout_s)
