"""What an operator does: serve, measure, invite; the server itself is tested elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.core.crypto import SigningKey
from adyton.core.errors import UnavailableError, UsageError
from adyton.host.config import DEFAULT_EPOCHS, DEFAULT_TASKS, ServeSettings, fixed_at_genesis
from adyton.host.image import measure
from adyton.host.serve import ServerFacts
from adyton.host.store import Store
from adyton.protocol.envelope import Invite
from adyton.protocol.genesis import EpochPolicy
from tests.ledger_builder import Ledger
from tests.unit.cli.conftest import Adyton, has_line

FACTS = ServerFacts(
    url="http://127.0.0.1:8384",
    port=8384,
    fingerprint="ab" * 32,
    chain_id=bytes(32),
    measurement=bytes(48),
    platform="simulated",
    simulated=True,
    admission="open",
    sandbox="namespaces",
    stop=lambda: None,
)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServeSettings]:
    """Instead of a server: the settings of each that would have been started."""
    settings: list[ServeSettings] = []

    def serve(given: ServeSettings, on_ready: Callable[[ServerFacts], None]) -> None:
        settings.append(given)
        on_ready(FACTS)

    monkeypatch.setattr("adyton.host.serve.serve", serve)
    return settings


def test_serve_prints_the_fingerprint_and_warns(
    adyton: Adyton, served: list[ServeSettings]
) -> None:
    said = adyton("serve", "--data", "d", "--port", "0")
    assert said.status == 0
    assert f"fingerprint: {'ab' * 32}" in said.stdout.splitlines()
    assert "SIMULATED" in said.stderr
    assert has_line(said.stderr, "adyton trust http://", f"--fingerprint {'ab' * 32}")
    assert served == [ServeSettings(data=Path("d"), port=0)]


def test_serve_with_an_extra(adyton: Adyton, served: list[ServeSettings]) -> None:
    assert adyton("serve", "--data", "d", "--port", "0", "--extra", "zk").status == 0
    assert served == [ServeSettings(data=Path("d"), port=0, extras=("zk",))]


def test_serve_as_json(adyton: Adyton, served: list[ServeSettings]) -> None:
    value = adyton("serve", "--data", "d", "--json").json()
    assert (value["fingerprint"], value["simulated"]) == ("ab" * 32, True)
    assert len(served) == 1


def test_serve_passes_every_choice_on(adyton: Adyton, served: list[ServeSettings]) -> None:
    adyton(
        "serve", "--data", "d", "--host", "::1", "--admission", "invite", "--wall", "5",
        "--memory", "64", "--workers", "3", "--allow-simulated", "--access-log",
    )  # fmt: skip
    (settings,) = served
    assert (settings.host, settings.admission, settings.allow_simulated) == ("::1", "invite", True)
    assert settings.access_log
    assert settings.tasks is not None
    assert (settings.tasks.wall_s, settings.tasks.memory) == (5, 64 << 20)
    assert (settings.tasks.workers, settings.tasks.output) == (3, DEFAULT_TASKS.output)


def test_one_limit_leaves_the_stored_ones_as_they_are(
    adyton: Adyton, served: list[ServeSettings], tmp_path: Path
) -> None:
    stored = replace(DEFAULT_TASKS, wall_s=7, memory=1 << 28)
    fixed_at_genesis(ServeSettings(data=tmp_path, tasks=stored))
    adyton("serve", "--data", str(tmp_path), "--wall", "7")
    assert served[0].tasks == stored


@pytest.mark.parametrize(
    ("asked", "policy"),
    [
        (("--epoch-blocks", "0"), (0, 0)),
        (("--epoch-blocks", "8"), (8, 8)),
        (("--epoch-blocks", "1000"), (1000, 100)),
        (("--epoch-blocks", "20", "--epoch-grace", "4"), (20, 4)),
    ],
)
def test_serve_passes_epochs_on(
    adyton: Adyton, served: list[ServeSettings], asked: tuple[str, ...], policy: tuple[int, int]
) -> None:
    adyton("serve", "--data", "d", *asked)
    assert served[0].epochs == EpochPolicy(*policy)


def test_epochs_are_fixed_at_genesis(tmp_path: Path) -> None:
    fixed = fixed_at_genesis(ServeSettings(data=tmp_path))
    assert fixed.configuration.epochs == DEFAULT_EPOCHS
    assert fixed_at_genesis(ServeSettings(data=tmp_path, epochs=DEFAULT_EPOCHS)) == fixed
    with pytest.raises(UsageError, match="epochs differs"):
        fixed_at_genesis(ServeSettings(data=tmp_path, epochs=EpochPolicy(0, 0)))


@pytest.mark.parametrize(
    "wrong",
    [
        ("--epoch-blocks", "7"),
        ("--epoch-blocks", "-1"),
        ("--epoch-grace", "3"),
        ("--epoch-blocks", "20", "--epoch-grace", "0"),
        ("--epoch-blocks", "20", "--epoch-grace", "21"),
        ("--epoch-blocks", "0", "--epoch-grace", "1"),
        ("--port", "65536"),
        ("--wall", "0"),
        ("--memory", "99999999"),
        ("--workers", "65"),
    ],
)
def test_serve_refuses_what_cannot_be(
    adyton: Adyton, served: list[ServeSettings], wrong: tuple[str, ...]
) -> None:
    said = adyton("serve", "--data", "d", *wrong)
    assert said.status == 2
    assert "[usage]" in said.stderr
    assert served == []


def test_a_port_in_use_is_said_so(adyton: Adyton, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any) -> None:
        raise UnavailableError("unreachable", "cannot listen on 127.0.0.1 port 8384")

    monkeypatch.setattr("adyton.host.serve.serve", busy)
    said = adyton("serve", "--data", "d")
    assert said.status == 7
    assert "port 8384" in said.stderr


def test_measure_prints_measurement_and_trusted_lines(adyton: Adyton) -> None:
    expected = measure()
    said = adyton("measure")
    assert said.status == 0
    assert f"measurement: {expected.measurement.hex()}" in said.stdout.splitlines()
    more = measure(extras=["zk"]).measurement
    assert f"measurement: {more.hex()}" in adyton("measure", "--extra", "zk").stdout.splitlines()
    assert adyton("measure", "--extra", "other").status != 0
    value = adyton("measure", "--json", "--manifest").json()
    assert value["measurement"] == expected.measurement.hex()
    assert value["trusted_lines"]["own"] == expected.trusted_lines.own > 0
    assert value["manifest"].startswith("adyton-manifest/1\n")


def test_an_invitation_is_signed_by_the_servers_key(adyton: Adyton, tmp_path: Path) -> None:
    (tmp_path / "device").mkdir()
    ledger = Ledger(tmp_path / "device", 0)
    data = tmp_path / "data"
    data.mkdir()
    client = SigningKey(bytes(32)).public
    argv = ("invite", client.hex(), "--data", str(data), "--days", "2", "--out", "i", "--json")
    assert adyton(*argv).status == 2
    configuration = fixed_at_genesis(ServeSettings(data=data, admission="invite")).configuration
    assert "no server has been started" in adyton(*argv).stderr
    store = Store(data / "ledger.sqlite")
    store.keep_root(ledger.genesis.encode(), b"sealed")
    said = adyton(*argv)
    store.close()
    assert said.status == 0
    invite = Invite.decode(Path("i").read_bytes())
    assert (invite.client_key, invite.chain_id) == (client, ledger.chain_id)
    assert invite.not_after_ms == json.loads(said.stdout)["not_after_ms"]
    invite.verify(configuration.invite_key or b"")


def test_an_invitation_takes_a_whole_key(adyton: Adyton) -> None:
    said = adyton("invite", "ab", "--data", "d")
    assert said.status == 2
    assert "64 hex digits" in said.stderr
