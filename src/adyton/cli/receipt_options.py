"""The options `--receipt` and `--show`: settled before anything is sent, written once it is carried out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adyton.core.errors import UsageError


def add_options(parser: Any) -> None:
    """Add the options of verbs that have something recorded."""
    parser.add_argument("--receipt", metavar="FILE", help="save a receipt that anybody can verify")
    parser.add_argument(
        "--show",
        metavar="FIELDS",
        help="fields that the receipt opens, separated by commas; default all",
    )


def require_new(path: Path) -> None:
    """Refuse a file that is there already, or that cannot be made.

    Raises:
        UsageError: `exists`, or `usage`.
    """
    if path.exists() or path.is_symlink():
        raise UsageError("exists", f"{path} exists already; name another file")
    if not path.name or not os.access(path.parent, os.W_OK | os.X_OK) or not path.parent.is_dir():
        raise UsageError("usage", f"{path} cannot be written; name another file")


@dataclass(frozen=True)
class WantedReceipt:
    """What is to be saved of a request.

    Attributes:
        path: where; None where nothing is.
        show: the fields that it opens.
    """

    path: Path | None
    show: tuple[str, ...]

    def save(self, receipt: bytes | None) -> None:
        """Write what was made, where it is wanted.

        Raises:
            OSError: the place is taken or gone since; the request is carried out all the same.
        """
        if self.path is not None and receipt is not None:
            with self.path.open("xb") as file:
                file.write(receipt)


_W = TypeVar("_W", bound=WantedReceipt)


def wanted_receipt(args: argparse.Namespace, fields: Sequence[str], kind: type[_W]) -> _W:
    """Return what the options ask for, of the fields that a receipt can open.

    Raises:
        UsageError: the file cannot be made, or there is no such field.
    """
    if args.receipt is None:
        if args.show is not None:
            raise UsageError("usage", "--show says what a --receipt opens: add --receipt FILE")
        return kind(None, ())
    if args.show is None:
        show = tuple(fields)
    else:
        show = tuple(name.strip() for name in args.show.split(",") if name.strip())
    for name in show:
        if name not in fields:
            raise UsageError("usage", f"no field {name!r}; there are {', '.join(fields)}")
    path = Path(args.receipt)
    require_new(path)
    return kind(path, show)
