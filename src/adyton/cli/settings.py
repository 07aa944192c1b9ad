"""Where the client's directory is, which server is meant, and whether a simulated one may be used.

Flags override the environment: ADYTON_SERVER, ADYTON_HOME, ADYTON_ALLOW_SIMULATED=1.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adyton.core.errors import UsageError
from adyton.protocol.words import ORDERING_LEVELS


@dataclass(frozen=True)
class Settings:
    """What every command of a client starts from.

    Attributes:
        home: the client's directory.
        server: address of the server, where one was given.
        allow_simulated: whether the simulated platform was allowed explicitly.
    """

    home: Path
    server: str | None
    allow_simulated: bool


def settings_of(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of one call.

    Raises:
        UsageError: an environment variable is not understood.
    """
    allowed = environ.get("ADYTON_ALLOW_SIMULATED", "")
    if allowed not in ("", "0", "1"):
        raise UsageError("usage", "ADYTON_ALLOW_SIMULATED is 1 or nothing")
    home = getattr(args, "home", None) or environ.get("ADYTON_HOME") or "~/.adyton"
    return Settings(
        Path(home).expanduser(),
        getattr(args, "server", None) or environ.get("ADYTON_SERVER") or None,
        bool(getattr(args, "allow_simulated", False)) or allowed == "1",
    )


def json_parent() -> argparse.ArgumentParser:
    """Return the options that every command has."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--json", action="store_true", help="print one JSON object for programs")
    return parent


def home_parent() -> argparse.ArgumentParser:
    """Return the options of commands that use the client's directory."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--home", metavar="DIR", help="keys, pins and tasks (ADYTON_HOME; default ~/.adyton)"
    )
    parent.add_argument(
        "--allow-simulated",
        action="store_true",
        help="accept a platform that no hardware protects (ADYTON_ALLOW_SIMULATED=1)",
    )
    return parent


def server_parent() -> argparse.ArgumentParser:
    """Return the options of commands that talk to a server."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--server",
        metavar="URL",
        help="which trusted server (ADYTON_SERVER; not needed where one is trusted)",
    )
    return parent


def ordering_parent() -> argparse.ArgumentParser:
    """Return the option of commands that have something recorded."""
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument(
        "--ordering",
        choices=ORDERING_LEVELS,
        default=ORDERING_LEVELS[0],
        help=f"least ordering level to accept; default {ORDERING_LEVELS[0]}",
    )
    return parent
