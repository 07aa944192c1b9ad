"""Which blobs pending tasks name: counted while they are pending, and forgotten with the last of them."""

from __future__ import annotations

from unittest.mock import Mock

from adyton.enclave.apps.tasks import PendingTask, Tasks
from adyton.enclave.state import Loaded
from adyton.protocol.task import BlobRef, Content, Input
from tests.task_kit import python


def pending(exec_id: bytes, blob_id: bytes) -> Loaded:
    """A pending task as it lies in the state, that names one blob twice."""
    content = Content(None, BlobRef(blob_id, bytes(32), bytes(32), 1))
    task = python("", inputs=(Input("one", content), Input("two", content)))
    made = PendingTask(exec_id, exec_id, bytes(32), bytes(32), 0, task.encode())
    return Loaded("tasks", b"pending" + exec_id, made.encode())


def test_a_blob_is_needed_while_another_task_names_it() -> None:
    tasks = Tasks(Mock(), Mock())
    first, second, blob = b"1" * 32, b"2" * 32, b"b" * 32
    for exec_id in (first, second):
        tasks.visit(pending(exec_id, blob))
    assert tasks.needs_blob(blob, first)
    tasks.close(second, second)
    assert not tasks.needs_blob(blob, first)
    tasks.close(first, first)
    assert not tasks.needs_blob(blob, first)


def test_nothing_of_a_blob_stays_when_its_tasks_have_ended() -> None:
    tasks = Tasks(Mock(), Mock())
    for number in range(50):
        exec_id = number.to_bytes(32, "big")
        tasks.visit(pending(exec_id, exec_id))
        tasks.close(exec_id, exec_id)
    assert len(tasks._blobs) == 0
