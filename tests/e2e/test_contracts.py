"""`adyton contract`, as people use it: a project, a deployment, calls, receipts, and what is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session
from adyton.client.contract_calls import ContractFailed
from adyton.client.contracts import Contract, deploy, describe
from adyton.core.errors import UsageError
from tests.contract_compiler import contract_compiler
from tests.contract_kit import BUILT
from tests.e2e.command import ADYTON, Client, Server, environment, serving

COUNTER = str(BUILT / "counter.wasm")
TOKEN = str(BUILT / "token.wasm")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("contracts") / "data") as running:
        yield running


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Client:
    made = Client(tmp_path / "home", server)
    made.trust()
    return made


def deployed(client: Client, module: str = COUNTER, *more: str) -> str:
    made = client.json("contract", "deploy", module, *more)
    assert "error" not in made, made
    address: str = made["address"]
    return address


@pytest.fixture(scope="module")
def owner(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Client:
    made = Client(tmp_path_factory.mktemp("owner") / "home", server)
    made.trust()
    return made


@pytest.fixture(scope="module")
def counter(owner: Client) -> str:
    """The owner's counter, for tests that leave it as it is."""
    return deployed(owner)


def test_a_new_project_passes_its_test_builds_and_runs(client: Client, tmp_path: Path) -> None:
    contract_compiler()
    ran = subprocess.run(
        [*ADYTON, "contract", "new", "hello"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    project = tmp_path / "hello"
    assert client.json("contract", "test", str(project)) == {"passed": True}
    built = client.json("contract", "build", str(project))
    assert (built["calls"], built["queries"], built["interface"]) == (["add"], ["get"], True)
    address = deployed(client, built["module"])
    assert client.json("contract", "call", address, "add", '{"amount": 2}')["value"] == 2
    assert client.json("contract", "query", address, "get")["value"] == 2
    described = client.json("contract", "describe", address)
    assert described["code_hash"] == built["code_hash"]
    again = client.run("contract", "new", "hello", cwd=tmp_path)
    assert (again.returncode, "exists" in again.stderr) == (2, True)


def test_a_test_that_fails_and_code_that_does_not_build_are_told(
    client: Client, tmp_path: Path
) -> None:
    client.ok("contract", "new", "broken", cwd=tmp_path)
    source = tmp_path / "broken" / "src" / "lib.rs"
    right = source.read_text("utf-8")
    source.write_text(right.replace("assert_eq!(get(), 5)", "assert_eq!(get(), 6)"), "utf-8")
    failed = client.run("contract", "test", str(tmp_path / "broken"))
    assert (failed.returncode, "a test fails" in failed.stderr) == (2, True)
    source.write_text(right.replace("fn get()", "fn got()"), "utf-8")
    failed = client.run("contract", "build", str(tmp_path / "broken"))
    assert (failed.returncode, "rustc refuses" in failed.stderr) == (2, True)


def test_what_everybody_may_know_is_described(client: Client, tmp_path: Path) -> None:
    address = deployed(client, COUNTER, "--upgradable", "--padding", "512")
    told = client.json("contract", "describe", address, "--code", str(tmp_path / "code.wasm"))
    assert (tmp_path / "code.wasm").read_bytes() == Path(COUNTER).read_bytes()
    assert (told["upgrade"], told["padding"], told["ordering"]) == ("deployer", 512, "single-host")
    assert told["deployer"] == client.json("whoami")["client_key"]
    assert (told["version"], told["calls"], told["queries"]) == (0, ["add"], ["get"])
    upgraded = client.json("contract", "upgrade", address, COUNTER)
    assert upgraded["error"]["code"] == "call_failed"  # it has no migrate
    shown = client.ok("contract", "describe", address)
    assert "call add(amount: u64) -> u64" in shown


@pytest.mark.parametrize(
    ("given", "exit_code", "code"),
    [
        (("call", "{}", "add", '{"amount": -1}'), 2, "interface"),
        (("call", "{}", "add", '{"amount": "x"}'), 2, "interface"),
        (("call", "{}", "add", '{"amount": 1.5}'), 2, "interface"),
        (("call", "{}", "add", '{"amount": 1, "more": 2}'), 2, "interface"),
        (("call", "{}", "add"), 2, "interface"),
        (("call", "{}", "add", "[1]"), 2, "interface"),
        (("call", "{}", "add", "no json"), 2, "bad_argument"),
        (("call", "{}", "nope"), 2, "method_unknown"),
        (("query", "{}", "add", '{"amount": 1}'), 2, "method_unknown"),
        (("call", "{}", "add", "hex:00"), 6, "call_failed"),
        (("call", "{}", "add", '{"amount": 1}', "--fuel", "1000"), 6, "call_failed"),
        (("call", "{}", "add", '{"amount": 1}', "--fuel", "0"), 2, "bad_argument"),
        (("call", "00" * 32, "add", '{"amount": 1}'), 2, "contract_unknown"),
        (("call", "zz", "add"), 2, "usage"),
        (("call", "{}", "add", '{"amount": 1}', "--ordering", "bft"), 5, "ordering_unavailable"),
        (("deploy", __file__), 3, "module_refused"),
        (("deploy", COUNTER, "--ordering", "bft"), 5, "ordering_unavailable"),
        (("deploy", COUNTER, '{"x": 1}'), 2, "interface"),
        (("upgrade", "{}", COUNTER), 5, "not_upgradable"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_to_do(
    owner: Client, counter: str, given: tuple[str, ...], exit_code: int, code: str
) -> None:
    done = owner.run("contract", *[counter if word == "{}" else word for word in given], "--json")
    told = json.loads(done.stdout)["error"]
    assert (told["code"], done.returncode) == (code, exit_code), told
    assert told["message"]
    assert owner.json("contract", "query", counter, "get")["value"] == 0


def test_a_receipt_opens_what_is_shown_and_fails_where_it_is_altered(
    client: Client, tmp_path: Path
) -> None:
    address = deployed(client)
    receipt = tmp_path / "call.receipt"
    client.ok(
        "contract", "call", address, "add", '{"amount": 7}', "--receipt", str(receipt),
        "--show", "address,method,status",
    )  # fmt: skip
    verdict = client.json("verify", str(receipt), "--explain")
    assert verdict["subject"] == "contract call"
    assert verdict["shown"] == {"address": address, "method": "add", "status": "done"}
    assert verdict["closed"] == ["code_hash", "caller", "input", "output", "usage"]
    assert {step["state"] for step in verdict["steps"]} == {"passed"}
    copy = tmp_path / "copy.receipt"
    client.ok("verify", str(receipt), "--redact", "method", "--out", str(copy))
    assert client.json("verify", str(copy))["shown"] == {"address": address, "status": "done"}
    assert client.run("verify", str(copy), "--redact", "method", "--out", "no").returncode == 2
    raw = receipt.read_bytes()
    assert (7).to_bytes(8, "little") not in raw
    for at in (len(raw) // 3, len(raw) // 2, len(raw) - 2):
        altered = bytearray(raw)
        altered[at] ^= 1
        receipt.write_bytes(altered)
        assert client.run("verify", str(receipt)).returncode in (3, 4)
    twice = client.run(
        "contract", "call", address, "add", '{"amount": 7}', "--receipt", str(receipt)
    )
    assert twice.returncode == 2


def test_a_failed_call_has_a_receipt_too(client: Client, tmp_path: Path) -> None:
    address = deployed(client)
    receipt = tmp_path / "failed.receipt"
    done = client.run("contract", "call", address, "add", "hex:", "--receipt", str(receipt))
    assert (done.returncode, "the input has no amount" in done.stderr) == (6, True)
    assert client.json("verify", str(receipt))["shown"]["status"] == "refused"


def test_events_are_read_by_whom_they_are_for(
    server: Server, client: Client, tmp_path: Path
) -> None:
    other = Client(tmp_path / "other", server)
    other.trust()
    address = deployed(client, TOKEN, '{"name": "coin"}')
    own, theirs = client.json("whoami")["client_key"], other.json("whoami")["client_key"]
    for one in (client, other):
        key = one.json("contract", "events", "--key")["events_key"]
        one.ok("contract", "call", address, "tell", json.dumps({"key": key}))
    client.ok("contract", "call", address, "mint", json.dumps({"to": own, "amount": 100}))
    client.ok("contract", "call", address, "transfer", json.dumps({"to": theirs, "amount": 40}))
    expected = {"from": own, "to": theirs, "amount": 40}
    for one in (client, other):
        (event,) = one.json("contract", "events", address)["events"]
        assert (event["data"], event["sealed"]) == (expected, True)
    third = Client(tmp_path / "third", server)
    third.trust()
    assert third.json("contract", "events", address)["events"] == []
    assert other.json("contract", "query", address, "balance")["value"] == 40
    assert third.json("contract", "query", address, "balance")["value"] == 0
    assert third.json("chain", "verify")["verified"] is True


def test_typed_methods_from_python(server: Server, client: Client) -> None:
    policy = AppraisalPolicy(allow_simulated=True)
    with Session(Keystore(client.home), HttpTransport(server.url), policy) as session:
        contract, called = deploy(session, Path(COUNTER).read_bytes())
        assert called.entry is not None
        assert contract.calls.add(amount=5) == 5
        assert contract.queries.get() == 5
        assert dir(contract.calls) == ["add"]
        with pytest.raises(AttributeError):
            contract.calls.take(amount=1)
        with pytest.raises(UsageError, match="lacks 'amount'"):
            contract.calls.add()
        with pytest.raises(ContractFailed, match="the count is full") as failed:
            contract.calls.add(amount=2**64 - 1)
        assert failed.value.result.usage.fuel > 0
        same: Contract = describe(session, contract.address)
        assert same.query("get") == 5


def test_contracts_go_on_after_a_restart(server: Server, client: Client) -> None:
    address = deployed(client)
    client.ok("contract", "call", address, "add", '{"amount": 3}')
    server.stop()
    server.start()
    answer: dict[str, Any] = client.json("contract", "call", address, "add", '{"amount": 4}')
    assert answer["value"] == 7
