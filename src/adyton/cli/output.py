"""Printing: results on stdout, everything else on stderr, progress only for what takes longer than a second."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

_PATIENCE_S: Final = 1.0
_REDRAW_S: Final = 0.2
_CLEAR: Final = "\r\x1b[K"
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
SIMULATED: Final = (
    "adyton: WARNING: this platform is SIMULATED: no hardware protects it, "
    "its operator can read and change everything"
)


class Output:
    """Where one command's words go.

    Args:
        as_json: print one JSON object, and no progress.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._began = time.monotonic()
        self._drawn = 0.0
        self._shown = ""
        self._tty = sys.stderr.isatty()
        self._warned = False

    def text(self, *lines: str) -> None:
        """Print lines for people on stdout; nothing under --json."""
        if not self.as_json:
            self.end_progress()
            for line in lines:
                print(line)

    def raw(self, stdout: bytes, stderr: bytes) -> None:
        """Pass a program's output on as it is; nothing under --json."""
        if self.as_json:
            return
        self.end_progress()
        for stream, content in ((sys.stdout, stdout), (sys.stderr, stderr)):
            stream.flush()
            stream.buffer.write(content)
            stream.buffer.flush()

    def json(self, value: Mapping[str, Any]) -> None:
        """Print the object for programs; nothing without --json."""
        if self.as_json:
            encoded = json.dumps(value, ensure_ascii=False, indent=2)
            print("\n".join(map(_escaped, encoded.split("\n"))))

    def note(self, *lines: str) -> None:
        """Print lines on stderr, with and without --json."""
        self.end_progress()
        for line in lines:
            print(line, file=sys.stderr)

    def warn_simulated(self) -> None:
        """Say, once a command, that nothing protects a simulated platform."""
        if not self._warned:
            self._warned = True
            self.note(SIMULATED)

    def progress(self, what: str) -> None:
        """Say what is going on, once it has gone on for more than a second."""
        now = time.monotonic()
        if self.as_json or now - self._began < _PATIENCE_S:
            return
        if self._tty:
            if now - self._drawn >= _REDRAW_S:
                self._drawn = now
                waited = int(now - self._began)
                print(f"{_CLEAR}{what} ({waited} s)", end="", file=sys.stderr, flush=True)
        elif what != self._shown:
            print(what, file=sys.stderr, flush=True)
        self._shown = what

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Keep the progress line alive while something blocks."""
        done = threading.Event()

        def tick() -> None:
            while not done.wait(_REDRAW_S):
                self.progress(what)

        ticker = threading.Thread(target=tick, daemon=True)
        if not self.as_json:
            ticker.start()
        try:
            yield
        finally:
            done.set()
            if ticker.is_alive():
                ticker.join()
            self.end_progress()

    def end_progress(self) -> None:
        """Take the progress line away, so that others start at the margin."""
        if self._tty and self._drawn:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
            self._drawn = 0.0

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print columns for people."""
        listed = [tuple(heads), *[tuple(map(printable, row)) for row in rows]]
        widths = [max(len(row[at]) for row in listed) for at in range(len(heads))]
        for row in listed:
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.text(line.rstrip())


def printable(text: str) -> str:
    """Return the text without what would steer a terminal."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def shown_json(value: Any) -> str:
    """Return the value as JSON in one line, what would steer a terminal escaped."""
    return _escaped(json.dumps(value, ensure_ascii=False))


def json_lines(encoded: str) -> list[str]:
    """Return somebody's JSON text line by line, what would steer a terminal escaped; it means the same."""
    return ["\t".join(map(_escaped, line.split("\t"))) for line in _LINE_END.split(encoded)]


def _escaped(encoded: str) -> str:
    # Only within strings can JSON have what is not printable, and there an escape means the same.
    if encoded.isprintable():
        return encoded
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in encoded)
