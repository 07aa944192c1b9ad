"""Equal roots and equal blocks leave equal bytes, whatever the machine; nothing in a block draws or reads a clock."""

from __future__ import annotations

import ast
import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import adyton
from adyton.protocol import boundary
from adyton.protocol.boundary import BlockResult
from adyton.protocol.ledger import Checkpoint
from tests import replica, task_kit
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, public
from tests.recorded_blocks import Recorded
from tests.task_kit import python

ROOT = Path(__file__).resolve().parents[3]


def replayed(recording: str, environment: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    """Replay in a process with this environment."""
    run = subprocess.run(
        [sys.executable, "-s", "-m", "tests.replica", *arguments],
        input=recording, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT,
        env={"PYTHONPATH": os.pathsep.join(["src", "."]), **environment},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    told: list[dict[str, Any]] = json.loads(run.stdout)
    return told


def test_machines_that_have_nothing_in_common_but_the_root_agree(recorded: Recorded) -> None:
    recording = replica.record(recorded.host, recorded.blocks)
    kinds = {entry[2] for told in recorded.told for entry in told["entries"]}
    assert len(kinds) > 10
    one = replayed(
        recording, {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"}, "0", "00"
    )
    two = replayed(
        recording,
        {"PYTHONHASHSEED": "4242", "TZ": "America/Noronha", "LC_ALL": "C.UTF-8"},
        str(4_000_000_000_000),
        "a5c3",
    )
    assert len(one) == len(recorded.told) > 10
    for at, told in enumerate(recorded.told):
        written = json.loads(json.dumps(told))
        assert one[at] == written, at
        assert two[at] == written, at


def test_only_the_node_s_own_signature_differs(recorded: Recorded) -> None:
    recording = json.loads(replica.record(recorded.host, recorded.blocks[:1]))
    other = replica.Replica(Path(recording["directory"]), 0, b"\x01")
    other.sealed_root = bytes.fromhex(recording["root"])
    other.provision()
    other.load()
    other.serve()
    time_ms, transactions, _ = recorded.blocks[0]
    other.time_ms = time_ms - 1
    theirs = Checkpoint.decode(other.block(*transactions).checkpoint)
    ours = Checkpoint.decode(recorded.host.blocks[0].checkpoint)
    assert theirs.root == ours.root
    assert replace(theirs.facts, key_id=b"") == replace(ours.facts, key_id=b"")
    assert theirs.message.signature != ours.message.signature
    other.stop()


def test_another_root_leaves_other_bytes(recorded: Recorded, tmp_path: Path) -> None:
    # The comparison above is no comparison of constants.
    (tmp_path / "other").mkdir()
    other = HostSimulator(tmp_path / "other", sandbox=False)
    told = replica.account(other, other.start())
    assert told["app hash"] != recorded.told[0]["app hash"]
    other.stop()


def test_time_and_place_in_a_block_matter(own: HostSimulator) -> None:
    """One transaction, executed on forks that differ in one thing: no two share an answer."""
    client = contacted(own)
    envelope = client.envelope(client.notarize())
    before, after = client.envelope(client.notarize()), client.envelope(client.notarize())
    sealed = set()
    variants: list[tuple[int, tuple[bytes, ...]]] = [
        (0, (envelope,)), (1, (envelope,)), (0, (before, envelope)), (0, (envelope, after)),
    ]  # fmt: skip
    for later_ms, transactions in variants:
        fork = own.fork()
        fork.time_ms += later_ms
        fork.provision()
        fork.load()
        fork.serve()  # not announced: nothing but the block differs
        result = fork.execute(*transactions)
        entry = result.entries[transactions.index(envelope)]
        sealed.add(public(entry).sealed)
        fork.stop()
    assert len(sealed) == len(variants)


# --- no randomness, no clock ----------------------------------------------------------------------


def refuse(name: str) -> Callable[..., Any]:
    def called(*_: object, **__: object) -> Any:
        raise AssertionError(f"a block called {name}")

    return called


def test_a_block_draws_nothing_and_reads_no_clock(
    own: HostSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = contacted(own)
    signed = client.sign(client.notarize())
    first = client.seal(signed)
    task = client.envelope(client.request("tasks", "submit", python("").encode()))
    second, third = client.seal(signed), client.envelope(client.notarize())
    ended = task_kit.submit(client, python(""))
    finish = task_kit.finish_of(own, ended.exec_id)
    own.stop()
    own.provision()
    own.load()
    start = own.serve()
    platform: Any = own.dispatcher._platform
    for name in ("entropy", "now_ms", "evidence", "sealing_secret"):
        vars(platform)[name] = refuse(f"platform.{name}")
    for module, name in (
        (os, "urandom"), (time, "time"), (time, "time_ns"), (secrets, "token_bytes"),
        (random, "random"), (random, "getrandbits"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, refuse(name))
    answer = own.dispatcher.dispatch(
        boundary.ApplyBlock(
            own.height + 1, own.time_ms + 1,
            (start, first, second, first, third, task, finish, finish, b"", b"\xff"), False,
        ).encode()
    )  # fmt: skip
    monkeypatch.undo()
    assert isinstance(answer, BlockResult)
    kinds = [public(entry).kind for entry in answer.entries]
    assert kinds == [
        "start", "request", "request", "void", "request", "request", "finish", "void", "void",
        "void",
    ]  # fmt: skip


EXECUTES = (
    "machine.py", "intake.py", "members.py", "state.py", "state_tree.py", "recorder.py", "keys.py",
    "epochs.py", "generations.py",
    "apps/base.py", "apps/notary.py", "apps/tasks.py", "apps/account.py",
)  # fmt: skip
FORBIDDEN_IMPORTS = {
    "os", "time", "random", "secrets", "uuid", "datetime", "socket", "threading", "subprocess",
    "tempfile", "asyncio", "adyton.enclave.platform", "adyton.sandbox", "adyton.enclave.runner",
}  # fmt: skip
FORBIDDEN_NAMES = {"entropy", "hpke_seal", "urandom", "hash", "id"}


def faults(source: str) -> set[str]:
    """What in a module could draw, read a clock, or depend on the process."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *[alias.name for alias in node.names]}
        elif isinstance(node, ast.Name):
            found.add(node.id if node.id in FORBIDDEN_NAMES else "")
        elif isinstance(node, ast.Attribute) and node.attr in {"entropy", "now_ms"}:
            found.add(node.attr)
    return {
        name
        for name in found
        if name in FORBIDDEN_NAMES | {"now_ms"}
        or any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN_IMPORTS)
    }


@pytest.mark.parametrize(
    "source",
    ["import time", "from os import urandom", "import os.path", "x.entropy(3)", "p.now_ms()",
     "from adyton.core.crypto import hpke_seal", "hash(x)", "def f():\n    import random"],
)  # fmt: skip
def test_the_check_of_sources_finds_faults(source: str) -> None:
    assert faults(source)


@pytest.mark.parametrize("name", EXECUTES)
def test_what_executes_blocks_has_no_source_of_randomness_or_time(name: str) -> None:
    source = (Path(adyton.__file__).parent / "enclave" / name).read_text()
    assert faults(source) == set()
