"""`adyton whoami`: this client's public key."""

from __future__ import annotations

import argparse
from typing import Any

from adyton.cli.output import Output
from adyton.cli.settings import home_parent, json_parent, settings_of

_DESCRIPTION = """\
Print this client's public key, for an operator who invites by key. It identifies you to that
operator: nothing public, on no chain, shows it.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "whoami",
        help="print this client's public key",
        description=_DESCRIPTION,
        epilog="example:\n  adyton whoami",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent()],
        allow_abbrev=False,
    )
    parser.set_defaults(handler=_whoami, parser=parser)


def _whoami(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.keystore import Keystore

    public = Keystore(settings_of(args).home).identity.signing_key.public
    out.text(public.hex())
    out.json({"client_key": public.hex()})
    return 0
