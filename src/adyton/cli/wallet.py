"""`adyton wallet`: accounts of Ethereum that live in the enclave and pay by policy."""

from __future__ import annotations

from typing import Any

from adyton.cli import wallet_rpc


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser("wallet", help="wallets in the enclave", allow_abbrev=False)
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    wallet_rpc.add_verb(verbs)
