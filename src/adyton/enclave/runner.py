"""The code runner: carries out accepted tasks in the sandbox, and signs their ends.

It has a key of its own, announced with evidence in the start entry. Tasks come to it by the execution id of their
acceptance, and are read from the sealed state, so that those that a stop interrupted are found again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import partial
from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey
from adyton.core.errors import Error, UnavailableError
from adyton.enclave.apps.tasks import PendingTask
from adyton.enclave.host_port import HostPort
from adyton.enclave.keys import Keys
from adyton.enclave.run_task import RunResult, failed, run_task
from adyton.protocol import task as task_messages
from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit
from adyton.protocol.task import Finish, SignedFinish, Task, Usage, blob_id
from adyton.sandbox.jail import Jail

_HANDS: Final = 8  # ends that wait for their blocks at one time
_ENDS: Final = 64  # ends that are made and not stored
_RETRY_S: Final = (0.05, 0.2, 1.0, 5.0)


class Runner:
    """Runs tasks on worker threads.

    Args:
        key: signs the ends of tasks.
        keys: of the chain.
        link: to the host, for blobs and for handing in ends.
        jail: confines guests; None where the machine has no tier for native tasks.
        measurement: of this enclave, for the run information.
        read_pending: returns a pending task from the state, from any thread.
        starts: how often the enclave has started on this chain.
        needed: says whether a pending task other than the one given names a blob, from any thread.
    """

    def __init__(
        self,
        *,
        key: SigningKey,
        keys: Keys,
        link: HostPort,
        jail: Jail | None,
        measurement: bytes,
        read_pending: Callable[[bytes], PendingTask | None],
        starts: Callable[[], int],
        needed: Callable[[bytes, bytes], bool],
    ) -> None:
        self._key = key
        self._keys = keys
        self._link = link
        self._jail = jail
        self._measurement = measurement
        self._read_pending = read_pending
        self._starts = starts
        self._needed = needed
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._running = 0
        self._lock = threading.Lock()
        # An end waits for its block; the worker does not, unless very many ends are waiting.
        self._hands = ThreadPoolExecutor(_HANDS, "runner-end")
        self._ends = threading.BoundedSemaphore(_ENDS)
        self._handing: set[Future[None]] = set()
        self._workers = [
            threading.Thread(target=self._work, name=f"runner-{number}", daemon=True)
            for number in range(keys.genesis.configuration.tasks.workers)
        ]
        for worker in self._workers:
            worker.start()

    @property
    def running(self) -> int:
        """Tasks in the sandbox now."""
        return self._running

    def start(self, exec_id: bytes) -> None:
        """Begin a task whose acceptance is stored."""
        self._queue.put(exec_id)

    def stop(self) -> None:
        """End every guest; their tasks stay pending."""
        self._stop.set()
        for _ in self._workers:
            self._queue.put(None)

    def join(self, timeout_s: float) -> None:
        """Wait for the workers to end, and for the ends that are being handed in, and close the jail."""
        deadline = time.monotonic() + timeout_s
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        self._hands.shutdown(wait=False, cancel_futures=True)
        wait_for(list(self._handing), max(0.0, deadline - time.monotonic()))
        if self._jail is not None:
            self._jail.close()

    def _work(self) -> None:
        while (exec_id := self._queue.get()) is not None and not self._stop.is_set():
            with self._lock:
                self._running += 1
            try:
                self._carry_out(exec_id)
            except Exception:  # noqa: BLE001, S110  # a worker must outlive its task, and no text may leave
                # The host is gone or lies, or memory is short: the task stays pending until the next start.
                pass
            finally:
                with self._lock:
                    self._running -= 1

    def _carry_out(self, exec_id: bytes) -> None:
        pending = self._read_pending(exec_id)
        if pending is None:
            return
        submitted = Task.decode(pending.task)
        attempt = max(1, self._starts() - pending.starts + 1)
        if attempt > limits.TASK_ATTEMPTS:
            run = failed(submitted, "attempts_exhausted", self._jail)
        else:
            run = self._run(submitted)
        if self._stop.is_set():
            return
        finish = partial(self._finish, pending, run, attempt)
        signed = finish()
        self._ends.acquire()
        handing = self._hands.submit(self._end, exec_id, signed, run.blobs, finish)
        self._handing.add(handing)
        handing.add_done_callback(self._handing.discard)

    def _run(self, submitted: Task) -> RunResult:
        try:
            return run_task(submitted, self._jail, self._link, self._stop)
        except Error:
            raise
        except Exception:  # noqa: BLE001  # the last line of defence: its text may hold a secret
            # A fault of ours: the client is told so, and no text that might hold its data leaves.
            return failed(submitted, "invariant", self._jail)

    def _finish(self, pending: PendingTask, run: RunResult, attempt: int) -> bytes:
        """Seal result and run information, commit to the claims, and sign, as a transaction."""
        epoch = self._keys.epoch
        info = run.run_info(self._measurement, epoch, attempt)
        about = (pending.result_key, pending.exec_id, attempt, self._key.public)
        sealed = task_messages.seal_result(run.result.encode(), *about)
        inline = len(sealed) <= limits.RESULT_INLINE
        result_blob = None
        if not inline:
            result_blob = blob_id(sealed)
            self._link.put_blob(result_blob, sealed)
        commitments = commit(
            TASK_FIELDS, run.claim_values(info), pending.result_key, pending.exec_id
        )
        usage = Usage(info.wall_us, info.cpu_us, info.peak_memory, info.bytes_in, info.bytes_out)
        finish = Finish(
            self._keys.chain_id,
            pending.task_hash,
            pending.exec_id,
            attempt,
            self._key.public,
            epoch,
            sealed if inline else None,
            result_blob,
            len(sealed),
            task_messages.seal_run_info(info.encode(), *about),
            claims_digest(commitments),
            self._keys.finish(epoch).seal(usage.encode(), Context.AD_FINISH, pending.exec_id),
        )
        return SignedFinish.sign(finish, self._key).encode()

    def _end(
        self,
        exec_id: bytes,
        transaction: bytes,
        blobs: tuple[bytes, ...],
        anew: Callable[[], bytes],
    ) -> None:
        """Hand in a task's end, and let go of its inputs when the end is stored."""
        try:
            self._hand_in(transaction, anew)
            self._link.drop_blobs(tuple(one for one in blobs if not self._needed(one, exec_id)))
        except Error:
            # The host is gone or lies: the task stays pending, and is begun again at the next start.
            pass
        finally:
            self._ends.release()

    def _hand_in(self, transaction: bytes, anew: Callable[[], bytes]) -> None:
        """Have the end ordered; an overloaded host is asked again, and an end of an ended epoch made anew."""
        for wait in _RETRY_S:
            if self._stop.is_set():
                raise UnavailableError("enclave_down", "nothing is handed in any more")
            try:
                self._link.submit(transaction)
                return
            except UnavailableError as problem:
                if problem.code not in ("overloaded", "wrong_epoch") or self._stop.wait(wait):
                    raise
                if problem.code == "wrong_epoch":
                    transaction = anew()
        self._link.submit(transaction)
