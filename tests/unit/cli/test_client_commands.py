"""What a client does: trust, run, results, tasks; against a server in memory."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from adyton.client.keystore import Keystore
from adyton.protocol.envelope import Invite
from tests.ledger_builder import Ledger
from tests.unit.cli.conftest import Adyton, Ends, PagedServer, has_line, refused

KEYS = ["task", "state", "exit_code", "stdout", "stderr", "outputs", "run_info", "certificate"]


# --- trust --------------------------------------------------------------------------------------


def test_trust_takes_fingerprint_and_consent(adyton: Adyton, server: PagedServer) -> None:
    fingerprint = server.ledger.fingerprint.hex()
    refused(adyton("trust", server.server, "--fingerprint", fingerprint), 5, "simulated_refused")
    said = adyton("trust", server.server, "--fingerprint", fingerprint, "--allow-simulated")
    assert said.status == 0
    assert fingerprint in said.stdout
    assert "SIMULATED" in said.stderr


def test_trust_refuses_another_fingerprint(adyton: Adyton, server: PagedServer) -> None:
    said = adyton("trust", server.server, "--fingerprint", "00" * 32, "--allow-simulated")
    refused(said, 4, "fingerprint_mismatch")
    refused(adyton("trust", server.server, "--fingerprint", "00"), 2, "usage")


def test_another_pin_is_replaced_only_when_told_to(
    trusted: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    (tmp_path / "moved").mkdir()
    server.ledger = Ledger(tmp_path / "moved", server.ledger.now_ms)
    server.ledger.start(server.ledger.now_ms)
    trust = ("trust", server.server, "--fingerprint", server.ledger.fingerprint.hex())
    refused(trusted(*trust), 2, "exists")
    assert trusted(*trust, "--replace").status == 0


def test_trust_as_json(adyton: Adyton, server: PagedServer) -> None:
    fingerprint = server.ledger.fingerprint.hex()
    said = adyton(
        "trust", server.server, "--fingerprint", fingerprint, "--allow-simulated", "--json"
    )
    assert said.json()["fingerprint"] == fingerprint
    assert said.json()["verdict"] == "simulated"


def test_nothing_is_trusted_by_itself(
    adyton: Adyton, server: PagedServer, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADYTON_SERVER", server.server)
    refused(adyton("results"), 5, "not_trusted")
    refused(adyton("run", str(script)), 125, "not_trusted")
    assert server.calls == []


def test_a_simulated_server_is_refused_on_every_use_that_does_not_allow_it(
    trusted: Adyton, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADYTON_ALLOW_SIMULATED")
    refused(trusted("run", str(script)), 125, "simulated_refused")
    refused(trusted("chain", "sync"), 5, "simulated_refused")
    allowed = trusted("run", str(script), "--allow-simulated")
    assert allowed.status == 0
    assert "SIMULATED" in allowed.stderr


def test_the_environment_is_read_strictly(adyton: Adyton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADYTON_ALLOW_SIMULATED", "yes")
    refused(adyton("whoami"), 2, "usage")


def test_several_servers_must_be_told_apart(
    trusted: Adyton, server: PagedServer, script: Path
) -> None:
    server.server = "http://second.invalid:8384"
    assert (
        trusted("trust", server.server, "--fingerprint", server.ledger.fingerprint.hex()).status
        == 0
    )
    refused(trusted("run", str(script)), 125, "usage")
    assert trusted("run", str(script), "--server", "second.invalid").status == 0


# --- run and results ----------------------------------------------------------------------------


def test_run_prints_what_the_program_prints_and_exits_as_it_exits(
    trusted: Adyton, ends: Ends, script: Path
) -> None:
    ends(exit_code=3, stdout=b"42\n", stderr=b"oh\n")
    said = trusted("run", str(script))
    assert said.status == 3
    assert said.stdout == "42\n"
    assert "oh\n" in said.stderr
    assert "exit code 3" in said.stderr


def test_run_as_json_has_exactly_its_keys(trusted: Adyton, script: Path) -> None:
    said = trusted("run", str(script), "--json", "--name", "first")
    value = said.json()
    assert list(value) == KEYS
    assert value["state"] == "done"
    assert len(value["task"]) == 64
    assert Path(value["certificate"]).is_file()
    assert value["run_info"]["tier"] == "namespaces"


def test_output_that_is_no_text_is_marked(trusted: Adyton, ends: Ends, script: Path) -> None:
    ends(exit_code=0, stdout=b"\xff\xfe", stderr=b"")
    value = trusted("run", str(script), "--json").json()
    assert (value["stdout"], value["stdout_encoding"]) == ("//4=", "base64")
    assert "stderr_encoding" not in value


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"exit_code": None, "signal": 9, "killed": "wall-time"}, 137),
        ({"exit_code": None, "signal": None, "state": "failed", "code": "sandbox_failed"}, 125),
        ({"exit_code": 255}, 255),
    ],
)
def test_ends_without_an_exit_code(
    trusted: Adyton,
    ends: Ends,
    script: Path,
    changed: dict[str, object],
    status: int,
) -> None:
    ends(**changed)
    assert trusted("run", str(script)).status == status


def test_arguments_and_inputs_reach_the_program(
    trusted: Adyton, server: PagedServer, script: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("1,2\n")
    said = trusted(
        "run", str(script), "one", "--input", str(data), "--out", "res", "--show", "all",
        "--certificate", "run.certificate", "--", "--fast", "-x",
    )  # fmt: skip
    assert said.status == 0
    value = trusted("verify", "run.certificate", "--json").json()
    assert value["shown"]["arguments"] == ["one", "--fast", "-x"]
    assert [one["name"] for one in value["shown"]["inputs"]] == ["data.csv"]


def test_files_that_cannot_be_read_are_named(trusted: Adyton, script: Path) -> None:
    missing = trusted("run", "missing.py")
    refused(missing, 125, "usage")
    assert "missing.py" in missing.stderr
    refused(trusted("run", str(script), "--input", "missing.csv"), 125, "usage")
    refused(trusted("run", str(script), "--out", str(script)), 125, "usage")


def test_limits_beyond_the_chains_are_refused(trusted: Adyton, script: Path) -> None:
    # Each in the option's own words, and before anything is sent.
    for option, value, most in (
        ("--timeout", "99999", "600 seconds"),
        ("--timeout", "0", "600 seconds"),
        ("--memory", "99999", "MB"),
    ):
        called = trusted("run", str(script), option, value)
        refused(called, 125, "bad_argument")
        assert has_line(called.stderr, f"{option} must be from 1 to", most)
    assert "no tasks yet" in trusted("tasks").stdout


def test_no_wait_and_results_later(trusted: Adyton, server: PagedServer, script: Path) -> None:
    accepted = trusted("run", str(script), "--no-wait", "--json").json()
    assert list(accepted) == KEYS
    assert accepted["state"] == "accepted"
    value = trusted("results", accepted["task"][:12], "--json").json()
    assert list(value) == KEYS
    assert (value["task"], value["state"]) == (accepted["task"], "done")
    assert trusted("results").status == 0


def test_results_of_a_task_that_runs_still(
    trusted: Adyton, server: PagedServer, script: Path
) -> None:
    server.finish_at_once = False
    assert trusted("run", str(script), "--no-wait").status == 0
    refused(trusted("results", "--wait", "0"), 7, "timeout")


def test_results_find_tasks_by_name(trusted: Adyton, script: Path) -> None:
    first = trusted("run", str(script), "--name", "first", "--json").json()
    trusted("run", str(script), "--name", "second")
    assert trusted("results", "first", "--json").json()["task"] == first["task"]
    absent = trusted("results", "third")
    refused(absent, 2, "not_found")
    assert has_line(absent.stderr, "no task third", "adyton tasks")


def test_results_without_a_task(trusted: Adyton) -> None:
    refused(trusted("results"), 2, "not_found")


# --- tasks --------------------------------------------------------------------------------------


def test_tasks_are_listed_and_exported(trusted: Adyton, script: Path) -> None:
    assert "no tasks yet" in trusted("tasks").stdout
    task = trusted("run", str(script), "--name", "erste", "--json").json()["task"]
    assert has_line(trusted("tasks").stdout, task[:16], "erste", "finished")
    assert trusted("tasks", "--csv", "tasks.csv").status == 0
    with Path("tasks.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["task"], row["name"], row["state"]) == (task, "erste", "finished")
    assert trusted("tasks", "--json").json()["tasks"][0]["task"] == task


def test_a_lost_list_is_recovered(
    trusted: Adyton, server: PagedServer, script: Path, tmp_path: Path
) -> None:
    task = trusted("run", str(script), "--json").json()["task"]
    store = Keystore(tmp_path / "home").chain(server.ledger.chain_id)
    for record in store.requests():
        store.drop_request(record.request_id)
    store.close()
    assert trusted("tasks", "--json").json()["tasks"] == []
    assert trusted("tasks", "--recover", "--json").json()["tasks"][0]["task"] == task
    said = trusted("results", task[:16])
    assert said.status == 0
    assert "no certificate: this list was rebuilt" in said.stderr


# --- identity and invitations -------------------------------------------------------------------


def test_whoami_prints_the_public_key_and_no_secret(adyton: Adyton, tmp_path: Path) -> None:
    said = adyton("whoami")
    public = Keystore(tmp_path / "home").identity.signing_key.public
    assert said.stdout.strip() == public.hex()
    assert adyton("whoami", "--json").json() == {"client_key": public.hex()}


def test_an_invitation_for_somebody_else_is_refused(
    trusted: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    from adyton.core.crypto import SigningKey

    own = Keystore(tmp_path / "home").identity.signing_key.public
    chain_id, key = server.ledger.chain_id, SigningKey(bytes(32))
    trust = ("trust", server.server, "--fingerprint", server.ledger.fingerprint.hex(), "--invite")
    Path("own").write_bytes(Invite.sign(chain_id, own, 1, key).encode())
    Path("other").write_bytes(Invite.sign(chain_id, bytes(32), 1, key).encode())
    Path("elsewhere").write_bytes(Invite.sign(bytes(32), own, 1, key).encode())
    Path("nothing").write_bytes(b"x")
    assert trusted(*trust, "own").status == 0
    refused(trusted(*trust, "other"), 2, "usage")
    refused(trusted(*trust, "elsewhere"), 2, "wrong_chain")
    refused(trusted(*trust, "nothing"), 2, "usage")
    (kept,) = tmp_path.glob("home/chains/*/invite")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_no_command_prints_a_secret(trusted: Adyton, script: Path, tmp_path: Path) -> None:
    seed = (tmp_path / "home" / "identity").read_bytes()[-32:]
    said = [trusted("run", str(script), "--json"), trusted("tasks", "--json"), trusted("whoami")]
    text = json.dumps([one.stdout + one.stderr for one in said])
    assert seed.hex() not in text
