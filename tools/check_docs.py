"""Check that the documents are true: links resolve, help texts are the command's own, paths exist.

    python -m tools.check_docs [--write] [ROOT]     exit status 1 when something is untrue

- Relative links and their `#anchors` in the Markdown files at the top and under `docs/`.
- Blocks in README.md between `<!-- help: adyton run -->` and `<!-- /help -->` equal the output of
  that command with `--help`; `--write` puts it there.
- Paths in backticks in `docs/seeds.md` and `docs/threat-model.md` exist, and so do the tests named
  `path::test`.
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

REQUIRED = ("README.md", "docs/seeds.md")
MAPS = ("docs/seeds.md", "docs/threat-model.md")

_FENCE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_INLINE = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+[\"'(][^)]*)?\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_EXTERNAL = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*:")
_HELP = re.compile(
    r"(?P<open><!-- help: (?P<command>[^>]+?) -->\n)(?P<body>.*?)(?P<close><!-- /help -->)",
    re.DOTALL,
)
_HELP_MARK = re.compile(r"<!-- /?help\b")
_SEED = re.compile(r"`((?:src|tests|tools|bench|examples|docs|contracts)/[^`\s]*)`")

Runner = Callable[[list[str]], str]


def documents(root: Path) -> list[Path]:
    """List the Markdown files at the top of the tree and under docs/."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")])


def blank(pattern: re.Pattern[str], text: str) -> str:
    """Replace what `pattern` matches by blanks, keeping lines: examples are not claims."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, spelled as the forges spell them."""
    found: dict[str, int] = {}
    names = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    for match in _HEADING.finditer(blank(_FENCE, text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match.group(1)).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


def links(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and target of every link that is not inside code."""
    prose = blank(_CODE, blank(_FENCE, text))
    for pattern in (_INLINE, _REFERENCE):
        for match in pattern.finditer(prose):
            yield prose.count("\n", 0, match.start(1)) + 1, match.group(1)


def broken_links(root: Path) -> Iterator[str]:
    """Name links to files or headings that are not there, and links out of the tree."""
    for document in documents(root):
        text = document.read_text("utf-8")
        for line, target in sorted(links(text)):
            if _EXTERNAL.match(target):
                continue
            where = f"{document.relative_to(root)}:{line}"
            name, _, anchor = unquote(target).partition("#")
            file = (document.parent / name).resolve() if name else document.resolve()
            if not file.is_relative_to(root.resolve()):
                yield f"{where}: link leaves the tree: {target}"
            elif not file.exists():
                yield f"{where}: link to nothing: {target}"
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text("utf-8")):
                yield f"{where}: no such heading: {target}"


def help_output(command: list[str]) -> str:
    """Return what a command of ours prints for --help, 80 columns wide and without colour.

    Raises:
        ValueError: it is not a command of ours, or it does not print its help.
    """
    if command[:1] != ["adyton"]:
        raise ValueError(f"not a command of this project: {' '.join(command)}")
    script = Path(sys.executable).parent / command[0]
    environ = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            [str(script), *command[1:], "--help"],
            capture_output=True, text=True, timeout=60, check=True, env=environ,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"`{' '.join(command)} --help` does not run: {error}") from error
    return done.stdout


def refresh_help(text: str, run: Runner) -> str:
    """Return README's text with every help block made anew."""

    def block(match: re.Match[str]) -> str:
        output = run(match["command"].split()).rstrip()
        return f"{match['open']}```text\n{output}\n```\n{match['close']}"

    return _HELP.sub(block, text)


def stale_help(text: str, run: Runner) -> Iterator[str]:
    """Name help blocks that differ from the command's output, and marks without a partner."""
    matches = list(_HELP.finditer(text))
    for match in matches:
        line = text.count("\n", 0, match.start()) + 1
        try:
            if refresh_help(match.group(), run) != match.group():
                stale = f"help of `{match['command']}` is old; make docs ARGS=--write"
                yield f"README.md:{line}: {stale}"
        except ValueError as error:
            yield f"README.md:{line}: {error}"
    if len(_HELP_MARK.findall(text)) != 2 * len(matches):
        yield "README.md: a help mark without its partner"


def defined_names(source: str) -> set[str]:
    """Return the functions and classes of a Python file, methods as `Class::method`."""
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            names |= {f"{node.name}::{x.name}" for x in node.body if isinstance(x, functions)}
    return names


def absent_paths(root: Path, document: str) -> Iterator[str]:
    """Name paths and tests in a document that do not exist."""
    text = (root / document).read_text("utf-8")
    matches = list(_SEED.finditer(text))
    for match in matches:
        where = f"{document}:{text.count(chr(10), 0, match.start()) + 1}"
        name, _, inner = match.group(1).partition("::")
        file = root / name
        if not file.exists():
            yield f"{where}: no such path: {name}"
        elif inner and inner.partition("[")[0] not in defined_names(file.read_text("utf-8")):
            yield f"{where}: no such test: {match.group(1)}"
    if not matches:
        yield f"{document}: names no code and no test"


def check_docs(root: Path, run: Runner = help_output) -> list[str]:
    """Return what is untrue in the documents of the tree at `root`."""
    absent = [name for name in REQUIRED if not (root / name).is_file()]
    findings = [f"{name}: absent" for name in absent]
    findings += broken_links(root)
    if "README.md" not in absent:
        findings += stale_help((root / "README.md").read_text("utf-8"), run)
    for document in MAPS:
        if (root / document).is_file():
            findings += absent_paths(root, document)
    return findings


def main(arguments: list[str]) -> int:
    """Check the tree, after refreshing the help blocks if asked to; print what is untrue."""
    parser = argparse.ArgumentParser(prog="check_docs", description="check the documents")
    parser.add_argument("--write", action="store_true", help="refresh README's help blocks")
    parser.add_argument("root", nargs="?", default=".", type=Path)
    options = parser.parse_args(arguments)
    readme = options.root / "README.md"
    if options.write and readme.is_file():
        readme.write_text(refresh_help(readme.read_text("utf-8"), help_output), "utf-8")
    findings = check_docs(options.root)
    for finding in findings:
        print(finding, file=sys.stderr)
    if not findings:
        print("documents: links, help texts and paths are true")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
