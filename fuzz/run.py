"""Fuzz one target, guided by coverage.

    python -m fuzz.run TARGET [--seconds N | --runs N] [--keep]

Begins with the target's seeds and the kept corpus. What breaks a promise, raises anything but our errors, hangs for
ten seconds or takes more than a gigabyte is written to `fuzz/found/TARGET/`, its path is printed, and the exit status
is 1. With --keep, what reached new code is added to `fuzz/corpus/TARGET`, the smallest first, bounded in size.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fuzz.target import CORPUS, ROOT, Target, load, name_of

KEPT_BYTES = 24 * 1024  # of one target's corpus
_FOUND = ROOT / "fuzz" / "found"


def main(arguments: list[str] | None = None) -> int:
    """Fuzz in a process of its own; return 1 where something was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", nargs="?")
    parser.add_argument("--list", action="store_true", help="print the targets")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--module", default="fuzz.every", help="where TARGETS is")
    parser.add_argument("--found", type=Path, default=_FOUND, help="where to write what is found")
    args = parser.parse_args(arguments)
    targets = load(args.module)
    if args.list:
        print("\n".join(f"{name:<14}{target.run.__doc__}" for name, target in targets.items()))
        return 0
    if args.target not in targets:
        parser.error(f"name a target: {', '.join(targets)}")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        return _fuzz(args, targets, Path(place))


def _fuzz(args: argparse.Namespace, targets: Mapping[str, Target], place: Path) -> int:
    grown, found = place / "grown", args.found / args.target
    grown.mkdir()
    found.mkdir(parents=True, exist_ok=True)
    bounds = [f"-runs={args.runs}"] if args.runs else [f"-max_total_time={args.seconds or 60}"]
    # Instrumenting what is imported takes longer than a short run: the child imports the target's own module alone.
    own = targets[args.target].run.__module__
    child = [sys.executable, "-m", "fuzz.child", own, args.target, str(grown)]
    status = subprocess.run([*child, *bounds, f"-artifact_prefix={found}/"], check=False).returncode
    if args.keep and status == 0:
        _keep(targets[args.target], grown)
    broken = sorted(found.iterdir())
    if status:
        for path in broken:
            print(f"found: {path}")
    elif not broken:
        found.rmdir()
    return 1 if status else 0


def _keep(target: Target, grown: Path) -> None:
    """Keep the smallest inputs that reached new code, within a bound; seeds are made anew each time."""
    seeds = {name_of(seed) for seed in target.seeds()}
    kept = CORPUS / target.name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    size = 0
    contents = {
        name_of(content): content for content in (path.read_bytes() for path in grown.iterdir())
    }
    for name, content in sorted(contents.items(), key=lambda item: (len(item[1]), item[0])):
        size += len(content)
        if size > KEPT_BYTES:
            break
        if name not in seeds:
            (kept / name).write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
