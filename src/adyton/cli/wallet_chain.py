"""An Ethereum node behind `adyton wallet`: estimates within caps, broadcasts, and is believed in nothing else."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.output import Output
from adyton.cli.wallet_rpc import add_caps, caps_of
from adyton.core.errors import (
    Error,
    GuestError,
    UnavailableError,
    UsageError,
    VerificationError,
)

if TYPE_CHECKING:
    from adyton.client.rpc.node import Node
    from adyton.protocol.ethereum.transaction import SignedTransaction

_POLL_S: Final = 0.5
_WORD: Final = 2**64 - 1


def add_node(parser: Any) -> None:
    """Add the options of verbs that can go to a node."""
    parser.add_argument(
        "--node",
        metavar="URL",
        help="an Ethereum node that estimates gas and fees, and that it is sent to",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long to wait until a block has it; 0 does not wait; default 120",
    )
    add_caps(parser)


@contextmanager
def node_of(args: argparse.Namespace, chain: int) -> Iterator[Node]:
    """Give the node that is meant, once it has said that it is of this chain.

    Raises:
        VerificationError: `wrong_chain`. UnavailableError: it does not answer.
    """
    from adyton.client.problems import error_of
    from adyton.client.rpc.chain import PinnedChain
    from adyton.client.rpc.jsonrpc import RpcError
    from adyton.client.rpc.node import Node

    node = Node(args.node)
    try:
        PinnedChain.pin(node, chain)
        yield node
    except RpcError as problem:
        # Its number is for programs behind the facade; here the code says what to do.
        raise error_of(problem.code, problem.message) from problem
    finally:
        node.close()


def filled(
    args: argparse.Namespace, node: Node, account: bytes, document: dict[str, Any], chain: int
) -> dict[str, Any]:
    """Return a transaction with gas and fees that the node suggests, within the caps.

    Raises:
        PolicyError: `payment_refused`, over a cap. Error: as `fill`.
    """
    from adyton.client.rpc.filling import fill
    from adyton.protocol.ethereum.address import checksummed

    request = {"from": checksummed(account), **document}
    return fill(request, chain, node, caps_of(args)).document


def broadcast(
    args: argparse.Namespace, out: Output, node: Node, signed: SignedTransaction
) -> dict[str, Any]:
    """Send a transaction, and wait until a block has it; return what the node says of it, for programs.

    Raises:
        GuestError: `call_failed`, it is in a block and has failed there.
        UnavailableError: `timeout`, no block has it yet.
        UsageError: `nonce_used`, the node says that a block has another of this nonce.
    """
    from adyton.client.patience import Patience
    from adyton.client.rpc.broadcast import Broadcaster, is_too_low

    broadcaster = Broadcaster(node)
    try:
        with out.waiting("broadcasting"):
            Patience()(lambda: broadcaster.send_once(signed))
    except Error as problem:
        if is_too_low(problem):
            raise _used(signed) from problem
        out.note(
            f"adyton: signed as 0x{signed.hash.hex()}, but not broadcast: do not pay a second time; "
            "`adyton wallet broadcast` sends it again"
        )
        raise
    if not args.timeout:
        return {"mined": None}
    return _mined(args, out, node, signed)


def _used(signed: SignedTransaction) -> UsageError:
    # The node's word alone: a payment that is made anew because of it could be made twice.
    return UsageError(
        "nonce_used",
        f"signed as 0x{signed.hash.hex()}, but the node says that a block has another transaction of nonce "
        f"{signed.transaction.nonce}: if so, this one is never taken. Ask another node before you pay anew; an account "
        "that signs elsewhere too goes on by `adyton wallet nonce --raise-to N`",
    )


def _mined(
    args: argparse.Namespace, out: Output, node: Node, signed: SignedTransaction
) -> dict[str, Any]:
    deadline = time.monotonic() + args.timeout
    name = "0x" + signed.hash.hex()
    with out.waiting(f"waiting for a block with {name}"):
        while True:
            unverified = node.call("eth_getTransactionReceipt", [name])
            if unverified is not None:
                break
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    "timeout",
                    f"no block has {name} in {args.timeout:g} s; it may come still: `adyton wallet broadcast` sends it "
                    "again, `adyton wallet replace` pays more for it",
                )
            time.sleep(_POLL_S)
    return _read_receipt(name, unverified)


def _read_receipt(name: str, unverified: Any) -> dict[str, Any]:
    from adyton.client.rpc.node import unverified_quantity

    if type(unverified) is not dict or unverified.get("transactionHash") != name:
        raise VerificationError("answer_invalid", "the node's receipt is of another transaction")
    block = unverified_quantity(unverified.get("blockNumber"), "blockNumber", _WORD)
    used = unverified_quantity(unverified.get("gasUsed"), "gasUsed", _WORD)
    if unverified_quantity(unverified.get("status", "0x1"), "status", 1) == 0:
        raise GuestError(
            "call_failed", f"{name} failed in block {block}; its fee is paid all the same"
        )
    return {"mined": {"block": block, "gas_used": used}}
