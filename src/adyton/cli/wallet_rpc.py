"""`adyton wallet rpc`: let web3.py, ethers and cast pay from wallets in the enclave, unchanged."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.output import Output
from adyton.cli.settings import home_parent, json_parent, server_parent, settings_of
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.rpc.caps import Caps
    from adyton.client.rpc.gate import Gate
    from adyton.client.rpc.server import RpcFacts, RpcSettings

_LISTEN: Final = "127.0.0.1:8545"
_DESCRIPTION = """\
Listen for JSON-RPC and let the wallets of this client sign: for web3.py, ethers and cast they are the
accounts of an ordinary node. Each signature is asked of the enclave, under the wallet's policy; nonces are
the enclave's. Reads are passed on to the Ethereum node, which is not believed: its chain id is pinned, and what
it says of gas and fees ends at the caps below. What is signed and not yet mined is kept, and sent again.

  adyton wallet rpc --node https://node.example/v1 --chain 1
  cast send --unlocked --rpc-url http://127.0.0.1:8545 --from ADDRESS --value 1gwei TO
"""


def add_verb(verbs: Any) -> None:
    """Add the verb to the noun `wallet`."""
    parser = verbs.add_parser(
        "rpc",
        help="let web3.py, ethers and cast use the wallets as accounts",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent(), server_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("--node", metavar="URL", required=True, help="an Ethereum node, http(s)")
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        default=_LISTEN,
        help=f"default {_LISTEN}; port 0 takes a free one",
    )
    parser.add_argument(
        "--chain",
        metavar="ID",
        type=int,
        help="chain id to sign for; else what the node says at the start is pinned",
    )
    parser.add_argument(
        "--account",
        metavar="ADDRESS",
        action="append",
        default=[],
        help="offer this account; may be repeated; else all are offered",
    )
    add_caps(parser)
    _add_gate(parser)
    parser.add_argument(
        "--no-raw",
        action="store_true",
        help="do not broadcast what programs have signed themselves (eth_sendRawTransaction)",
    )
    parser.add_argument(
        "--sync-nonce",
        action="store_true",
        help="raise nonces to what the node counts, for accounts that have signed elsewhere before",
    )
    parser.add_argument(
        "--receipts", metavar="DIR", help="keep a receipt of each signature and refusal there"
    )
    parser.add_argument("--verbose", action="store_true", help="log each call's method and outcome")
    parser.set_defaults(handler=_rpc, parser=parser)


def add_caps(parser: Any) -> None:
    """Add the options that bound what a transaction may cost."""
    parser.add_argument(
        "--max-gas", metavar="N", type=int, help="of a transaction; default 10000000"
    )
    parser.add_argument("--max-fee-gwei", metavar="GWEI", help="for one gas; default 200")
    parser.add_argument("--max-tip-gwei", metavar="GWEI", help="for one gas; default 10")
    parser.add_argument(
        "--max-gas-cost", metavar="ETHER", help="for all gas of a transaction; default 0.1"
    )


def _add_gate(parser: Any) -> None:
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="every request must bear the token in this file (Authorization: Bearer TOKEN)",
    )
    parser.add_argument(
        "--allow-origin",
        metavar="ORIGIN",
        action="append",
        default=[],
        help="let web pages of this origin ask; may be repeated",
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name, besides loopback's, under which requests may come; may be repeated",
    )


def _rpc(args: argparse.Namespace, out: Output) -> int:
    import logging

    from adyton.cli.connect import open_session
    from adyton.client import private_files
    from adyton.client.rpc.enclave_signer import EnclaveSigner
    from adyton.client.rpc.server import serve

    settings = rpc_settings(args)
    receipts = None if args.receipts is None else Path(args.receipts)
    if receipts is not None:
        private_files.make_directory(receipts)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("adyton.rpc").setLevel(logging.DEBUG if args.verbose else logging.INFO)
    with open_session(settings_of(args), out) as session:
        serve(EnclaveSigner(session, receipts), settings, lambda facts: say(facts, out))
    return 0


def rpc_settings(args: argparse.Namespace) -> RpcSettings:
    """Return the settings that the options stand for.

    Raises:
        UsageError: one of them cannot be; the text names it.
    """
    from adyton.client.rpc.server import RpcSettings
    from adyton.protocol.ethereum.address import read_address
    from adyton.protocol.ethereum.transaction import CHAIN_ID_MAX

    if args.chain is not None and not 1 <= args.chain <= CHAIN_ID_MAX:
        raise UsageError("usage", "--chain is a chain id, from 1")
    host, port = _listen(args.listen)
    return RpcSettings(
        node=args.node,
        journal=settings_of(args).home / "rpc",
        host=host,
        port=port,
        chain_id=args.chain,
        caps=caps_of(args),
        gate=_gate(args),
        accounts=tuple(
            read_address(given, "--account", unchecked_case=True) for given in args.account
        ),
        raw=not args.no_raw,
        sync_nonce=args.sync_nonce,
    )


def say(facts: RpcFacts, out: Output) -> None:
    """Print where it listens, at once: scripts wait for it."""
    from adyton.protocol.ethereum.address import checksummed

    accounts = [checksummed(account) for account in facts.accounts]
    out.text(
        f"listening: {facts.url}",
        f"chain: {facts.chain_id}",
        *(f"account: {account}" for account in accounts),
    )
    out.json(
        {
            "url": facts.url,
            "ws_url": facts.url.replace("http://", "ws://", 1),
            "port": facts.port,
            "chain": facts.chain_id,
            "accounts": accounts,
            "waiting": facts.waiting,
        }
    )
    sys.stdout.flush()
    if facts.waiting:
        out.note(
            f"adyton: {facts.waiting} transactions of an earlier run are not mined yet; "
            "they are sent again"
        )


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError("usage", f"--listen is HOST:PORT, as {_LISTEN}")
    return host, int(port)


def caps_of(args: argparse.Namespace) -> Caps:
    """Return the bounds that the options stand for.

    Raises:
        UsageError: one of them cannot be; the text names it.
    """
    from adyton.client.rpc.caps import ETHER, GWEI, Caps, read_decimal
    from adyton.protocol.ethereum.transaction import GAS_MAX

    default = Caps()
    if args.max_gas is not None and not 21_000 <= args.max_gas <= GAS_MAX:
        raise UsageError("usage", "--max-gas is at least 21000, what the smallest payment takes")

    def given(value: str | None, unit: int, option: str, otherwise: int) -> int:
        return otherwise if value is None else read_decimal(value, unit, option)

    return Caps(
        gas=default.gas if args.max_gas is None else args.max_gas,
        fee=given(args.max_fee_gwei, GWEI, "--max-fee-gwei", default.fee),
        tip=given(args.max_tip_gwei, GWEI, "--max-tip-gwei", default.tip),
        cost=given(args.max_gas_cost, ETHER, "--max-gas-cost", default.cost),
    )


def _gate(args: argparse.Namespace) -> Gate:
    from adyton.client import private_files
    from adyton.client.rpc.gate import Gate, read_token

    token = b""
    if args.token_file is not None:
        found = private_files.load(Path(args.token_file), _short_token)
        if found is None:
            raise UsageError("usage", f"no token in {args.token_file}; write one there, chmod 600")
        token = read_token(found)
    return Gate(
        hosts=frozenset(name.lower() for name in args.allow_host),
        origins=frozenset(args.allow_origin),
        token=token,
    )


def _short_token(text: bytes) -> bytes:
    if len(text) > limits.RPC_TOKEN:
        raise UsageError("usage", "the file of the token is too large")
    return text
