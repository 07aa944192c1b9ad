"""`adyton wallet`: accounts of Ethereum that live in the enclave and pay by policy."""

from __future__ import annotations

import argparse
from typing import Any, Final

from adyton.cli import (
    wallet_approve,
    wallet_audit,
    wallet_export,
    wallet_look,
    wallet_make,
    wallet_policy,
    wallet_rpc,
    wallet_send,
    wallet_sign,
)

_DESCRIPTION = """\
A wallet is an account of Ethereum whose key is made in the server's enclave and stays there. It signs what its policy
allows and nothing else: to whom, how much, how often, on which chain, and with whose approval.

  adyton wallet policy example --to ADDRESS --chain 1 > policy.json
  adyton wallet new --policy policy.json
  adyton wallet policy check --to ADDRESS --value 5 --chain 1 --gas-price 1
  adyton wallet send --to ADDRESS --value 5 --chain 1 --node https://node.example
"""
# Each adds its verbs.
_PARTS: Final = (
    wallet_make.add_verbs,
    wallet_look.add_verbs,
    wallet_sign.add_verbs,
    wallet_send.add_verbs,
    wallet_policy.add_verbs,
    wallet_approve.add_verbs,
    wallet_audit.add_verbs,
    wallet_export.add_verbs,
    wallet_rpc.add_verb,
)


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "wallet",
        help="accounts of Ethereum that pay by policy",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for add_verbs in _PARTS:
        add_verbs(verbs)
