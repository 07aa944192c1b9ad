"""An operator puts an older copy of the data directory back: clients notice, and can prove it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Client, Server, serving


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "contract.txt"
    path.write_text("we agree\n")
    return path


def client(server: Server, home: Path) -> Client:
    made = Client(home, server)
    made.trust()
    return made


def copied(data: Path, to: Path) -> Path:
    """Copy a data directory, but for the enclave's image, which is no data and the same in any copy."""
    shutil.copytree(data, to, symlinks=True, ignore=shutil.ignore_patterns("images"))
    return to


def put_back(copy: Path, data: Path) -> None:
    """Replace the data directory by its copy."""
    (data / "images").rename(copy / "images")
    shutil.rmtree(data)
    copy.rename(data)


def conflict_of(client: Client, *command: str) -> dict[str, Any]:
    done = client.run(*command, "--json")
    assert done.returncode == 4, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["error"]["code"] == "fork", said
    conflict: dict[str, Any] = said["conflict"]
    assert Path(conflict["path"]).is_file()
    return conflict


def test_two_clients_find_the_fork_and_a_third_party_checks_it(
    tmp_path: Path, contract: Path
) -> None:
    with serving(tmp_path / "data") as server:
        first = client(server, tmp_path / "first")
        second = client(server, tmp_path / "second")
        first.ok("notarize", str(contract))
        second.ok("chain", "sync")
        server.stop()
        copy = copied(server.data, tmp_path / "copy")

        # One history: the first client alone sees how it goes on.
        server.start()
        for _ in range(3):
            first.ok("notarize", str(contract))
        first.ok("chain", "sync")
        first.ok("chain", "head", "--out", str(tmp_path / "first.head"))
        server.stop()

        # The other: the older copy is put back, and the second client sees how that goes on.
        put_back(copy, server.data)
        server.start()
        for _ in range(5):
            second.ok("notarize", str(contract))
        second.ok("chain", "sync")  # nothing is wrong for the second client alone
        head = second.ok("chain", "head").strip()

        found = conflict_of(second, "chain", "compare", str(tmp_path / "first.head"))
        assert found["proved"] is True
        also = conflict_of(first, "chain", "compare", head)
        alone = [conflict_of(first, "chain", "sync")]
        alone.append(conflict_of(first, "notarize", str(contract)))
        fingerprint = server.fingerprint

    # Offline: the server is gone, and the reader has no directory.
    reader = Client(tmp_path / "reader", server)
    for conflict in (found, also, *alone):
        assert conflict["proved"] is True
        done = reader.run("verify", conflict["path"], "--fingerprint", fingerprint)
        assert done.returncode == 0, done.stderr
        who = f"proved: the server with fingerprint {fingerprint} signed two histories: "
        assert done.stdout.startswith(who)
    whole = Path(found["path"]).read_bytes()
    altered = tmp_path / "altered.conflict"
    for place in range(100, len(whole) - 20, len(whole) // 7):
        altered.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        done = reader.run("verify", str(altered), "--fingerprint", fingerprint)
        assert done.returncode in (3, 4), done.stdout
        assert "proved" not in done.stdout
    assert not (tmp_path / "reader").exists()


def test_an_older_copy_that_only_answers_is_noticed(tmp_path: Path, contract: Path) -> None:
    """It starts: that alone is a block of its own, signed later than what was there before."""
    with serving(tmp_path / "data") as server:
        alone = client(server, tmp_path / "alone")
        alone.ok("notarize", str(contract))
        server.stop()
        copy = copied(server.data, tmp_path / "copy")
        server.start()
        for _ in range(4):
            alone.ok("notarize", str(contract))
        server.stop()
        put_back(copy, server.data)
        server.start()
        found = conflict_of(alone, "chain", "sync")
        assert found["proved"] is True
        assert found["shown"]["size"] < found["held"]["size"]
        # The view has not moved: the next look finds the same.
        assert conflict_of(alone, "chain", "sync")["path"] == found["path"]
        assert alone.run("verify", found["path"]).returncode == 0
