"""What the verbs of `adyton wallet` have in common: options, which wallet is meant, and how it is shown."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.settings import home_parent, json_parent, server_parent
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.session import Session
    from adyton.client.wallet import Wallet
    from adyton.client.wallet_answers import Carried
    from adyton.protocol.wallet.answers import Wallet as Known

_NAME: Final = re.compile(r"[0-9a-f]{8,64}")
_NAME_DIGITS: Final = 64
_UNITS: Final = {"wei": 0, "gwei": 9, "ether": 18}
_AMOUNT: Final = re.compile(r"([0-9]{1,78})(?:\.([0-9]{1,18}))?(gwei|ether|wei)")
WALLET_HELP: Final = "address of an account of it, or its name; not needed where there is one"


def verb(verbs: Any, name: str, what: str, handler: Any, *, about: str = "") -> Any:
    """Add a verb that talks to a server, and return its parser."""
    parser = verbs.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.{about and ' ' + about}",
        parents=[json_parent(), home_parent(), server_parent()],
        allow_abbrev=False,
    )
    parser.set_defaults(handler=handler, parser=parser)
    return parser


def read_file(named: str, most: int) -> bytes:
    """Return what a file holds, or standard input for `-`.

    Raises:
        UsageError: `too_large`. OSError: it cannot be read.
    """
    if named == "-":
        content = sys.stdin.buffer.read(most + 1)
    else:
        with Path(named).open("rb") as file:
            content = file.read(most + 1)
    if len(content) > most:
        raise UsageError("usage", f"{named} is over {most} bytes")
    return content


def read_policy_file(named: str) -> bytes:
    """Return the text of a policy."""
    return read_file(named, limits.WALLET_POLICY)


def address(text: str, option: str) -> bytes:
    """Return the 20 bytes of an address with a right checksum.

    Raises:
        UsageError: no address, or its checksum is missing or wrong; the text says which.
    """
    from adyton.protocol.ethereum.address import read_address

    return read_address(text, option)


def integer(text: str | None, option: str, least: int, most: int) -> int | None:
    """Return an integer, decimal or hex behind 0x; None where the option is absent.

    Raises:
        UsageError: it is none, or outside.
    """
    from adyton.protocol.ethereum.quantities import read_integer

    return None if text is None else read_integer(text, option, least, most)


def wei(text: str | None, option: str) -> int | None:
    """Return an amount in wei: an integer, or a decimal number behind which a unit stands, as 1.5gwei.

    Raises:
        UsageError: it is none, or no whole number of wei.
    """
    from adyton.protocol.ethereum.quantities import read_integer
    from adyton.protocol.ethereum.transaction import WEI_MAX

    if text is None:
        return None
    found = _AMOUNT.fullmatch(text)
    if found is None and re.fullmatch(r"[0-9]{1,78}\.[0-9]{1,18}", text):
        hint = f"without a unit it is in wei; write {text}ether or {text}gwei"
        raise UsageError("bad_argument", f"{option} is not whole: {hint}")
    if found is None:
        return integer(text, option, 0, WEI_MAX)
    places = _UNITS[found[3]]
    fraction = (found[2] or "").rstrip("0")
    if len(fraction) > places:
        raise UsageError("bad_argument", f"{option} is not a whole number of wei")
    return read_integer(int(found[1] + fraction.ljust(places, "0")), option, 0, WEI_MAX)


def chain_id(args: argparse.Namespace) -> int:
    """Return the chain id of --chain.

    Raises:
        UsageError: it is missing, or none.
    """
    from adyton.protocol.ethereum.transaction import CHAIN_ID_MAX

    found = integer(args.chain, "--chain", 1, CHAIN_ID_MAX)
    if found is None:
        raise UsageError(
            "usage",
            "--chain is missing: Ethereum's chain id, 1 for the main chain; without it a transaction could be replayed "
            "on every chain",
        )
    return found


def found_wallet(session: Session, named: str | None) -> Wallet:
    """Return the wallet that is meant: by name, by an account's address, or the only one of this client.

    Raises:
        UsageError: `wallet_unknown`, or several could be meant.
    """
    from adyton.client.wallet_finding import each_wallet, meant_wallets, open_wallet
    from adyton.protocol.ethereum.address import checksummed

    if named is not None and named.startswith("0x"):
        return open_wallet(session, address(named, "the wallet"))
    if named is not None and not _NAME.fullmatch(named):
        raise UsageError(
            "usage",
            "a wallet is named by an address, or by its 64 hex digits, the first 8 at least",
        )
    if named is not None and len(named) == _NAME_DIGITS:
        return open_wallet(session, bytes.fromhex(named))
    if named is None:
        listed = meant_wallets(session)
    else:
        listed = [one for one in each_wallet(session) if one.id.hex().startswith(named)]
    if not listed:
        hint = "no wallet yet: make one with `adyton wallet new`"
        if named is not None:
            hint = "no wallet of this client begins like that; `adyton wallet list` shows them"
        raise UsageError("wallet_unknown", hint)
    if len(listed) > 1:
        shown = ", ".join(checksummed(one.account) for one in listed)
        raise UsageError(
            "usage", f"several wallets could be meant; name one by an account: {shown}"
        )
    return listed[0]


def found_account(session: Session, named: str | None) -> tuple[Wallet, bytes]:
    """Return the account that is meant by --from, and its wallet; not named, the only account there is.

    Raises:
        UsageError: `wallet_unknown`, or several could be meant.
    """
    from adyton.protocol.ethereum.address import checksummed

    if named is not None:
        own = address(named, "--from")
        return found_wallet(session, named), own
    wallet = found_wallet(session, None)
    if len(wallet.accounts) > 1:
        shown = ", ".join(map(checksummed, wallet.accounts))
        raise UsageError("usage", f"the wallet has several accounts; name one with --from: {shown}")
    return wallet, wallet.account


def wallet_lines(known: Known) -> list[str]:
    """Return what a wallet is, a line each."""
    from adyton.protocol.ethereum.address import checksummed

    policy = f"version {known.version}, {known.policy_hash.hex()}"
    if not any(known.policy_hash):
        policy = "none: it refuses everything; set one with `adyton wallet policy set FILE`"
    return [
        *(
            f"account   {checksummed(one.address)}{'  ' if one.path else ''}{one.path}"
            for one in known.accounts
        ),
        f"wallet    {known.wallet.hex()}",
        f"kind      {known.kind}, made in block {known.height}",
        f"owner     {known.owner.hex()}",
        f"ordering  {known.ordering} or better",
        f"policy    {policy}",
    ]


def wallet_json(known: Known) -> dict[str, Any]:
    """Return what a wallet is, for programs."""
    from adyton.protocol.ethereum.address import checksummed

    addresses = [checksummed(account.address) for account in known.accounts]
    return {
        "address": addresses[0] if addresses else None,
        "addresses": addresses,
        "wallet": known.wallet.hex(),
        "kind": known.kind,
        "paths": [account.path for account in known.accounts],
        "owner": known.owner.hex(),
        "clients": [client.hex() for client in known.clients],
        "ordering": known.ordering,
        "version": known.version,
        "policy_hash": known.policy_hash.hex(),
        "height": known.height,
    }


def record_json(carried: Carried) -> dict[str, Any]:
    """Return where a request is recorded, for programs."""
    facts = carried.accepted.entry.proof.facts()
    return {"task": carried.accepted.task_hash.hex(), "recorded": facts.height}
