"""Range proofs and epochs, with servers that have them: what a receipt proves, and when what was sealed dies."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.command import ADYTON, Client, serving
from tests.e2e.identity_actors import Holder, Party


def actors(place: Path, server: Any, *options: str) -> tuple[Client, str, Party, Holder]:
    """Make an issuer, a relying party, and a holder with a credential."""
    clients = [Client(place / name, server) for name in ("hall", "kino", "erika")]
    for client in clients:
        client.trust()
    issuer = clients[0].json("credential", "issuer", "City Hall")["issuer"]
    kino = Party.make(clients[1], "Kino Nord", issuer, *options)
    erika = Holder.make(clients[2])
    erika.given(clients[0])
    return clients[0], issuer, kino, erika


def verify_without_the_library(client: Client, receipt: Path, place: Path) -> Any:
    """Run `adyton verify` where the extra `zk` is not installed."""
    (place / "without" / "ecc").mkdir(parents=True)
    (place / "without" / "ecc" / "__init__.py").write_text("raise ImportError\n")
    env = client.environment()
    env["PYTHONPATH"] = f"{place / 'without'}{os.pathsep}{env['PYTHONPATH']}"
    done = subprocess.run(
        [*ADYTON, "verify", str(receipt), "--json"],
        env=env, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_a_verdict_with_a_range_proof(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--extra", "zk") as server:
        hall, _, kino, erika = actors(tmp_path, server, "--range-proof")
        uri = kino.ask()
        done = erika.client.run(
            "credential", "present", uri, "--yes", "--out", str(tmp_path / "sealed")
        )
        assert "  the enclave sees   birthdate" in done.stderr.splitlines()
        assert "that you were born on " in done.stderr
        receipt = tmp_path / "visit.receipt"
        code, said = kino.present(tmp_path / "sealed", "--receipt", str(receipt))
        assert (code, said["answer"], said["range_proof"]) == (0, "yes", "checked")
        uri = kino.ask()
        young = Holder.make(_client(tmp_path / "young", hall))
        young.given(hall, birthdate="2015-01-01")
        code, said = kino.present(young.seal(uri, tmp_path / "no"))
        assert (code, said["reason"], said["range_proof"]) == (5, "policy", None)
    # The server is gone: a receipt needs nobody.
    shown = hall.json("verify", str(receipt))["shown"]
    assert shown["range"]["proof"] == "checked"
    assert shown["range"]["born_by"] < "2015"
    told = verify_without_the_library(hall, receipt, tmp_path)
    assert told["holds"] is True
    assert told["shown"]["range"] == {**shown["range"], "proof": "not checked here"}
    assert b"1990" not in receipt.read_bytes()


def test_what_was_sealed_dies_with_its_epoch(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--epoch-blocks", "16", "--epoch-grace", "3") as server:
        _, issuer, kino, erika = actors(tmp_path, server)
        asked = kino.client.json("verifier", "request", "Adults")
        sealed = erika.seal(asked["uri"], tmp_path / "sealed")
        for number in range(24):
            kino.policy(f"Another {number}", issuer, "--age-over", "16")
            if kino.client.json("verifier", "request", "Adults")["epoch"] > asked["epoch"]:
                break
        for number in range(4):
            kino.policy(f"Later {number}", issuer, "--age-over", "16")
        code, said = kino.present(sealed)
        assert (code, said["error"]["code"]) == (5, "epoch_ended")
        assert "seal it anew" in said["error"]["message"]
        assert "adyton credential present" in said["error"]["next"]
        assert kino.client.json("verifier", "status", asked["request"])["state"] == "open"
        # Her tool seals the same request to the key of the epoch that is; nobody makes another.
        code, said = kino.present(erika.seal(asked["uri"], tmp_path / "anew"))
        assert (code, said["answer"], said["request"]) == (0, "yes", asked["request"])
        assert said["epoch"] > asked["epoch"]


def _client(home: Path, other: Client) -> Client:
    made = Client(home, other.server)
    made.trust()
    return made
