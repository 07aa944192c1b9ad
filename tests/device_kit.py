"""Devices that pay: their configuration, and the example of one as a process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests import mqtt_kit
from tests.broker import Broker
from tests.e2e.command import Server, environment
from tests.ethereum_kit import GWEI

CHARGER = Path(__file__).parents[1] / "examples" / "charger" / "charger.py"


def write_config(broker: Broker, server: Server, directory: Path, **changes: Any) -> Path:
    home, files = directory / "charger-home", broker.certificate("charger-7")
    home.mkdir(mode=0o700)
    (home / "mqtt").mkdir()
    for path, name in ((files.ca, "ca.pem"), (files.cert, "cert.pem"), (files.key, "key.pem")):
        shutil.copy(path, home / "mqtt" / name)
    fields = {
        "home": "charger-home",
        "server": mqtt_kit.url(broker),
        "fingerprint": server.fingerprint,
        "chain": 31337,
        "maxFeePerGas": str(20 * GWEI),
        "maxPriorityFeePerGas": str(GWEI),
        "allowSimulated": True,
        **changes,
    }
    path = directory / "charger.json"
    path.write_text(json.dumps(fields))
    return path


def run(config: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHARGER), str(config), *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
