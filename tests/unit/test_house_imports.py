"""The import rules: a package laid out as ours, with one import too many, breaks the rule named."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).parent / "lint-imports"
PACKAGES = (
    "core",
    "protocol",
    "attestation",
    "channel",
    "sandbox",
    "enclave",
    "host",
    "client",
    "mqtt",
)

LAYERS = "every package declares its side"
SANDBOX = "only the enclave confines guests"
CLI = "the command line never reaches into the enclave"
CLIENT = "the client never trusts host code"
MEASURED = "nothing measured speaks SQL, HTTP or MQTT"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our layout with empty packages, under this repository's own rules."""
    root = tmp_path_factory.mktemp("layout")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in ("", *PACKAGES, "cli"):
        (root / "adyton" / package).mkdir()
        (root / "adyton" / package / "__init__.py").touch()
    return root


def broken(root: Path) -> set[str]:
    """Run the linter on the tree and return the names of the rules that are broken."""
    done = subprocess.run(
        [str(LINTER), "--no-cache"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    output = done.stdout + done.stderr
    rules = {line.removesuffix(" BROKEN") for line in output.splitlines() if "BROKEN" in line}
    assert (done.returncode == 0) == (not rules), output
    return rules


def test_the_layout_itself_is_kept(tree: Path) -> None:
    assert broken(tree) == set()


@pytest.mark.parametrize(
    ("module", "line", "rules"),
    [
        ("core/x.py", "import adyton.protocol", {LAYERS}),
        ("protocol/x.py", "from adyton import attestation", {LAYERS}),
        ("attestation/x.py", "import adyton.channel", {LAYERS}),
        ("channel/x.py", "def f():\n    import adyton.enclave", {LAYERS}),
        ("mqtt/x.py", "import adyton.client", {LAYERS}),
        ("mqtt/x.py", "from adyton.host import gateways", {LAYERS}),
        ("enclave/x.py", "from adyton.mqtt import topics", {MEASURED}),
        ("protocol/x.py", "import adyton.mqtt.topics", {LAYERS, MEASURED}),
        ("enclave/x.py", "import adyton.host", {LAYERS}),
        ("enclave/x.py", "import adyton.client", {LAYERS}),
        ("host/x.py", "import adyton.enclave", {LAYERS}),
        ("host/x.py", "import adyton.client", {LAYERS}),
        ("host/x.py", "import adyton.sandbox", {SANDBOX}),
        ("client/x.py", "import adyton.host", {LAYERS, CLIENT}),
        ("cli/x.py", "import adyton.enclave", {CLI}),
        ("cli/x.py", "import adyton.sandbox", {SANDBOX, CLI}),
        ("enclave/x.py", "import sqlite3", {MEASURED}),
        ("enclave/x.py", "import http.client", {MEASURED}),
        ("sandbox/x.py", "from http import server", {MEASURED}),
        ("channel/x.py", "import uvicorn.config", {MEASURED}),
        ("core/x.py", "def f():\n    import urllib.request", {MEASURED}),
        ("protocol/x.py", "import starlette", {MEASURED}),
        ("attestation/x.py", "import prometheus_client", {MEASURED}),
        ("enclave/x.py", "import paho.mqtt", {MEASURED}),
    ],
)
def test_an_import_too_many_is_refused(tree: Path, module: str, line: str, rules: set[str]) -> None:
    file = tree / "adyton" / module
    file.write_text(line + "\n")
    try:
        assert broken(tree) == rules
    finally:
        file.unlink()


def test_a_new_package_has_to_declare_its_side(tree: Path) -> None:
    package = tree / "adyton" / "newcomer"
    package.mkdir()
    (package / "__init__.py").touch()
    try:
        assert broken(tree) == {LAYERS}
    finally:
        shutil.rmtree(package)
