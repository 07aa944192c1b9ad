"""What anybody checks: certificates, receipts, the whole chain; and what the verdicts refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adyton.protocol.certificate import RunCertificate
from adyton.protocol.claims import TASK_FIELDS
from tests.unit.cli.conftest import Adyton, PagedServer, has_line, refused

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
    refused(trusted("verify", name, "--max-evidence-age", "-1"), 2, "usage")
    monkeypatch.delenv("ADYTON_ALLOW_SIMULATED")
    refused(trusted("verify", name), 5, "simulated_refused")


def test_stale_evidence_takes_a_flag_and_is_said(
    trusted: Adyton, server: PagedServer, script: Path
) -> None:
    # The chain's clock runs a minute and a half ahead of the platform's: its evidence is as old when it is used.
    later = server.ledger.blocks[-1].header.time_ms + 90_000
    server.ledger.add([server.ledger.part("void")], time_ms=later)
    trusted("run", str(script), "--certificate", "c")
    refused(trusted("verify", "c", "--max-evidence-age", "0"), 5, "evidence_stale")
    said = trusted("verify", "c", "--max-evidence-age", "0", "--allow-stale")
    assert said.status == 0
    assert "the evidence is stale" in said.stdout


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


def steps_of(told: Any) -> list[str]:
    return [step["state"] for step in told["steps"]]


def test_the_steps_are_explained(trusted: Adyton, certificate: Path) -> None:
    name = str(certificate)
    said = trusted("verify", name, "--explain")
    assert said.status == 0
    assert [line.split()[1] for line in said.stdout.splitlines()[:11]] == ["passed"] * 11
    assert steps_of(trusted("verify", name, "--explain", "--json").json()) == ["passed"] * 11
    failed = trusted("verify", name, "--explain", "--fingerprint", "00" * 32)
    assert failed.status == 4
    assert "[fingerprint_mismatch]" in failed.stderr
    listed = [" ".join(line.split()[1:3]) for line in failed.stdout.splitlines()[:11]]
    assert listed[:2] == ["passed the", "failed its"]
    assert set(listed[2:]) == {"not reached"}
    told = trusted("verify", name, "--explain", "--json", "--fingerprint", "00" * 32).json()
    assert told["error"]["code"] == "fingerprint_mismatch"
    assert steps_of(told) == ["passed", "failed"] + ["not reached"] * 9


def test_the_steps_of_a_receipt_are_explained(trusted: Adyton, tmp_path: Path) -> None:
    file = tmp_path / "contract.txt"
    file.write_text("we agree\n")
    trusted("notarize", str(file))
    receipt = f"{file}.receipt"
    assert steps_of(trusted("verify", receipt, "--explain", "--json").json()) == ["passed"] * 6
    file.write_text("we do not agree\n")
    told = trusted("verify", receipt, "--explain", "--json").json()
    assert steps_of(told) == ["passed"] * 4 + ["failed", "not reached"]


def test_a_copy_opens_less_and_holds_nothing_of_the_rest(
    trusted: Adyton, script: Path, tmp_path: Path
) -> None:
    trusted("run", str(script), "--certificate", "c", "--show", "all")
    whole = RunCertificate.decode(Path("c").read_bytes())
    said = trusted("verify", "c", "--redact", "code,stdout,arguments", "--out", "copy", "--json")
    closed = {"code", "stdout", "arguments"}
    opens = [name for name in TASK_FIELDS if name not in closed]
    assert said.json()["redacted"] == {"path": "copy", "opens": opens}
    content = Path("copy").read_bytes()
    for opening in whole.openings:
        assert (opening.salt in content) is (opening.field not in closed)
    told = trusted("verify", "copy", "--json").json()
    assert told["holds"] is True
    assert set(told["shown"]) == set(opens)
    assert told["task"] == trusted("verify", "c", "--json").json()["task"]
    assert trusted("verify", "c", "--redact", "all", "--out", "nothing").status == 0
    assert trusted("verify", "nothing", "--json").json()["shown"] == {}


@pytest.mark.parametrize("field", ["exit_code", "limits"])
def test_a_field_is_not_closed_while_another_says_the_same(
    trusted: Adyton, script: Path, tmp_path: Path, field: str
) -> None:
    trusted("run", str(script), "--certificate", "c", "--show", "all")
    said = trusted("verify", "c", "--redact", field, "--out", "copy")
    refused(said, 2, "usage")
    assert not Path("copy").exists()
    assert trusted("verify", "c", "--redact", f"{field},run_info", "--out", "copy").status == 0
    assert not {field, "run_info"} & set(trusted("verify", "copy", "--json").json()["shown"])


def test_what_cannot_be_redacted_is_refused_and_nothing_is_written(
    trusted: Adyton, certificate: Path, tmp_path: Path
) -> None:
    name = str(certificate)
    trusted("notarize", str(certificate))
    for arguments, code in (
        ((name, "--redact", "colour", "--out", "copy"), "usage"),
        ((name, "--redact", "stdout", "--out", "copy"), "usage"),  # it is closed
        ((name, "--redact", "limits"), "usage"),
        ((name, "--out", "copy"), "usage"),
        ((name, "--redact", "limits", "--out", name), "exists"),
        ((f"{name}.receipt", "--redact", "file", "--out", "copy"), "usage"),
    ):
        refused(trusted("verify", *arguments), 2, code)
    whole = certificate.read_bytes()
    certificate.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert trusted("verify", name, "--redact", "limits", "--out", "copy").status in (3, 4)
    assert not Path("copy").exists()


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


def test_many_files_are_notarized_together(trusted: Adyton, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(3)]
    for number, file in enumerate(files):
        file.write_text(f"page {number}\n")
    said = trusted("notarize", *map(str, files), "--json").json()
    assert [one["receipt"] for one in said["receipts"]] == [f"{file}.receipt" for file in files]
    for file in files:
        assert trusted("verify", f"{file}.receipt").status == 0


def test_a_refusal_of_one_file_does_not_hide_a_conflict_shown_by_another(
    trusted: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(2)]
    for file in files:
        file.write_text("page\n")
        assert trusted("notarize", str(file)).status == 0

    def refuse_first_and_fork(answer: dict[str, Any]) -> dict[str, Any]:
        named = answer["answers"][0]["task_hash"]
        answer["answers"][0] = {"task_hash": named, "code": "not_admitted"}
        return {**answer, "consistency": [bytes(32)]}

    server.lies["POST /tasks"] = refuse_first_and_fork
    server.lies["GET /checkpoint"] = lambda answer: {**answer, "consistency": [bytes(32)]}
    said = trusted("notarize", *map(str, files))
    assert said.status == 4
    assert "[fork]" in said.stderr
    assert list((tmp_path / "home" / "conflicts").iterdir())


def test_a_receipt_that_cannot_be_written_is_known_before_anything_is_sent(
    trusted: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    file = tmp_path / "page.txt"
    file.write_text("page\n")
    before = len(server.calls)
    (tmp_path / "page.txt.receipt").mkdir()
    refused(trusted("notarize", str(file)), 2, "usage")
    refused(trusted("notarize", str(file), "--out", str(tmp_path / "no" / "where")), 2, "usage")
    assert len(server.calls) == before


def test_one_receipt_that_cannot_be_written_takes_no_other_along(
    trusted: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.txt" for number in range(2)]
    for file in files:
        file.write_text("page\n")

    def meanwhile(answer: dict[str, Any]) -> dict[str, Any]:
        (tmp_path / "0.txt.receipt").mkdir()
        return answer

    server.lies["POST /tasks"] = meanwhile
    said = trusted("notarize", *map(str, files))
    assert said.status == 2
    assert "0.txt.receipt: the receipt could not be written" in said.stderr
    assert trusted("verify", f"{files[1]}.receipt").status == 0


def test_files_that_cannot_all_be_notarized_are_refused_before_anything_is_sent(
    trusted: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    file = tmp_path / "page.txt"
    file.write_text("page\n")
    before = len(server.calls)
    refused(trusted("notarize", str(file), str(file)), 2, "bad_argument")
    refused(
        trusted("notarize", str(file), str(tmp_path / "none"), "--out", "one"), 2, "bad_argument"
    )
    refused(trusted("notarize", str(file), str(tmp_path / "none")), 2, "usage")
    assert len(server.calls) == before
    assert not (tmp_path / "page.txt.receipt").exists()


# --- chain --------------------------------------------------------------------------------------


def test_the_chain_is_fetched_verified_and_shown(
    trusted: Adyton, server: PagedServer, script: Path
) -> None:
    task = trusted("run", str(script), "--json").json()["task"]
    for verb in ("verify", "show"):
        before = trusted("chain", verb)
        refused(before, 2, "not_found")
        assert has_line(before.stderr, "adyton chain sync")
    synced = trusted("chain", "sync", "--json").json()
    assert synced["height"] == synced["new_blocks"] == len(server.ledger.blocks)
    assert trusted("chain", "verify", "--json").json()["verified"] is True
    shown = trusted("chain", "show")
    assert has_line(shown.stdout, "finish", task)
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
