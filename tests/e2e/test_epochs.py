"""Short epochs under a real server: clients on several threads never notice, through kills; all of it verifies."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session, list_account, notarize, run_task
from adyton.core.errors import UnavailableError
from tests.e2e.command import Client, Server, serving, until

THREADS = 3
ORACLE = Path(__file__).resolve().parents[2] / "oracle"


def epoch_of(server: Server) -> int:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    (line,) = [line for line in lines if line.startswith("adyton_epoch ")]
    return int(float(line.split()[1]))


class Worker(threading.Thread):
    """A client that notarizes, reads and runs tasks until it is told to stop; any failure is kept."""

    def __init__(self, number: int, home: Path, server: Server, *, killed: bool) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.home = home
        self.server = server
        self.killed = killed
        self.stopping = threading.Event()
        self.done = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        script = self.home.with_suffix(".py")
        script.write_text("import sys; print(int(sys.argv[1]) ** 2)")
        policy = AppraisalPolicy(allow_simulated=True)
        try:
            with Session(Keystore(self.home), HttpTransport(self.server.url), policy) as session:
                session.trust(bytes.fromhex(self.server.fingerprint))
                while not self.stopping.is_set():
                    self.once(session, script)
        except BaseException as failure:  # noqa: BLE001  # told by the test's thread
            self.failure = failure

    def once(self, session: Session, script: Path) -> None:
        value = self.number * 1_000_000 + self.done
        try:
            for _ in range(3):
                notarize(session, f"{value}".encode())
            list_account(session)
            if self.done % 4 == 0:
                ended = run_task(session, script, arguments=[str(value)], timeout_s=120)
                assert ended.result.stdout == f"{value * value}\n".encode()
        except UnavailableError:
            if not self.killed:
                raise
            return
        self.done += 1


def working(server: Server, tmp_path: Path, *, killed: bool = False) -> list[Worker]:
    workers = [
        Worker(number, tmp_path / f"worker{number}", server, killed=killed)
        for number in range(THREADS)
    ]
    for worker in workers:
        worker.start()
    return workers


def ended(workers: list[Worker]) -> None:
    for worker in workers:
        worker.stopping.set()
    for worker in workers:
        worker.join(150)
        assert not worker.is_alive()
        if worker.failure is not None:
            raise worker.failure
        assert worker.done


def verified(server: Server, client: Client, certificates: list[str]) -> None:
    """Certificates and the whole chain verify, by the client and by the oracle."""
    for certificate in certificates:
        client.ok("verify", certificate)
        oracle = subprocess.run(
            [sys.executable, str(ORACLE / "verify.py"), certificate, "--fingerprint",
             server.fingerprint, "--allow-simulated"],
            capture_output=True, text=True, timeout=60, check=False, env={"PATH": ""},
        )  # fmt: skip
        assert oracle.returncode == 0, oracle.stdout + oracle.stderr
    client.ok("chain", "sync")
    client.ok("chain", "verify")


def pending_over_two_epochs(server: Server, client: Client, slow: Path) -> str:
    """Return a task that was still running when its epoch had ended, and the next."""
    for seconds in (3, 12, 48):
        slow.write_text(f"import time; time.sleep({seconds}); print('over the boundary')")
        task: str = client.json("run", str(slow), "--no-wait")["task"]
        after = epoch_of(server) + 2
        until(lambda after=after: epoch_of(server) >= after, "two epochs", 120)  # type: ignore[misc]  # a bound default
        asked = client.json("results", task, "--wait", "0")
        if "error" in asked:
            assert asked["error"]["code"] == "timeout", asked
            return task
    raise AssertionError("no task was slow enough")


def test_clients_work_over_several_epochs_unasked(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--epoch-blocks", "20", "--epoch-grace", "4") as server:
        client = Client(tmp_path / "home", server)
        client.trust()
        script = tmp_path / "task.py"
        script.write_text("print('before')")
        before = client.json("run", str(script))
        workers = working(server, tmp_path)
        accepted = pending_over_two_epochs(server, client, tmp_path / "slow.py")
        until(lambda: epoch_of(server) >= 4, "four epochs", 120)
        # Its server key and tickets are of an epoch that has long ended; nobody asks it to do anything.
        after = client.json("run", str(script))
        assert after["stdout"] == "before\n"
        shown = client.json("results", accepted)
        assert shown["stdout"] == "over the boundary\n"
        ended(workers)
        assert client.json("results", before["task"])["stdout"] == "before\n"
        verified(server, client, [before["certificate"], after["certificate"]])


def test_a_kill_at_any_time_loses_no_epoch(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--epoch-blocks", "8", "--epoch-grace", "3") as server:
        client = Client(tmp_path / "home", server)
        client.trust()
        workers = working(server, tmp_path, killed=True)
        for kill in range(4):
            least = epoch_of(server) + 1
            until(lambda least=least: epoch_of(server) >= least, "another epoch", 60)  # type: ignore[misc]  # a bound default
            server.stop(signal.SIGKILL if kill % 4 else signal.SIGTERM)
            server.start()
        ended(workers)
        script = tmp_path / "task.py"
        script.write_text("print('after')")
        after = client.json("run", str(script))
        verified(server, client, [after["certificate"]])
