"""`python -m adyton.host DATA [PORT]`: serve with defaults; the command line offers everything."""

from __future__ import annotations

import sys
from pathlib import Path

from adyton.core.errors import Error
from adyton.host.config import PORT, ServeSettings
from adyton.host.serve import ServerFacts, serve


def _say(facts: ServerFacts) -> None:
    warning = " SIMULATED, NOT HARDWARE" if facts.simulated else ""
    sys.stdout.write(f"{facts.url}{warning}\nfingerprint: {facts.fingerprint}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Serve until interrupted; return the exit status."""
    if len(arguments) not in (1, 2) or not all(item.isdigit() for item in arguments[1:]):
        sys.stderr.write("usage: python -m adyton.host DATA [PORT]\n")
        return 2
    port = int(arguments[1]) if len(arguments) == 2 else PORT
    try:
        serve(ServeSettings(Path(arguments[0]), port=port), _say)
    except Error as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
