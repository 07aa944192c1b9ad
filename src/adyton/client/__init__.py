"""The client SDK: a relying party that verifies everything and trusts nothing from the server.

from adyton.client import HttpTransport, Keystore, Session, run_task
from adyton.attestation.policy import AppraisalPolicy

transport = HttpTransport("http://localhost:8384")
policy = AppraisalPolicy(allow_simulated=True)
with Session(Keystore("keys"), transport, policy) as session:
    session.trust(bytes.fromhex(fingerprint))  # once; it came to you another way
    done = run_task(session, "script.py", arguments=["7"], timeout_s=60)
print(done.result.stdout.decode())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from adyton.client.conflict import verify_conflict
    from adyton.client.device import Device
    from adyton.client.exchange import Accepted
    from adyton.client.executor import TaskExecutor
    from adyton.client.finished_task import FinishedTask
    from adyton.client.keystore import Keystore
    from adyton.client.notary import NotaryReceipt, notarize, verify_notary_receipt
    from adyton.client.outputs import save_outputs
    from adyton.client.records import RequestRecord
    from adyton.client.running import run_task
    from adyton.client.session import Session
    from adyton.client.task_files import PreparedTask, prepare_task, task_limits
    from adyton.client.tasks import fetch, list_account, submit
    from adyton.client.transport import HttpTransport, Transport
    from adyton.client.wallet_approved import ApprovalEnded, ApprovalPending

__all__ = [
    "Accepted",
    "ApprovalEnded",
    "ApprovalPending",
    "Device",
    "FinishedTask",
    "HttpTransport",
    "Keystore",
    "NotaryReceipt",
    "PreparedTask",
    "RequestRecord",
    "Session",
    "TaskExecutor",
    "Transport",
    "fetch",
    "list_account",
    "notarize",
    "prepare_task",
    "run_task",
    "save_outputs",
    "submit",
    "task_limits",
    "verify_conflict",
    "verify_notary_receipt",
]

# Loaded on first use: whoever needs one module of this package does not wait for all of them.
_HOME: Final = {
    "Accepted": "exchange",
    "ApprovalEnded": "wallet_approved",
    "ApprovalPending": "wallet_approved",
    "Device": "device",
    "FinishedTask": "finished_task",
    "HttpTransport": "transport",
    "Keystore": "keystore",
    "NotaryReceipt": "notary",
    "PreparedTask": "task_files",
    "RequestRecord": "records",
    "Session": "session",
    "TaskExecutor": "executor",
    "Transport": "transport",
    "fetch": "tasks",
    "list_account": "tasks",
    "notarize": "notary",
    "prepare_task": "task_files",
    "run_task": "running",
    "save_outputs": "outputs",
    "submit": "tasks",
    "task_limits": "task_files",
    "verify_conflict": "conflict",
    "verify_notary_receipt": "notary",
}


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
