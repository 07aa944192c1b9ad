"""Finding wallets that are there: a list in pages, or one by its name or an account of it."""

from __future__ import annotations

from collections.abc import Iterator

from adyton.client.session import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import invalid, read_wallet
from adyton.protocol.wallet import requests as protocol
from adyton.protocol.wallet.answers import Proposal, Shown, Wallets
from adyton.protocol.wallet.answers import Wallet as Known


def each_wallet(session: Session) -> Iterator[Wallet]:
    """Yield the wallets that this client owns, then those whose policy names it; of each the oldest first.

    A page is asked for when it is needed: anybody can name a client in a policy, so the list has any length.

    Raises:
        VerificationError: the list does not go on from where it was. Error: as `Session.read`.
    """
    own = session.keystore.identity.signing_key.public
    place, more = (False, 0, bytes(32)), True
    while more:
        asked = protocol.AskWallets(*place)
        page = Wallets.decode(read_wallet(session, protocol.LIST, asked))
        for known in page.wallets:
            if known.place_for(own) <= place:
                raise invalid("the list of wallets is not in order")
            place = known.place_for(own)
            yield Wallet(session, known)
        more = page.more
        if more and not page.wallets:
            raise invalid("a list of wallets that does not go on")


def wallets(session: Session) -> list[Wallet]:
    """Return all that `each_wallet` yields.

    Raises:
        Error: as there.
    """
    return list(each_wallet(session))


def meant_wallets(session: Session, most: int = 10) -> list[Wallet]:
    """Return the wallets that can be meant where none is named: this client's own; without any, those that name it.

    Anybody can name a client in a policy, and none of its own may become another's by that.

    Args:
        session: whose.
        most: how many are asked for; who has several has to name one.

    Raises:
        Error: as `each_wallet`.
    """
    own = session.keystore.identity.signing_key.public
    found: list[Wallet] = []
    for one in each_wallet(session):
        if len(found) == most or (found and found[0].known.owner == own != one.known.owner):
            break
        found.append(one)
    return found


def open_wallet(session: Session, named: bytes) -> Wallet:
    """Return a wallet by its name (32 bytes), or by the address (20 bytes) of one of its accounts.

    Raises:
        UsageError: `wallet_unknown`. VerificationError: another one is told of. Error: as `Session.read`.
    """
    if len(named) == 32:
        shown = read_wallet(session, protocol.SHOW, protocol.OfWallet(named))
        known = Shown.decode(shown).wallet
        if known.wallet != named:
            raise invalid("another wallet is shown than asked for")
        return Wallet(session, known)
    found = read_wallet(session, protocol.FIND, protocol.Find(named))
    wallet = Wallet(session, Known.decode(found))
    if named not in wallet.accounts:
        raise invalid("another wallet is found than asked for")
    return wallet


def open_proposal(session: Session, named: bytes) -> tuple[Wallet, Proposal]:
    """Return an open proposal by its name (32 bytes), and its wallet.

    Raises:
        UsageError: `not_found`. Error: as `open_wallet`.
    """
    found = Proposal.decode(read_wallet(session, protocol.PROPOSAL, protocol.OfProposal(named)))
    if found.proposal != named:
        raise invalid("another proposal is found than asked for")
    return open_wallet(session, found.wallet), found
