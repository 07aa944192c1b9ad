"""The tasks app: accepts at once; the runner carries out later, and its end is a second entry."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Annotated, Protocol

from adyton.core import limits
from adyton.core.errors import PolicyError, UsageError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, Uint, message
from adyton.enclave.apps.base import Call, Outcome
from adyton.enclave.state import Loaded, State
from adyton.enclave.state_value import TRANSIENT
from adyton.protocol import task
from adyton.protocol.task import Task

_PENDING = b"pending"


@message("pending-task/1", max_bytes=limits.STATE_PENDING)
class PendingTask(Message):
    """An accepted task that is not finished; transient state, never recoverable.

    Attributes:
        exec_id: of its acceptance.
        result_key: under which its result goes back.
        starts: starts of the enclave before its acceptance; attempts are counted from it.
        task: encoded `Task`.
    """

    exec_id: Bytes32
    task_hash: Bytes32
    client_key: Bytes32
    result_key: Bytes32
    starts: Uint
    task: Annotated[bytes, AtMost(limits.ARGUMENTS_BYTES)]


class TaskStarter(Protocol):
    """The runner, as the app sees it."""

    def start(self, exec_id: bytes) -> None:
        """Begin a pending task."""


class Tasks:
    """Accepts tasks, and closes them when their runner says so."""

    name = task.APP

    def __init__(self, state: State, starter: TaskStarter) -> None:
        self._state = state
        self._starter = starter
        # Execution id to task hash, as the state has them; so an end costs no question to the host.
        self._pending: dict[bytes, bytes] = {}
        self._named: dict[bytes, tuple[bytes, ...]] = {}
        self._blobs: Counter[bytes] = Counter()
        self.starts = 0

    def visit(self, loaded: Loaded) -> None:
        """Take up a pending task met while the state is loaded."""
        if loaded.app == self.name and loaded.name.startswith(_PENDING):
            pending = PendingTask.decode(loaded.value)
            self._take_up(pending.exec_id, pending.task_hash, Task.decode(pending.task))

    @property
    def pending(self) -> tuple[bytes, ...]:
        """Execution ids of the accepted tasks that are not finished."""
        return tuple(self._pending)

    def pending_task(self, exec_id: bytes) -> PendingTask | None:
        """Return a pending task as of the last executed block, from any thread; None when it is finished."""
        stored = self._state.read(self.name, _PENDING + exec_id)
        return None if stored is None else PendingTask.decode(stored)

    def execute(self, call: Call) -> Outcome:
        """Accept a task."""
        if call.request.method != task.SUBMIT:
            raise UsageError("method_unknown", "tasks have one method: submit")
        submitted = Task.decode(call.request.arguments)
        submitted.require_valid()
        submitted.limits.require_within(call.genesis.configuration.tasks)
        if len(self._pending) >= limits.TASKS_PENDING:
            raise PolicyError("overloaded", "too many tasks are pending on this chain")
        pending = PendingTask(
            call.exec_id,
            call.task_hash,
            call.request.client_key,
            call.request.result_key,
            self.starts,
            call.request.arguments,
        )
        call.state.set(self.name, _PENDING + call.exec_id, pending.encode(), kind=TRANSIENT)
        self._take_up(call.exec_id, call.task_hash, submitted)
        return Outcome(after_commit=partial(self._starter.start, call.exec_id))

    def close(self, exec_id: bytes, task_hash: bytes) -> None:
        """Take a task off the pending ones.

        Raises:
            PolicyError: it is not pending: the first finish wins.
        """
        if self._pending.get(exec_id) != task_hash:
            raise PolicyError("replayed", "this task is not pending")
        self._state.remove(self.name, _PENDING + exec_id)
        del self._pending[exec_id]
        for named in self._named.pop(exec_id):
            self._blobs[named] -= 1
            if not self._blobs[named]:
                del self._blobs[named]  # or every blob there ever was would stay in memory

    def needs_blob(self, blob_id: bytes, but: bytes) -> bool:
        """Say whether a pending task other than the one accepted as `but` names the blob; from any thread."""
        return self._blobs[blob_id] > (blob_id in self._named.get(but, ()))

    def _take_up(self, exec_id: bytes, task_hash: bytes, submitted: Task) -> None:
        self._pending[exec_id] = task_hash
        named = tuple({one.blob.id for one in submitted.contents() if one.blob is not None})
        self._named[exec_id] = named
        self._blobs.update(named)
