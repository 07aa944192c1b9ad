"""`adyton wallet export`: a wallet's secret, into a file that nobody else can read."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.receipt_options import add_options, require_new
from adyton.cli.secret_input import read_secret
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import WALLET_HELP, address, found_wallet, record_json, verb
from adyton.cli.wallet_receipts import require_done, told, wanted
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.wallet import Wallet
    from adyton.client.wallet_changes import Exporting

KEYSTORE: Final = "keystore"
PHRASE: Final = "phrase"


@dataclass(frozen=True)
class Place:
    """Where a secret goes.

    Attributes:
        path: a new file; None to print it.
        form: `keystore`, or `phrase`.
        account: whose key; None for the first account's.
        password: of the keystore file.
    """

    path: Path | None
    form: str
    account: bytes | None
    password: str

    def __repr__(self) -> str:
        return f"<Place {self.path}>"


def add_verbs(verbs: Any) -> None:
    """Add the verb."""
    parser = verb(
        verbs,
        "export",
        "let a wallet's secret out, where its policy allows that",
        _export,
        about="It goes to a file: a key encrypted (keystore version 3), a phrase as it is.",
    )
    parser.add_argument("wallet", metavar="WALLET", nargs="?", help=WALLET_HELP)
    parser.add_argument("--out", metavar="FILE", help="a new file, for this user alone")
    parser.add_argument(
        "--format",
        choices=(KEYSTORE, PHRASE),
        help="keystore: the key of one account under a password; phrase: the words; "
        "default keystore",
    )
    parser.add_argument("--account", metavar="ADDRESS", help="whose key; default the first")
    parser.add_argument("--password-file", metavar="FILE", help="password of the keystore file")
    parser.add_argument(
        "--to-terminal", action="store_true", help="print the secret, for everybody who looks"
    )
    add_options(parser)


def _export(args: argparse.Namespace, out: Output) -> int:
    receipt, place = wanted(args), place_of(args)
    with open_session(settings_of(args), out) as session:
        with out.waiting("asking"):
            wallet = found_wallet(session, args.wallet)
        _require_there(wallet, place)
        with out.waiting("exporting"), told(args, out, session, receipt):
            made = wallet.export()
        receipt.write(session, made.carried)
        require_done(args, made)
        keep_export(out, wallet, made, place)
    return 0


def place_of(args: argparse.Namespace) -> Place:
    """Return where the options let a secret go.

    Raises:
        UsageError: nowhere; or there is no password for it.
    """
    to_terminal = getattr(args, "to_terminal", False)
    account = getattr(args, "account", None)
    if (args.out is None) != to_terminal:
        raise UsageError(
            "usage", "name the file that the secret goes to with --out, or --to-terminal"
        )
    path = None if args.out is None else Path(args.out)
    if path is not None:
        require_new(path)
    form = getattr(args, "format", None) or KEYSTORE
    password = ""
    if form == KEYSTORE and path is not None:
        password = read_secret(
            args.password_file, "a password for the file", "--password-file", twice=True
        )
        if not password:
            raise UsageError("usage", "an empty password protects nothing")
    own = None if account is None else address(account, "--account")
    return Place(path, form, own, password)


def _require_there(wallet: Wallet, place: Place) -> None:
    if place.account is not None and place.account not in wallet.accounts:
        raise UsageError("wallet_unknown", "the wallet has no such account")
    if place.form == PHRASE and wallet.known.kind not in ("hd", PHRASE):
        raise UsageError("usage", "this wallet has no phrase; export it as a keystore file")


def keep_export(out: Output, wallet: Wallet, made: Exporting, place: Place) -> None:
    """Write a secret where it goes, or print it where that was asked for.

    Raises:
        UsageError: the wallet has no such account, or no phrase. OSError: the file cannot be written.
    """
    from adyton.client.wallet_changes import keys_of
    from adyton.protocol.ethereum.address import checksummed

    secret = made.told
    own = wallet.account if place.account is None else place.account
    if place.form == PHRASE:
        if secret.kind != PHRASE:
            raise UsageError("usage", "this wallet has no phrase; export it as a keystore file")
        text = secret.secret.decode()
        if secret.passphrase:
            text += f"\n{secret.passphrase.decode()}"
    else:
        keys = keys_of(secret.kind, secret.secret, secret.passphrase, wallet.known)
        key = keys[wallet.accounts.index(own)]
        text = _keystore(key, place) if place.path is not None else key.hex()
    if place.path is not None:
        _write(place.path, text.rstrip("\n") + "\n")
    said: dict[str, Any] = {"address": checksummed(own), "format": place.form}
    if place.path is None:
        out.text(*text.splitlines())
        said["secret"] = text
    else:
        out.text(f"wrote {place.path}: {place.form} of {said['address']}")
        said["path"] = str(place.path)
    out.json(said | record_json(made.carried))


def _keystore(key: bytes, place: Place) -> str:
    from adyton.client.keystore_v3 import encrypt

    return encrypt(key, place.password).decode()


def _write(path: Path, text: str) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
