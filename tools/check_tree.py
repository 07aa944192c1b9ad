"""Check the whole tree: no assert in the product, no file that is two things, no address of ours.

    python -m tools.check_tree [ROOT]       exit status 1 when something is refused

- `assert` vanishes under `python -O`, so nothing under `src/` may lean on it: raise instead.
- A Python file of more than 400 lines is two things.
- `type: ignore` and `noqa` give their codes, and their reason in a comment behind them.
- A tracked text file names no machine's directory and no package index. A line that has to (a
  hostile guest that asks for a home directory) says so: `allow-path: REASON`.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_LINES = 400
PYTHON_TREES = ("src", "tests", "tools", "bench", "examples", "oracle", "fuzz")
ALLOW = re.compile(r"allow-path: \S")

# The code in brackets or behind a colon, then the reason as a comment of its own.
SILENCED = re.compile(r"#\s*(?:type:\s*ignore|noqa)\b(?P<rest>[^\"']*)$")
EXPLAINED = re.compile(r"\s*[\[:][^#]+#\s*\S")

# One letter of each in brackets, so that this file is not its own first finding.
MACHINE_PATH = re.compile(
    r"(?<![\w.}$])/(?:"
    r"wo[r]k/(?:main|shared)|ro[o]t/|ho[m]e/[a-z]|Us[e]rs/[A-Za-z])"
    r"|[A-Z]:\\Us[e]rs"
)
REGISTRY = re.compile(
    r"py[p]i\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|yarn[p]kg\.com|crates[.]io"
    r"|proxy[.]golang\.org|art[i]factory|--(?:extra-)?index-[u]rl\s",
    re.IGNORECASE,
)
UNTRACKED_DIRECTORIES = frozenset(
    ".git .venv __pycache__ .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build".split()
)


def tracked_files(root: Path) -> list[Path]:
    """List what git tracks or would track; in an unpacked archive, all but caches."""
    command = ["git", "-c", f"safe.directory={root.resolve()}", "-C", str(root), "ls-files", "-z"]
    command += ["--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = [path for path in root.rglob("*") if path.is_file()]
        return sorted(
            path
            for path in found
            if not UNTRACKED_DIRECTORIES.intersection(path.relative_to(root).parts)
        )
    names = {name for name in listed.decode().split("\0") if name}
    return sorted(root / name for name in names if (root / name).is_file())


def asserts(source: str, path: str) -> Iterator[str]:
    """Refuse `assert` statements in the product's source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            yield f"{path}:{node.lineno}: assert vanishes under -O; raise InvariantError"


def too_long(source: str, path: str) -> Iterator[str]:
    """Refuse a file of more than MAX_LINES lines."""
    lines = len(source.splitlines())
    if lines > MAX_LINES:
        yield f"{path}:{MAX_LINES + 1}: {lines} lines; past {MAX_LINES} it is two things"


def unexplained(source: str, path: str) -> Iterator[str]:
    """Refuse a silenced check that does not say which, or not why."""
    for number, line in enumerate(source.splitlines(), start=1):
        match = SILENCED.search(line)
        if match and not EXPLAINED.match(match["rest"]):
            yield f"{path}:{number}: silences a check without its code and a reason behind it"


def addresses(text: str, path: str) -> Iterator[str]:
    """Refuse machine paths and package indexes, line by line."""
    for number, line in enumerate(text.splitlines(), start=1):
        if ALLOW.search(line):
            continue
        for pattern, what in ((MACHINE_PATH, "a machine's path"), (REGISTRY, "a package index")):
            if match := pattern.search(line):
                yield f"{path}:{number}: names {what}: {match.group()}"


def check_tree(root: Path) -> list[str]:
    """Return every finding in the tree at `root`, as `path:line: what`."""
    findings: list[str] = []
    for file in tracked_files(root):
        path = file.relative_to(root)
        data = file.read_bytes()
        if b"\0" in data:
            continue
        text = data.decode("utf-8", errors="replace")
        findings += addresses(text, str(path))
        if path.suffix == ".py" and path.parts[0] in PYTHON_TREES:
            findings += too_long(text, str(path))
            findings += unexplained(text, str(path))
            if path.parts[0] == "src":
                findings += asserts(text, str(path))
    return findings


def main(arguments: list[str]) -> int:
    """Check the tree named, or the current directory; print what is refused."""
    findings = check_tree(Path(arguments[0] if arguments else "."))
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings:
        print("tree: no assert in src, no long file, no address")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
