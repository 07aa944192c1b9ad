"""The locked requirements: every wheel by hash, no address, and the enclave's closure exactly."""

import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from adyton.host.image import EXTRAS

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
LOCKED = ("build", "dev", "enclave", "host", "oracle", "sdjwt", "web3", "zk")

# What the enclave takes from outside, and nothing else: each name here is trusted and measured.
ENCLAVE = {
    *("cbor2", "cffi", "coincurve", "cryptography"),
    *("pycparser", "pynacl", "safe-pysha3", "sortedcontainers", "wasmtime"),
}


def entries(name: str) -> dict[str, list[str]]:
    """Map each locked name to the lines of its entry, comments left out."""
    found: dict[str, list[str]] = {}
    last = ""
    for line in (REQUIREMENTS / f"{name}.txt").read_text("utf-8").splitlines():
        if line.lstrip().startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            last = canonicalize_name(re.split(r"[=\s]", line, maxsplit=1)[0])
            found[last] = []
        found[last].append(line.strip().removesuffix("\\").strip())
    return found


def versions(name: str) -> dict[str, str]:
    return {key: lines[0].split("==")[1].split()[0] for key, lines in entries(name).items()}


@pytest.mark.parametrize("name", LOCKED)
def test_every_entry_is_one_version_with_its_hashes(name: str) -> None:
    locked = entries(name)
    assert locked
    for lines in locked.values():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*( ; .+)?", lines[0]), lines[0]
        assert lines[1:], f"{lines[0]} has no hash"
        for line in lines[1:]:
            assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("name", LOCKED)
def test_no_address_and_no_path(name: str) -> None:
    for line in (REQUIREMENTS / f"{name}.txt").read_text("utf-8").splitlines():
        assert "://" not in line
        assert not re.match(r"\s*(-i|-f|--index|--extra|--find|--trusted|-e)\b", line)
        assert not re.search(r"(^|[\s@])[/~]", line)
        assert "\\" not in line.removesuffix("\\")


@pytest.mark.parametrize("name", [name for name in LOCKED if name != "dev"])
def test_one_version_of_a_library_everywhere(name: str) -> None:
    everything = versions("dev")
    for library, version in versions(name).items():
        assert everything.get(library, version) == version, library


def applicable(name: str) -> set[str]:
    """Return the locked names that are installed here: what their markers let through."""
    markers = {key: lines[0].partition(" ; ")[2] for key, lines in entries(name).items()}
    return {key for key, marker in markers.items() if not marker or Marker(marker).evaluate()}


def closure(names: Iterable[str]) -> set[str]:
    """Follow installed metadata from `names` to all that they need here, extras left out."""
    reached: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        for text in requires(name) or []:
            requirement = Requirement(text)
            marker = requirement.marker or Marker("python_version > '3'")
            if marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(requirement.name)} - reached
    return reached


def test_the_enclave_takes_exactly_its_closure() -> None:
    lines = (REQUIREMENTS / "enclave.in").read_text("utf-8").splitlines()
    asked = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    assert set(entries("enclave")) == applicable("enclave") == ENCLAVE
    assert closure(asked) == ENCLAVE


def test_an_extra_of_the_enclave_brings_no_other_wheel_into_it() -> None:
    for names in EXTRAS.values():
        assert closure(names) == set(names)
        assert not set(names) & ENCLAVE


def test_the_extra_has_what_it_asks_for_beside_the_host() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [Requirement(text) for text in project["optional-dependencies"]["zk"]]
    names = {canonicalize_name(requirement.name) for requirement in asked}
    assert set(entries("zk")) == set(entries("host")) | closure(names)
    assert not names & set(entries("host"))
    for requirement in asked:
        name = canonicalize_name(requirement.name)
        assert requirement.specifier.contains(versions("zk")[name])
        assert versions("zk")[name] == versions("dev")[name]


def test_the_host_has_what_the_package_asks_for_and_no_tool() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    tools = {
        canonicalize_name(Requirement(text).name)
        for text in project["optional-dependencies"]["dev"]
    }
    host = set(entries("host"))
    assert asked <= host
    assert closure(asked) == applicable("host")
    assert not tools & host
    assert tools <= set(entries("dev"))


@pytest.mark.parametrize("name", ["dev", "host"])
def test_locked_versions_satisfy_what_the_package_asks_for(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked = versions(name)
    for text in project["dependencies"]:
        requirement = Requirement(text)
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), text


def test_the_build_requirements_are_written_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lines = (REQUIREMENTS / "build.in").read_text("utf-8").splitlines()
    asked = [line for line in lines if line and not line.startswith("#")]
    assert asked == project["build-system"]["requires"]
