"""`adyton chain head`, `compare`, and the evidence that every command keeps of two histories."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.chain_head import PREFIX, parse_head
from adyton.protocol.conflict import ChainConflict
from tests.ledger_builder import fork
from tests.unit.cli.conftest import Adyton, Called, PagedServer, has_line, refused


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "contract.txt"
    path.write_text("we agree\n")
    return path


@pytest.fixture
def busy(trusted: Adyton, contract: Path) -> Adyton:
    """A client that has seen a few blocks."""
    for _ in range(3):
        assert trusted("notarize", str(contract)).status == 0
    return trusted


def caught(said: Called, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """Require a fork or rollback under --json; return the file and what is said of it."""
    assert said.status == 4, said.stderr
    conflict = said.json()["conflict"]
    path = Path(conflict["path"])
    assert path.parent == tmp_path / "home" / "conflicts"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert path.read_bytes() == base64.b64decode(conflict["evidence"])
    assert has_line(said.stderr, "evidence:", str(path))
    assert has_line(said.stderr, f"adyton verify {path}")
    return path, conflict


# --- heads ---------------------------------------------------------------------------------------


def test_a_head_is_printed_kept_and_compared(busy: Adyton, server: PagedServer) -> None:
    text = busy("chain", "head").stdout.strip()
    assert text.startswith(PREFIX)
    assert busy("chain", "head", "--out", "me.head").stdout == ""
    assert Path("me.head").read_text() == text + "\n"
    shown = busy("chain", "head", "--json", "--short").json()
    assert shown["size"] == server.size
    assert parse_head(shown["head"]).evidence is None
    for given in (text, "me.head", shown["head"]):
        said = busy("chain", "compare", given)
        assert (said.status, said.stdout.split(":")[0]) == (0, "same")


def test_two_clients_on_one_history(busy: Adyton, server: PagedServer, contract: Path) -> None:
    busy("chain", "head", "--out", "first.head")
    assert busy("notarize", str(contract)).status == 0
    for other, relation in ((None, "behind"), ("second.head", "behind")):
        busy("chain", "head", "--out", "second.head")
        given = ["first.head", *([other] if other else [])]
        said = busy("chain", "compare", *given, "--json").json()
        assert (said["relation"], said["shown_by"]) == (relation, "server")
        assert said["other"]["size"] - said["one"]["size"] == 1
    back = busy("chain", "compare", "second.head", "first.head")
    assert has_line(back.stdout, "ahead: the first continues the second by 1 entries", "server")


def test_offline_the_own_copy_decides(busy: Adyton, server: PagedServer, contract: Path) -> None:
    busy("chain", "head", "--out", "old.head")
    busy("notarize", str(contract))
    server.calls.clear()
    refused(busy("chain", "compare", "old.head", "--offline"), 7, "unreachable")
    assert server.calls == []
    assert busy("chain", "sync").status == 0
    server.calls.clear()
    said = busy("chain", "compare", "old.head", "--offline", "--json").json()
    assert (said["relation"], said["shown_by"]) == ("behind", "copy")
    assert server.calls == []
    server.drops += ["GET /checkpoint"] * 50
    said_online = busy("chain", "compare", "old.head", "--json")
    assert "comparing offline" in said_online.stderr
    assert said_online.json()["shown_by"] == "copy"


def test_what_is_no_head_is_refused(busy: Adyton, tmp_path: Path) -> None:
    (tmp_path / "no.head").write_bytes(b"\xff\x00")
    refused(busy("chain", "compare", "no.head"), 3, "malformed")
    refused(busy("chain", "compare", PREFIX + "AAAA"), 3, "malformed")
    refused(busy("chain", "compare", "missing.head"), 2, "usage")


def test_a_client_that_saw_nothing_has_no_head(trusted: Adyton) -> None:
    said = trusted("chain", "head")
    refused(said, 2, "not_found")
    assert "chain sync" in said.stderr


# --- two histories -------------------------------------------------------------------------------


def test_two_clients_find_a_fork_and_anybody_can_check_it(
    busy: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    busy("chain", "head", "--out", "first.head")
    fork(server.ledger, 2, 4, restart=True)
    other = ["--home", str(tmp_path / "other")]
    fingerprint = server.ledger.fingerprint.hex()
    busy("trust", server.server, "--fingerprint", fingerprint, *other)
    assert busy("chain", "sync", *other).status == 0
    said = busy("chain", "compare", "first.head", "--json", *other)
    conflict = said.json()["conflict"]
    assert (said.status, conflict["proved"]) == (4, True)
    assert Path(conflict["path"]).parent == tmp_path / "other" / "conflicts"

    # A third party: no directory, no server.
    server.calls.clear()
    home = ["--home", "nowhere"]
    judged = busy("verify", conflict["path"], "--fingerprint", fingerprint, *home)
    assert judged.status == 0
    first = judged.stdout.splitlines()[0]
    assert first.startswith(f"proved: the server with fingerprint {fingerprint} signed two ")
    assert "SIMULATED" in judged.stderr
    assert server.calls == []
    refused(busy("verify", conflict["path"], *home), 5, "not_trusted")
    elsewhere = busy("verify", conflict["path"], "--fingerprint", "00" * 32)
    refused(elsewhere, 4, "fingerprint_mismatch")


def test_every_command_that_meets_a_fork_keeps_it_once(
    busy: Adyton, server: PagedServer, tmp_path: Path, contract: Path, script: Path
) -> None:
    fork(server.ledger, 2, 4, restart=True)
    for command in (
        ["chain", "sync"],
        ["notarize", str(contract)],
        ["chain", "compare", busy("chain", "head").stdout.strip()],
    ):
        path, conflict = caught(busy(*command, "--json"), tmp_path)
        assert conflict["proved"] is True
        judged = busy("verify", str(path), "--json").json()
        assert judged["subject"] == "conflict"
        assert judged["held"] == conflict["held"]
    ran = busy("run", str(script), "--json")
    assert ran.status == 125
    assert ran.json()["conflict"]["proved"] is True
    before = len(list((tmp_path / "home" / "conflicts").iterdir()))
    busy("chain", "sync")
    assert len(list((tmp_path / "home" / "conflicts").iterdir())) == before


def test_a_server_that_goes_on_forking_does_not_fill_the_disk(
    busy: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    kept = tmp_path / "home" / "conflicts"
    kept.mkdir(mode=0o700)
    for number in range(64):
        (kept / f"{number}.conflict").touch()
    fork(server.ledger, 2, 4, restart=True)
    said = busy("chain", "sync", "--json")
    assert (said.status, said.json()["conflict"]["path"]) == (4, None)
    carried = ChainConflict.decode(base64.b64decode(said.json()["conflict"]["evidence"]))
    assert carried.report == "fork"
    assert len(list(kept.iterdir())) == 64


def test_evidence_that_cannot_be_kept_is_printed_all_the_same(
    busy: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    (tmp_path / "home" / "conflicts").write_text("in the way")
    fork(server.ledger, 2, 4, restart=True)
    said = busy("chain", "sync", "--json")
    assert (said.status, said.json()["conflict"]["proved"]) == (4, True)
    assert "could not be kept" in said.stderr


def test_a_rollback_is_reported_and_the_verdict_says_that_it_is_no_proof(
    busy: Adyton, server: PagedServer, tmp_path: Path
) -> None:
    fork(server.ledger, 2, 0)
    path, conflict = caught(busy("chain", "sync", "--json"), tmp_path)
    assert conflict["proved"] is False
    judged = busy("verify", str(path))
    assert judged.status == 4
    assert judged.stdout.startswith("not proved, only reported: after a log of 4 entries")
    assert busy("verify", str(path), "--json").json()["proved"] is False


def test_a_kept_receipt_turns_a_report_into_proof(
    busy: Adyton, server: PagedServer, tmp_path: Path, script: Path
) -> None:
    """The server goes back, and on, with the clock set back too: the client's own receipt of that
    height is the second signature."""
    assert busy("run", str(script)).status == 0
    told = fork(server.ledger, 4, 0)
    server.ledger.add([server.ledger.part("void")], time_ms=told[4].header.time_ms)
    assert told[-1].header.height > server.ledger.blocks[-1].header.height
    path, conflict = caught(busy("chain", "sync", "--json"), tmp_path)
    assert conflict["proved"] is True
    assert busy("verify", str(path)).status == 0


def test_tampered_evidence_is_refused(busy: Adyton, server: PagedServer, tmp_path: Path) -> None:
    fork(server.ledger, 2, 4, restart=True)
    path, _ = caught(busy("chain", "sync", "--json"), tmp_path)
    whole = path.read_bytes()
    conflict = ChainConflict.decode(whole)
    for place in range(0, len(whole) - 20, len(whole) // 25):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert busy("verify", str(path)).status in (3, 4, 5), place
    path.write_bytes(
        replace(conflict, shown=conflict.held, evidence=conflict.evidence[:1]).encode()
    )
    refused(busy("verify", str(path)), 4, "conflict_invalid")
    path.write_bytes(whole + b"\0")
    refused(busy("verify", str(path)), 3, "conflict_invalid")


# --- the copy and the receipts -------------------------------------------------------------------


def test_own_receipts_must_lie_in_the_copy(
    busy: Adyton, server: PagedServer, script: Path, tmp_path: Path
) -> None:
    assert busy("run", str(script)).status == 0
    synced = busy("chain", "sync", "--json").json()
    assert synced["receipts"] == busy("chain", "verify", "--json").json()["receipts"] == 2
    assert busy("run", str(script)).status == 0
    said = busy("chain", "verify", "--json").json()
    assert (said["receipts"], said["later_receipts"]) == (2, 2)
    # Another history in the copy's place, rightly signed from genesis on.
    told = server.ledger.blocks
    fork(server.ledger, 1, 5)
    (copy,) = tmp_path.glob("home/chains/*/blocks")
    (view,) = tmp_path.glob("home/chains/*/chain.sqlite")
    other = ["--home", str(tmp_path / "other")]
    busy("trust", server.server, "--fingerprint", server.ledger.fingerprint.hex(), *other)
    assert busy("chain", "sync", *other).status == 0
    (forked,) = tmp_path.glob("other/chains/*/blocks")
    copy.write_bytes(forked.read_bytes())
    _, conflict = caught(busy("chain", "verify", "--json"), tmp_path)
    assert conflict["proved"] is True
    assert view.exists()
    assert len(told) > 1
