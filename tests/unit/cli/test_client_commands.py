"""What a client does: trust, run, results, tasks, certificates, receipts; against a server in memory."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from adyton.client.keystore import Keystore
from adyton.protocol.envelope import Invite
from tests.unit.cli.conftest import Adyton, Called, Ends, PagedServer

KEYS = ["task", "state", "exit_code", "stdout", "stderr", "outputs", "run_info", "certificate"]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "job.py"
    path.write_text("print(42)\n")
    return path


def refused(called: Called, status: int, code: str) -> None:
    assert called.status == status
    assert called.stdout == ""
    assert f"[{code}]" in called.stderr
    assert "adyton: " in called.stderr


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
    refused(trusted("run", str(script), "--timeout", "99999"), 125, "bad_argument")


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
    refused(trusted("results"), 7, "timeout")


def test_results_find_tasks_by_name(trusted: Adyton, script: Path) -> None:
    first = trusted("run", str(script), "--name", "first", "--json").json()
    trusted("run", str(script), "--name", "second")
    assert trusted("results", "first", "--json").json()["task"] == first["task"]
    refused(trusted("results", "third"), 2, "not_found")


def test_results_without_a_task(trusted: Adyton) -> None:
    refused(trusted("results"), 2, "not_found")


# --- tasks --------------------------------------------------------------------------------------


def test_tasks_are_listed_and_exported(trusted: Adyton, script: Path) -> None:
    assert "no tasks yet" in trusted("tasks").stdout
    task = trusted("run", str(script), "--name", "erste", "--json").json()["task"]
    assert re_line(trusted("tasks").stdout, task[:16], "erste", "finished")
    assert trusted("tasks", "--csv", "tasks.csv").status == 0
    with Path("tasks.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["task"], row["name"], row["state"]) == (task, "erste", "finished")
    assert trusted("tasks", "--json").json()["tasks"][0]["task"] == task


def re_line(text: str, *words: str) -> bool:
    return any(all(word in line for word in words) for line in text.splitlines())


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


# --- certificates and receipts ------------------------------------------------------------------


@pytest.fixture
def certificate(trusted: Adyton, script: Path) -> Path:
    trusted("run", str(script), "--certificate", "c")
    return Path("c")


def test_a_certificate_verifies_and_says_who_could_have_read_what(
    trusted: Adyton, certificate: Path
) -> None:
    said = trusted("verify", str(certificate))
    assert said.status == 0
    assert "the operator of the machine could have read it" in said.stdout
    assert "earlier runs may have been discarded" in said.stdout
    assert "the time is the host's word" in said.stdout
    assert "SIMULATED" in said.stderr
    assert trusted("verify", str(certificate), "--json").json()["holds"] is True


def test_the_stated_policy_decides(
    trusted: Adyton, server: PagedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = str(certificate)
    pinned = server.ledger.fingerprint.hex()
    assert trusted("verify", name, "--fingerprint", pinned, "--home", "nowhere").status == 0
    assert not Path("nowhere").exists()
    refused(trusted("verify", name, "--home", "nowhere"), 5, "not_trusted")
    refused(trusted("verify", name, "--fingerprint", "00" * 32), 4, "fingerprint_mismatch")
    refused(trusted("verify", name, "--ordering", "bft"), 5, "ordering_unavailable")
    monkeypatch.delenv("ADYTON_ALLOW_SIMULATED")
    refused(trusted("verify", name), 5, "simulated_refused")


def test_an_altered_certificate_is_refused(trusted: Adyton, certificate: Path) -> None:
    whole = certificate.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        certificate.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert trusted("verify", str(certificate)).status in (2, 3, 4, 5)
    certificate.write_bytes(whole + b"\0")
    refused(trusted("verify", str(certificate)), 3, "certificate_invalid")
    failed = trusted("verify", str(certificate), "--json")
    assert failed.status == 3
    assert failed.json()["error"]["code"] == "certificate_invalid"


def test_a_missing_file_is_named(trusted: Adyton) -> None:
    said = trusted("verify", "missing.certificate")
    refused(said, 2, "usage")
    assert "missing.certificate" in said.stderr


def test_unknown_fields_are_not_shown(trusted: Adyton, script: Path) -> None:
    refused(trusted("run", str(script), "--show", "colour"), 125, "usage")
    assert trusted("tasks", "--json").json()["tasks"] == []
    assert trusted("run", str(script), "--show", "none", "--certificate", "c").status == 0
    assert trusted("verify", "c", "--json").json()["shown"] == {}


def test_notarize_and_verify(trusted: Adyton, tmp_path: Path) -> None:
    contract = tmp_path / "contract.txt"
    contract.write_text("we agree\n")
    said = trusted("notarize", str(contract))
    assert said.status == 0
    receipt = f"{contract}.receipt"
    assert receipt in said.stdout
    assert trusted("verify", receipt, "--json").json()["subject"] == "notarization"
    contract.write_text("we do not agree\n")
    refused(trusted("verify", receipt), 4, "receipt_invalid")
    contract.unlink()
    refused(trusted("verify", receipt), 2, "usage")


# --- chain --------------------------------------------------------------------------------------


def test_the_chain_is_fetched_verified_and_shown(
    trusted: Adyton, server: PagedServer, script: Path
) -> None:
    task = trusted("run", str(script), "--json").json()["task"]
    refused(trusted("chain", "verify"), 2, "not_found")
    synced = trusted("chain", "sync", "--json").json()
    assert synced["height"] == synced["new_blocks"] == len(server.ledger.blocks)
    assert trusted("chain", "verify", "--json").json()["verified"] is True
    shown = trusted("chain", "show")
    assert re_line(shown.stdout, "finish", task)
    assert server.ledger.blocks[-1].header.hash().hex() in shown.stdout
    blocks = trusted("chain", "show", "--json", "--from", "2").json()["blocks"]
    assert blocks[0]["height"] == 2
    assert blocks[-1]["hash"] == server.ledger.blocks[-1].header.hash().hex()
    assert trusted("chain", "sync", "--json").json()["new_blocks"] == 0


def test_one_flipped_byte_of_the_stored_chain_is_refused(
    trusted: Adyton, script: Path, tmp_path: Path
) -> None:
    trusted("run", str(script))
    trusted("chain", "sync")
    (path,) = tmp_path.glob("home/chains/*/blocks")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    for verb in ("verify", "show", "sync"):
        said = trusted("chain", verb)
        refused(said, 4, "chain_invalid")
        assert "block " in said.stderr


def test_pages_that_contradict_a_receipt_are_refused(
    trusted: Adyton, server: PagedServer, script: Path
) -> None:
    trusted("run", str(script))
    server.ledger.blocks.pop()
    refused(trusted("chain", "sync"), 4, "rollback")


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
