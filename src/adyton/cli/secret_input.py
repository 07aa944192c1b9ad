"""Secrets from people: out of a file, or typed without an echo; never an argument or a variable, which others see."""

from __future__ import annotations

import getpass
import sys

from adyton.core.errors import UsageError

_MOST = 8192


def read_secret(named: str | None, what: str, option: str, *, twice: bool = False) -> str:
    """Return a secret, without the line's end.

    Args:
        named: file that holds it, `-` for standard input; None to ask for it.
        what: for the prompt and for error texts.
        option: that names a file, for error texts.
        twice: have it typed again, because nobody could read what was typed.

    Raises:
        UsageError: nobody can be asked, or what was typed differs.
    """
    if named is not None:
        from adyton.cli.wallet_parts import read_file

        content = read_file(named, _MOST)
        try:
            return content.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise UsageError("usage", f"{what}: the file is not text in UTF-8") from None
    if not sys.stdin.isatty():
        raise UsageError(
            "usage", f"{what}: nobody can be asked here; name a file that holds it with {option}"
        )
    typed = getpass.getpass(f"{what}: ")
    if twice and getpass.getpass(f"{what}, again: ") != typed:
        raise UsageError("usage", f"{what}: what was typed the second time is another")
    return typed
