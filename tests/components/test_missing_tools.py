"""Where a tool is missing its tests are skipped with a reason that fails the suite as root and under CI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import broker, ethereum_tools, skip_policy, web3_environment

LISTED = Path(__file__).resolve().parents[1] / "expected-skips.txt"


@pytest.fixture(autouse=True)
def _looked_for_again() -> Iterator[None]:
    ethereum_tools._problem.cache_clear()
    yield
    ethereum_tools._problem.cache_clear()


def reason_of(step: Callable[[], object]) -> str:
    with pytest.raises(pytest.skip.Exception) as caught:
        step()
    assert caught.value.msg is not None
    return caught.value.msg


def refused(reason: str, *, strict: bool) -> list[str]:
    allowances = skip_policy.parse_allowances(LISTED.read_text("utf-8"))
    skip = skip_policy.Skip("tests/e2e/test_wallet.py::test_it", reason)
    return skip_policy.refused([skip], allowances, strict=strict)


def assert_installable(reason: str) -> None:
    assert refused(reason, strict=True)
    assert not refused(reason, strict=False)


def test_no_broker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(broker, "_PATH", str(tmp_path))
    assert_installable(reason_of(lambda: broker.Broker("")))


def test_no_environment_of_web3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web3_environment, "PYTHON", tmp_path / "python")
    assert_installable(reason_of(lambda: web3_environment.run_web3("")))


def test_no_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = reason_of(lambda: ethereum_tools.tool("anvil"))
    assert "npm" in reason
    assert_installable(reason)


def test_what_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "tools" / "ethereum_tools.sh"
    script.parent.mkdir()
    script.write_text("echo the registry is out of reach >&2; exit 1\n")
    monkeypatch.setattr(ethereum_tools, "ROOT", tmp_path)
    reason = reason_of(lambda: ethereum_tools.run_cast("--version"))
    assert "the registry is out of reach" in reason
    assert_installable(reason)


def test_a_machine_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    reason = reason_of(lambda: ethereum_tools.tool("cast"))
    assert not refused(reason, strict=True)
