"""What npm fetches is locked: one version each, by digest, and no address."""

import json
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
LOCKS = ("contract-toolchain", "ethereum-tools")


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_a_digest_and_no_address(name: str) -> None:
    lock = json.loads((TOOLS / name / "package-lock.json").read_text("utf-8"))
    packages = {key: value for key, value in lock["packages"].items() if key}
    assert packages
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


@pytest.mark.parametrize("name", LOCKS)
def test_what_is_asked_for_is_one_version_and_locked(name: str) -> None:
    asked = json.loads((TOOLS / name / "package.json").read_text("utf-8"))["dependencies"]
    packages = json.loads((TOOLS / name / "package-lock.json").read_text("utf-8"))["packages"]
    assert packages[""]["dependencies"] == asked
    for package, version in asked.items():
        assert packages[f"node_modules/{package}"]["version"] == version


def test_no_lock_is_forgotten() -> None:
    assert {path.parent.name for path in TOOLS.glob("*/package-lock.json")} == set(LOCKS)
