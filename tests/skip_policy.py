"""A pytest plugin: a test that does not run must say so, in a list that is reviewed.

Every skip and every xfail, of a test or of a whole module, has to match a line of
`tests/expected-skips.txt`; the session fails and names those that do not. A reason that begins
with `missing installable:` means that the set-up could have provided what is missing: as root or
under `CI=true` it fails even when listed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

INSTALLABLE = "missing installable:"
SEPARATOR = " :: "


@dataclass(frozen=True)
class Skip:
    """One test or module that did not run, and the reason it gave."""

    nodeid: str
    reason: str

    def __str__(self) -> str:
        return f"{self.nodeid}{SEPARATOR}{self.reason}"


@dataclass(frozen=True)
class Allowance:
    """One line of the list; `*` in either part stands for anything, all else for itself."""

    nodeid: str
    reason: str

    def covers(self, skip: Skip) -> bool:
        """Say whether this line allows `skip`: both parts have to match."""
        return is_like(skip.nodeid, self.nodeid) and is_like(skip.reason, self.reason)


def is_like(text: str, pattern: str) -> bool:
    """Match `text` against `pattern`; unlike fnmatch, brackets of parametrised ids are literal."""
    head, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, tail = rest
    if not text.startswith(head) or len(text) < len(head) + len(tail):
        return False
    at, end = len(head), len(text) - len(tail)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return text.endswith(tail)


def parse_allowances(text: str) -> list[Allowance]:
    """Read the list: `NODEID :: REASON` per line, `#` begins a comment line.

    Raises:
        ValueError: a line lacks its reason, or would allow every reason.
    """
    allowances = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        nodeid, separator, reason = line.partition(SEPARATOR)
        if not separator or not nodeid.strip() or not reason.strip(" *"):
            raise ValueError(f"line {number}: expected `nodeid :: reason`, got {line!r}")
        allowances.append(Allowance(nodeid.strip(), reason.strip()))
    return allowances


def is_strict(environ: Mapping[str, str], uid: int) -> bool:
    """Say whether what can be installed must be installed: as root, or under CI."""
    return uid == 0 or environ.get("CI") == "true"


def refused(skips: list[Skip], allowances: list[Allowance], *, strict: bool) -> list[str]:
    """Return one line for each skip that may not stand, in the order they were met."""
    lines = []
    for skip in dict.fromkeys(skips):
        if strict and skip.reason.startswith(INSTALLABLE):
            lines.append(f"{skip} (it can be installed here)")
        elif not any(allowance.covers(skip) for allowance in allowances):
            lines.append(f"{skip} (not listed)")
    return lines


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Take the reason out of a report of a skip or an xfail."""
    wasxfail = getattr(report, "wasxfail", None)
    if wasxfail is not None:
        return "xfail: " + str(wasxfail).removeprefix("reason: ")
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)


class SkipPolicy:
    """Collects skips of the whole session, workers' included, and judges them at its end."""

    def __init__(self, allowances: list[Allowance], *, strict: bool) -> None:
        self._allowances = allowances
        self._strict = strict
        self._skips: list[Skip] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test; an xfail that passed is noted too, since its mark is stale."""
        if report.skipped or hasattr(report, "wasxfail"):
            self._skips.append(Skip(report.nodeid, reason_of(report)))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that skipped itself while it was imported."""
        if report.skipped:
            self._skips.append(Skip(report.nodeid, reason_of(report)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a passed session into a failed one when a skip may not stand."""
        if self._refused() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the skips that may not stand, and where to list them."""
        lines = self._refused()
        if not lines:
            return
        terminalreporter.section("skips that may not stand", sep="=", red=True, bold=True)
        for line in lines:
            terminalreporter.write_line(line)
        terminalreporter.write_line(
            f"{len(lines)} refused; provide what they need, or list them with their reason "
            "in tests/expected-skips.txt"
        )

    def _refused(self) -> list[str]:
        return refused(self._skips, self._allowances, strict=self._strict)


def register(config: pytest.Config, path: Path) -> None:
    """Put the policy of the list at `path` in force; in a worker of xdist do nothing.

    Raises:
        UsageError: the list is absent or malformed.
    """
    if hasattr(config, "workerinput"):
        return
    try:
        allowances = parse_allowances(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise pytest.UsageError(f"{path.name}: {error}") from error
    strict = is_strict(os.environ, os.geteuid())
    config.pluginmanager.register(SkipPolicy(allowances, strict=strict), "skip-policy")
