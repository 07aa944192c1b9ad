"""`adyton wallet sign` and `resume`: a signature over a document, and the answer to a request that had none."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.receipt_options import add_options
from adyton.cli.settings import settings_of
from adyton.cli.wallet_asking import ask, say_signing
from adyton.cli.wallet_parts import (
    found_account,
    read_file,
    record_json,
    verb,
    wallet_json,
    wallet_lines,
)
from adyton.cli.wallet_receipts import require_done, told, wanted, without_answer
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.protocol.wallet.requests import Sign


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    parser = verb(
        verbs,
        "sign",
        "have a message, typed data or a transaction signed",
        _sign,
        about="A transaction is printed ready to be broadcast; `adyton wallet send` does that too.",
    )
    parser.add_argument("--from", dest="sender", metavar="ADDRESS", help="the account")
    add_document(parser)
    parser.add_argument(
        "--replace",
        action="store_true",
        help="let a transaction take the place of another one with its nonce",
    )
    add_asking(parser)
    again = verb(
        verbs,
        "resume",
        "ask again for a request whose answer was lost: it has one effect",
        _resume,
    )
    again.add_argument("task", metavar="TASK", nargs="?", help="which, where there are several")
    add_options(again)


def add_asking(parser: Any) -> None:
    """Add the options of verbs that ask for a signature."""
    parser.add_argument(
        "--key",
        default="",
        metavar="TEXT",
        help="idempotency key: the same request under it gets the same signature",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether it is meant")
    parser.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        help="where others must approve it, wait for them this long",
    )
    add_options(parser)


def add_document(parser: Any) -> None:
    """Add the options that name a document."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--message", metavar="TEXT", help="a personal message (EIP-191)")
    what.add_argument("--message-hex", metavar="0xHEX", help="the same, its bytes in hex")
    what.add_argument("--typed-data", metavar="FILE", help="typed data (EIP-712), JSON")
    what.add_argument("--transaction", metavar="FILE", help="JSON, in JSON-RPC's words")
    parser.add_argument(
        "--profile",
        choices=("json-rpc", "article"),
        default="json-rpc",
        help="how the transaction is written; article: bare hex, data as text",
    )


def document_of(args: argparse.Namespace, account: bytes, replace: bool, key: str) -> Sign | None:
    """Return the request that the options of a document stand for; None where there are none.

    Raises:
        UsageError: the document does not say one thing; the text names the field.
    """
    from adyton.client.wallet_document import encode_document, read_asked
    from adyton.protocol.wallet.requests import ARTICLE, JSON_RPC, Sign

    if len(key) > 64:
        raise UsageError("usage", "--key has at most 64 characters")
    profile, document = JSON_RPC, b""
    if args.message is not None:
        method = "message"
        document = encode_document({"message": "0x" + args.message.encode().hex()})
    elif args.message_hex is not None:
        method, document = "message", encode_document({"message": args.message_hex})
    elif args.typed_data is not None:
        method, document = "typedData", read_file(args.typed_data, limits.WALLET_DOCUMENT)
    elif args.transaction is not None:
        method, document = "transaction", read_file(args.transaction, limits.WALLET_DOCUMENT)
        profile = args.profile
    else:
        return None
    if args.profile == ARTICLE and method != "transaction":
        raise UsageError("usage", "--profile article is of a --transaction")
    asked = Sign(account, method, profile, document, replace, key)
    read_asked(asked)
    return asked


def _sign(args: argparse.Namespace, out: Output) -> int:
    receipt = wanted(args)
    # What cannot be meant is said before anybody is asked; whose account it is comes later.
    if document_of(args, _any_account(args), args.replace, args.key) is None:
        raise UsageError(
            "usage", "nothing to sign: give --message, --message-hex, --typed-data or --transaction"
        )
    with open_session(settings_of(args), out) as session:
        with out.waiting("asking"):
            wallet, account = found_account(session, args.sender)
        asked = document_of(args, account, args.replace, args.key)
        if asked is None:
            raise UsageError("usage", "nothing to sign")
        signing = ask(args, out, session, wallet, asked, receipt)
        say_signing(out, signing)
    return 0


def _any_account(args: argparse.Namespace) -> bytes:
    from adyton.cli.wallet_parts import address

    return bytes(20) if args.sender is None else address(args.sender, "--from")


def _resume(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.wallet_changes import Changing, Exporting
    from adyton.client.wallet_resume import resume
    from adyton.client.wallet_sent import keep_signed

    receipt = wanted(args)
    with open_session(settings_of(args), out) as session, out.waiting("asking again"):
        record = without_answer(session, args.task)
        with told(args, out, session, receipt):
            wallet, made = resume(session, record)
        receipt.write(session, made.carried)
        require_done(args, made)
        if isinstance(made, Exporting):
            # Resuming is no export: it names no file that the secret could go to.
            raise UsageError(
                "usage", "it was an export; ask for it anew with `adyton wallet export`"
            )
        if isinstance(made, Changing):
            out.text(f"done: {record.name}", *wallet_lines(made.told.wallet))
            out.json(wallet_json(wallet.known) | record_json(made.carried))
        else:
            if made.transaction is not None:
                keep_signed(session, made.transaction)
            say_signing(out, made)
    return 0
