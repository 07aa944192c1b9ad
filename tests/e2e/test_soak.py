"""Minutes of mixed load with kills in between: nothing acknowledged is lost, and the chain verifies."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session, list_account, notarize, run_task
from adyton.core.errors import UnavailableError
from tests.e2e.command import Client, Server, serving

CLIENTS = 4
SECONDS = 120.0
KILL_EVERY_S = 20.0


class Worker(threading.Thread):
    """One client that notarizes and runs tasks until it is told to stop."""

    def __init__(self, number: int, home: Path, server: Server, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.home = home
        self.server = server
        self.stopping = stop
        self.done = 0
        self.failure: BaseException | None = None

    def session(self) -> Session:
        policy = AppraisalPolicy(allow_simulated=True)
        session = Session(Keystore(self.home), HttpTransport(self.server.url), policy)
        session.trust(bytes.fromhex(self.server.fingerprint))
        return session

    def run(self) -> None:
        script = self.home.with_suffix(".py")
        script.write_text("import sys; print(int(sys.argv[1]) ** 2)")
        try:
            with self.session() as session:
                while not self.stopping.is_set():
                    self.once(session, script)
        except BaseException as failure:  # noqa: BLE001  # told by the test's thread
            self.failure = failure

    def once(self, session: Session, script: Path) -> None:
        value = self.number * 1_000_000 + self.done
        try:
            notarize(session, str(value).encode())
            ended = run_task(session, script, arguments=[str(value)], timeout_s=120)
        except UnavailableError:
            return  # killed in between; what was sent is in the list, pending or accepted
        if ended.result.state == "done":
            assert ended.result.stdout == f"{value * value}\n".encode()
            self.done += 1


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_load_with_kills(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        stop = threading.Event()
        workers = [Worker(n, tmp_path / f"home{n}", server, stop) for n in range(CLIENTS)]
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not any(worker.failure for worker in workers):
            time.sleep(KILL_EVERY_S)  # the load runs meanwhile
            server.stop(signal.SIGKILL)
            server.start()
        stop.set()
        for worker in workers:
            worker.join(180)
            assert worker.failure is None
            assert worker.done > 0
            with worker.session() as session:
                assert len(list_account(session)) >= 2 * worker.done
        auditor = Client(tmp_path / "auditor", server)
        auditor.trust()
        auditor.ok("chain", "sync")
        auditor.ok("chain", "verify")
