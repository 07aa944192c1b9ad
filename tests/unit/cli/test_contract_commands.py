"""`adyton contract` against a server that a test makes lie: what is sent, saved and shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from adyton.client.patience import Patience
from tests.adversary.contract_server import ContractServer, with_interface
from tests.contract_kit import BUILT
from tests.unit.cli.conftest import Adyton, Called, has_line, refused

COUNTER = str(BUILT / "counter.wasm")
SEVEN = (7).to_bytes(8, "little")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContractServer:
    """A server with contracts, reached under every address."""
    (tmp_path / "server").mkdir()
    made = ContractServer(tmp_path / "server")
    monkeypatch.setattr("adyton.client.transport.HttpTransport", lambda url: made)
    return made


@pytest.fixture
def address(trusted: Adyton, server: ContractServer) -> str:
    """The address of a counter."""
    made: str = trusted("contract", "deploy", COUNTER, "--json").json()["address"]
    server.outcome = {"output": (7).to_bytes(8, "little")}
    return made


def call(address: str) -> tuple[str, ...]:
    return "contract", "call", address, "add", '{"amount": 2}'


# --- receipts -----------------------------------------------------------------------------------


def test_a_receipt_that_cannot_be_made_is_known_before_anything_is_sent(
    trusted: Adyton, server: ContractServer, address: str, tmp_path: Path
) -> None:
    (tmp_path / "there").write_bytes(b"kept")
    before = len(server.calls)
    for verb in (
        call(address),
        ("contract", "deploy", COUNTER),
        ("contract", "upgrade", address, COUNTER),
    ):
        refused(trusted(*verb, "--receipt", "there"), 2, "exists")
        refused(trusted(*verb, "--receipt", "no/where"), 2, "usage")
        refused(trusted(*verb, "--receipt", "new", "--show", "address,nonsense"), 2, "usage")
        refused(trusted(*verb, "--show", "address"), 2, "usage")
    refused(trusted("contract", "describe", address, "--code", "there"), 2, "exists")
    assert (tmp_path / "there").read_bytes() == b"kept"
    assert not (tmp_path / "new").exists()
    assert len(server.calls) == before
    assert trusted(*call(address), "--receipt", "new", "--show", "address").status == 0
    assert trusted("verify", "new").status == 0


def test_what_was_done_is_told_where_its_receipt_cannot_be_written_after_all(
    trusted: Adyton, server: ContractServer, tmp_path: Path
) -> None:
    def meanwhile(answer: object) -> object:
        (tmp_path / "new").mkdir(exist_ok=True)
        return answer

    server.lies["POST /task"] = meanwhile
    said = trusted("contract", "deploy", COUNTER, "--receipt", "new")
    assert said.status == 2
    assert server.contract is not None
    assert server.contract.address.hex() in said.stdout
    assert "new" in said.stderr


# --- a contract's words -------------------------------------------------------------------------

ESCAPE = "\x1b[31mred\x9b1m\u202e"
NOISY = """adyton-interface 1
name counter
call add amount:u64 -> string
query get -> string
"""


@pytest.mark.parametrize("output", [ESCAPE.encode(), f"{ESCAPE}\nadyton: a line".encode()])
def test_a_contracts_words_do_not_steer_the_terminal(
    trusted: Adyton, server: ContractServer, tmp_path: Path, output: bytes
) -> None:
    (tmp_path / "noisy.wasm").write_bytes(with_interface(NOISY, Path(COUNTER).read_bytes()))
    address = trusted("contract", "deploy", "noisy.wasm", "--json").json()["address"]
    text = output.decode()
    sized = len(output).to_bytes(4, "little") + output
    server.outcome = {"output": sized, "logs": (text,)}
    for verb in (call(address), ("contract", "query", address, "get")):
        quiet(trusted(*verb))
        as_json = trusted(*verb, "--json")
        quiet(as_json)
        assert as_json.json()["value"] == text
    server.outcome = {"status": "refused", "reason": text, "logs": (text,)}
    for verb in (call(address), ("contract", "query", address, "get")):
        said = trusted(*verb)
        quiet(said)
        assert said.status == 6
        assert "red" in said.stderr
        as_json = trusted(*verb, "--json")
        quiet(as_json)
        assert text in as_json.json()["error"]["message"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("[" * 100_000, "a JSON object"),
        ('{"amount": 1, "amount": 2}', "occurs twice"),
        ('{"amount": "\\ud800"}', "must be a string"),
        ("", "a JSON object"),
        ("hex:0", "bytes in hex"),
    ],
)
def test_arguments_that_are_none_are_refused_before_the_contract_is_called(
    trusted: Adyton, server: ContractServer, tmp_path: Path, given: str, words: str
) -> None:
    text = NOISY.replace("amount:u64", "amount:string")
    (tmp_path / "noisy.wasm").write_bytes(with_interface(text, Path(COUNTER).read_bytes()))
    address = trusted("contract", "deploy", "noisy.wasm", "--json").json()["address"]
    recorded = len(server.recorded)
    said = trusted("contract", "call", address, "add", given)
    assert (said.status, words in said.stderr) == (2, True), said.stderr[-300:]
    assert len(server.recorded) == recorded


def quiet(said: Called) -> None:
    """Require that nothing but whole lines of our own was printed."""
    for stream in (said.stdout, said.stderr):
        assert "".join(line for line in stream.split("\n") if not line.isprintable()) == ""
        assert "\nadyton: a line" not in f"\n{stream}"


# --- calls that fail ----------------------------------------------------------------------------


def test_a_failure_is_told_to_programs_with_its_cost_log_and_place(
    trusted: Adyton, server: ContractServer, address: str
) -> None:
    server.outcome = {"status": "refused", "reason": "too late", "logs": ("why",)}
    for verb in (call(address), ("contract", "deploy", COUNTER)):
        told = trusted(*verb, "--json").json()
        assert told["error"]["code"] == "call_failed"
        assert (told["status"], told["reason"], told["logs"]) == ("refused", "too late", ["why"])
        assert (told["fuel"], told["stored"], told["reads"]) == (1, 2, 3)
        assert len(told["task"]) == 64
        assert told["height"] == server.ledger.blocks[-1].header.height
        assert "log: why" in trusted(*verb).stderr
    assert server.contract is not None
    address = server.contract.address.hex()
    told = trusted("contract", "query", address, "get", "--json").json()
    assert (told["error"]["code"], told["reason"], told["logs"]) == (
        "call_failed",
        "too late",
        ["why"],
    )
    assert "log: why" in trusted("contract", "query", address, "get").stderr


@pytest.mark.parametrize(
    "outcome",
    [{"status": "trapped", "reason": "no"}, {"output": b"short"}, {"code_hash": bytes(32)}],
)
def test_whatever_ends_badly_is_proved_by_its_receipt(
    trusted: Adyton, server: ContractServer, address: str, outcome: dict[str, Any]
) -> None:
    server.outcome = outcome
    said = trusted(*call(address), "--receipt", "r", "--json")
    assert said.status in (3, 6)
    assert said.json()["error"]["exit_code"] == said.status
    status = outcome.get("status", "done")
    assert said.json()["status"] == status
    verdict = trusted("verify", "r", "--json").json()
    assert verdict["holds"] is True
    assert verdict["shown"]["status"] == status


def test_a_deployment_that_its_init_refuses_is_proved_by_its_receipt(
    trusted: Adyton, server: ContractServer
) -> None:
    server.outcome = {"status": "refused", "reason": "no"}
    assert trusted("contract", "deploy", COUNTER, "--receipt", "r").status == 6
    shown = trusted("verify", "r", "--json").json()["shown"]
    assert (shown["method"], shown["status"]) == ("init", "refused")


@pytest.mark.parametrize(("option", "value"), [("--padding", "-1"), ("--padding", "65537")])
def test_a_bound_is_told_before_anything_is_sent(
    trusted: Adyton, server: ContractServer, option: str, value: str
) -> None:
    before = len(server.calls)
    said = trusted("contract", "deploy", COUNTER, option, value)
    refused(said, 2, "bad_argument")
    assert "65,536" in said.stderr
    assert len(server.calls) == before


# --- events -------------------------------------------------------------------------------------

TELLS = "adyton-interface 1\nname counter\nevent rose {}\ncall add amount:u64\nquery get -> u64\n"


def telling(tmp_path: Path, name: str, kind: str) -> str:
    path = tmp_path / f"{name}.wasm"
    path.write_bytes(with_interface(TELLS.format(kind), Path(COUNTER).read_bytes()))
    return str(path)


def test_events_are_read_by_the_code_that_told_them_and_no_later_one(
    trusted: Adyton, server: ContractServer, tmp_path: Path
) -> None:
    first, second = telling(tmp_path, "a", "u64"), telling(tmp_path, "b", "bytes")
    server.events = (("rose", SEVEN), ("other", b"\xff"), ("rose", b"short"))
    address = trusted("contract", "deploy", first, "--upgradable", "--json").json()["address"]
    raw = [{"hex": SEVEN.hex()}, {"hex": "ff"}, {"hex": b"short".hex()}]
    shown = trusted("contract", "events", address, "--json").json()["events"]
    assert [one["data"] for one in shown] == [7, *raw[1:]]
    sized = len(b"new").to_bytes(4, "little") + b"new"
    server.events = (("rose", sized),)
    upgraded = trusted("contract", "upgrade", address, second, "hex:")
    assert upgraded.status == 0, upgraded.stderr
    server.events = (("rose", sized),)
    assert trusted("contract", "call", address, "add", '{"amount": 1}').status == 0
    shown = trusted("contract", "events", address, "--json").json()["events"]
    assert [one["data"] for one in shown] == [*raw, b"new".hex(), b"new".hex()]


def test_a_server_that_goes_back_is_not_hidden_behind_events(
    trusted: Adyton, server: ContractServer, tmp_path: Path
) -> None:
    server.events = (("rose", SEVEN),)
    module = telling(tmp_path, "a", "u64")
    address = trusted("contract", "deploy", module, "--json").json()["address"]
    assert trusted("contract", "events", address).status == 0
    server.changed_read = {"checkpoint": server.ledger.blocks[0].checkpoint.encode()}
    said = trusted("contract", "events", address)
    assert (said.status, said.stdout) == (4, "")
    server.changed_read = {}
    server.described = {"deployer": bytes(32)}
    said = trusted("contract", "events", address)
    assert (said.status, said.stdout) == (4, "")
    server.described = {}
    server.refuse = {"describe": "contract_unknown"}
    shown = trusted("contract", "events", address, "--json").json()["events"]
    assert [one["data"] for one in shown] == [{"hex": SEVEN.hex()}]


# --- descriptions -------------------------------------------------------------------------------


def test_a_method_that_its_description_keeps_quiet_of_is_described(
    trusted: Adyton, server: ContractServer, tmp_path: Path
) -> None:
    text = """adyton-interface 1
name counter
about A count
type Pair a:u8 b:u8
event rose Pair
init start:u64 ; Begin
query nothing -> u64
query get -> Pair ; Tell it
"""
    (tmp_path / "quiet.wasm").write_bytes(with_interface(text, Path(COUNTER).read_bytes()))
    made = trusted("contract", "deploy", "quiet.wasm", '{"start": 1}', "--json").json()
    said = trusted("contract", "describe", made["address"])
    assert has_line(said.stdout, "call add", "not in its description")
    assert has_line(said.stdout, "query get() -> Pair", "Tell it")
    assert has_line(said.stdout, "init(start: u64)", "Begin")
    assert has_line(said.stdout, "type Pair", "a: u8, b: u8")
    assert has_line(said.stdout, "event rose", "Pair")
    assert not has_line(said.stdout, "nothing")
    server.outcome = {"output": b"raw"}
    said = trusted("contract", "call", made["address"], "add", "hex:00", "--json")
    assert said.json()["value"] == {"hex": b"raw".hex()}
    refused(trusted("contract", "call", made["address"], "add", '{"amount": 1}'), 2, "interface")
    refused(trusted("contract", "call", made["address"], "nope", "hex:00"), 2, "method_unknown")


def test_what_init_takes_is_told_before_there_is_a_contract_to_describe(
    trusted: Adyton, server: ContractServer, tmp_path: Path
) -> None:
    text = "adyton-interface 1\ninit item:string ends:u64\ncall add\nquery get\n"
    (tmp_path / "begun.wasm").write_bytes(with_interface(text, Path(COUNTER).read_bytes()))
    for given in ((), ('{"item": "x"}',), ("[1]",), ('{"more": 1}',)):
        said = trusted("contract", "deploy", "begun.wasm", *given)
        refused(said, 2, "interface")
        assert "item: string, ends: u64" in said.stderr


# --- answers that are lost ----------------------------------------------------------------------


def test_a_call_whose_answer_is_lost_is_asked_for_again(
    trusted: Adyton,
    server: ContractServer,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Patience, "__call__", lambda _, attempt: attempt())
    refused(trusted("contract", "resume"), 2, "not_found")
    for _ in range(2):
        server.drops = ["POST /task", "GET /block"] * 100
        said = trusted(*call(address))
        refused(said, 7, "timeout")
        assert "adyton contract resume" in said.stderr
    server.drops = []
    said = trusted("contract", "resume")
    refused(said, 2, "usage")
    first, second = re.findall(r"([0-9a-f]{16}) \(add\)", said.stderr)
    recorded = len(server.recorded)
    told = trusted("contract", "resume", first, "--receipt", "r", "--json").json()
    assert (told["value"], told["address"]) == (7, address)
    assert trusted("verify", "r").status == 0
    assert has_line(trusted("contract", "resume").stdout, "add of contract", address)
    assert len(server.recorded) == recorded
    refused(trusted("contract", "resume", second), 2, "not_found")
