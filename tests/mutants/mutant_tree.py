"""The package with one file changed: links to the rest, so that nothing else is compiled again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "src"


def grow(source: Path, file: str, text: str) -> None:
    """Make a directory to import `adyton` from, in which one file has this text.

    Args:
        source: where to make it.
        file: its place below the package.
    """
    theirs, ours = SOURCE, source
    ours.mkdir()
    for name in ("adyton", *Path(file).parts):
        for path in theirs.iterdir():
            if path.name == "__pycache__" and path.is_dir():
                # Copied, not shared: what is compiled of the changed file is never the original's, nor the other way.
                stale = shutil.ignore_patterns(f"{Path(file).stem}.*")
                shutil.copytree(path, ours / path.name, ignore=stale)
            elif path.name != name:
                (ours / path.name).symlink_to(path)
        theirs, ours = theirs / name, ours / name
        if theirs.is_dir():
            ours.mkdir()
    ours.write_text(text)
