"""Several tasks at once, as `concurrent.futures` does it: each future holds a verified result."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from adyton.client.finished_task import FinishedTask
from adyton.client.running import run_task
from adyton.client.session import Session


class TaskExecutor:
    """Runs code files in the enclave; a thread of this client waits for each.

    Args:
        session: shared by all; not closed here.
        at_once: tasks that are on their way at the same time; how many run, the chain decides.
    """

    def __init__(self, session: Session, *, at_once: int = 4) -> None:
        self._session = session
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="adyton-task")

    def submit(self, path: str | os.PathLike[str], **options: Any) -> Future[FinishedTask]:
        """Return the future of a task; `options` are those of `run_task`.

        A future that is cancelled before its task is on its way runs nothing; later it changes
        nothing: the task stays in the list of the keystore.
        """
        return self._threads.submit(run_task, self._session, path, **options)

    def close(self) -> None:
        """Wait for what is on its way."""
        self._threads.shutdown()

    def __enter__(self) -> TaskExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
