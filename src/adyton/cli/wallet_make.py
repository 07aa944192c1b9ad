"""`adyton wallet new`, `import` and `account`: wallets and accounts that were not there before."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.receipt_options import add_options
from adyton.cli.secret_input import read_secret
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import (
    WALLET_HELP,
    found_wallet,
    read_file,
    read_policy_file,
    record_json,
    verb,
    wallet_json,
    wallet_lines,
)
from adyton.cli.wallet_receipts import told, wanted
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.wallet_changes import Changing

_KEYSTORE = 64 * limits.KIB


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    new = verb(
        verbs,
        "new",
        "make a wallet whose key is made in the enclave and stays there",
        _new,
        about="Without a policy it refuses everything.",
    )
    new.add_argument(
        "--hd", action="store_true", help="out of a phrase of 24 words, which an export can show"
    )
    _common(new)
    brought = verb(
        verbs,
        "import",
        "make a wallet of a key or phrase that exists elsewhere",
        _import,
        about="The secret comes from a file or is typed without an echo.",
    )
    source = brought.add_mutually_exclusive_group()
    source.add_argument("--key-file", metavar="FILE", help="a private key, 64 hex digits")
    source.add_argument("--phrase-file", metavar="FILE", help="12 to 24 words (BIP-39)")
    source.add_argument(
        "--keystore", metavar="FILE", help="a keystore file of version 3; opened on this machine"
    )
    source.add_argument("--phrase", action="store_true", help="ask for a phrase, not for a key")
    brought.add_argument(
        "--password-file",
        metavar="FILE",
        help="password of the keystore file, or passphrase of the phrase",
    )
    _common(brought)
    account = verb(verbs, "account", "add the next account to a wallet", _account)
    account.add_argument("wallet", metavar="WALLET", nargs="?", help=WALLET_HELP)
    add_options(account)


def _common(parser: Any) -> None:
    from adyton.protocol.words import ORDERING_LEVELS

    parser.add_argument(
        "--accounts", type=int, default=1, metavar="N", help="how many at first; default 1"
    )
    parser.add_argument("--policy", metavar="FILE", help="what it may sign")
    parser.add_argument(
        "--ordering",
        choices=ORDERING_LEVELS,
        default=ORDERING_LEVELS[0],
        help="least ordering level under which it will act",
    )
    add_options(parser)


def _new(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.wallet_making import new_wallet

    receipt, policy, accounts = wanted(args), _policy(args), _accounts(args)
    with open_session(settings_of(args), out) as session, out.waiting("making a wallet"):
        with told(args, out, session, receipt):
            _, made = new_wallet(
                session,
                kind="hd" if args.hd else "random",
                accounts=accounts,
                policy=policy,
                ordering=args.ordering,
            )
        _say(made, out)
        receipt.write(session, made.carried)
    return 0


def _import(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.wallet_making import import_wallet

    receipt, policy, accounts = wanted(args), _policy(args), _accounts(args)
    kind, secret, passphrase = _secret(args)
    if kind == "key" and accounts != 1:
        raise UsageError("usage", "an imported key is one account; leave --accounts out")
    with open_session(settings_of(args), out) as session, out.waiting("importing a wallet"):
        with told(args, out, session, receipt):
            _, made = import_wallet(
                session,
                secret,
                kind=kind,
                passphrase=passphrase,
                accounts=accounts,
                policy=policy,
                ordering=args.ordering,
            )
        _say(made, out)
        receipt.write(session, made.carried)
    return 0


def _account(args: argparse.Namespace, out: Output) -> int:
    from adyton.protocol.ethereum.address import checksummed

    receipt = wanted(args)
    with open_session(settings_of(args), out) as session, out.waiting("adding an account"):
        wallet = found_wallet(session, args.wallet)
        with told(args, out, session, receipt):
            added, made = wallet.add_account()
        own = checksummed(added.address)
        out.text(own)
        out.json({**wallet_json(wallet.known), **record_json(made.carried), "address": own})
        receipt.write(session, made.carried)
    return 0


def _say(made: Changing, out: Output) -> None:
    known = made.told.wallet
    out.text(*wallet_lines(known), *[f"warning   {line}" for line in made.told.warnings])
    out.json(
        wallet_json(known) | record_json(made.carried) | {"warnings": list(made.told.warnings)}
    )


def _policy(args: argparse.Namespace) -> bytes:
    from adyton.protocol.wallet.policy_reader import read_policy

    if args.policy is None:
        return b""
    text = read_policy_file(args.policy)
    read_policy(text)
    return text


def _accounts(args: argparse.Namespace) -> int:
    if not 1 <= args.accounts <= limits.WALLET_ACCOUNTS:
        raise UsageError("bad_argument", f"--accounts is between 1 and {limits.WALLET_ACCOUNTS}")
    found: int = args.accounts
    return found


def _secret(args: argparse.Namespace) -> tuple[str, bytes, bytes]:
    """Return kind, secret and passphrase of what is imported."""
    if args.keystore is not None:
        from adyton.client.keystore_v3 import decrypt

        file = read_file(args.keystore, _KEYSTORE)
        return (
            "key",
            decrypt(file, read_secret(args.password_file, "its password", "--password-file")),
            b"",
        )
    if args.phrase or args.phrase_file is not None:
        words = " ".join(read_secret(args.phrase_file, "the phrase", "--phrase-file").split())
        passphrase = ""
        if args.password_file is not None:
            passphrase = read_secret(args.password_file, "the passphrase", "--password-file")
        return "phrase", words.encode(), passphrase.encode()
    if args.password_file is not None:
        raise UsageError("usage", "--password-file is of a --keystore, or of a phrase")
    return "key", _key(read_secret(args.key_file, "the private key", "--key-file").strip()), b""


def _key(text: str) -> bytes:
    # Its text is not repeated: it may be a key with one digit too many.
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 32 or len(text.removeprefix("0x")) != 64:
        raise UsageError("usage", "a private key is 64 hex digits")
    return key
