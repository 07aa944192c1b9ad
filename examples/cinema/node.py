"""A throw-away node, and what its operator can see of it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from adyton.core.errors import UsageError
from adyton.protocol.identity.answers import IdentityEntry
from adyton.protocol.ledger import PublicPart

ADYTON = Path(sys.executable).with_name("adyton")
START_S = 60.0
# Short, so that an epoch can be seen to end.
EPOCH_BLOCKS, EPOCH_GRACE = 64, 32


@dataclass(frozen=True)
class Recorded:
    """An entry as it lies in the operator's store."""

    leaf_index: int
    height: int
    public: bytes
    part: PublicPart


class Node:
    """`adyton serve` on a directory of its own.

    Args:
        place: private directory; `operator/` in it is all that the operator has.
    """

    def __init__(self, place: Path) -> None:
        self.data = place / "operator"
        self._log: IO[str] = (place / "server.log").open("w")
        command = [
            str(ADYTON), "serve", "--data", str(self.data), "--port", "0", "--allow-simulated",
            "--extra", "zk", "--epoch-blocks", str(EPOCH_BLOCKS), "--epoch-grace", str(EPOCH_GRACE),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        facts: dict[str, str] = {}
        for line in self._process.stdout or ():
            name, _, value = line.strip().partition(": ")
            facts[name] = value
            if name == "fingerprint":
                break
        else:
            self.stop()
            raise SystemExit((place / "server.log").read_text() + "the node did not start")
        self.url, self.fingerprint = facts["serving"], bytes.fromhex(facts["fingerprint"])

    def stop(self) -> None:
        """End the node; wait until it has."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(START_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    # --- what the operator sees -----------------------------------------------------------------

    def last_presentation(self) -> Recorded:
        """Return the newest entry of something that was presented, out of the operator's own database."""
        with sqlite3.connect(f"file:{self._database()}?mode=ro", uri=True) as store:
            newest_first = store.execute(
                "SELECT leaf_index, height, public FROM entries ORDER BY leaf_index DESC"
            )
            for leaf_index, height, public in newest_first:
                part = PublicPart.decode(public)
                if (
                    part.body
                    and part.kind == "request"
                    and IdentityEntry.decode(part.body).sealed_uses
                ):
                    return Recorded(leaf_index, height, public, part)
        raise UsageError("not_found", "nothing was presented yet")

    def search(self, secrets: list[str]) -> tuple[int, int]:
        """Return how many of the operator's files have one of these, plain or as hex digits, and how many there are."""
        wanted = [
            form for text in secrets for form in (text.encode(), text.encode().hex().encode())
        ]
        files = [path.read_bytes() for path in self.data.rglob("*") if path.is_file()]
        return sum(any(text in file for text in wanted) for file in files), len(files)

    def _database(self) -> Path:
        (found,) = (path for path in self.data.rglob("*") if path.suffix in (".sqlite", ".db"))
        return found


def remove(place: Path) -> None:
    """Remove everything, the enclave's image too, whose directories are read-only to their owner."""
    for directory, _, _ in os.walk(place):
        Path(directory).chmod(0o700)
    shutil.rmtree(place)
