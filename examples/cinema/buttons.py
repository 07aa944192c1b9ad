"""The buttons: each a visit with something wrong, but for the first; and what has to come of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adyton.client.credentials.issuing import issue
from adyton.client.credentials.signing import EdDsaKey
from adyton.client.demo_issuer import TYPE
from adyton.client.identity_answering import Asking
from adyton.client.identity_held import Held
from adyton.core.errors import Error, UsageError
from adyton.protocol import notary
from adyton.protocol.credentials.strict_json import Object
from adyton.protocol.identity.requests import Present
from examples.cinema.node import EPOCH_GRACE
from examples.cinema.people import ADULT_BORN, DOCUMENT, born_years_ago
from examples.cinema.visit import ALL_PASSED, NONE_KEPT, Outcome, Visit
from examples.cinema.world import World

_YES = Outcome("", "yes", "", ALL_PASSED)
_DAY_S = 24 * 3600


@dataclass(frozen=True)
class Button:
    """One thing to try.

    Attributes:
        name: in addresses.
        label: on the page.
        story: what happens.
        expected: all that the cinema has to be told, in order.
        run: does it; raises where the cinema has no verdict in the end.
    """

    name: str
    label: str
    story: str
    expected: tuple[Outcome, ...]
    run: Callable[[World, Visit], None]


def press(world: World, button: Button, visit: Visit) -> None:
    """Do what a button stands for; what it ends with stands in the visit."""
    with world.one_at_a_time:
        try:
            button.run(world, visit)
        except Error as problem:
            visit.problem = f"{problem.code}: {problem.message}"
        finally:
            visit.done = True


# --- credentials --------------------------------------------------------------------------------


def card(world: World, kind: str) -> Held:
    """Return the holder's card of a kind; the issuer issues it when it is first asked for."""
    if kind not in world.cards:
        world.cards[kind] = world.holder.keep(_issued(world, kind))
        if kind == "revoked":
            world.issuer.revoke(world.cards[kind].name)
    return world.cards[kind]


def _issued(world: World, kind: str) -> str:
    issuer, holder = world.issuer, world.holder
    if kind == "minor":
        return issuer.issue(holder, "Mia", born_years_ago(15, holder.session.now_ms())).text
    if kind == "expired":
        return issuer.issue(holder, "Erika", ADULT_BORN, days=-1).text
    if kind == "forged":
        return _forged(world)
    return issuer.issue(holder, "Erika", ADULT_BORN).text


def _forged(world: World) -> str:
    """Return a card that names the issuer, and is signed by somebody else."""
    now_s = world.holder.session.now_ms() // 1000 - 60
    claims: Object = {
        "iss": world.issuer.file.iss,
        "vct": TYPE,
        "iat": now_s,
        "exp": now_s + _DAY_S,
        "birthdate": ADULT_BORN,
        "document_number": DOCUMENT,
        "status": {"status_list": {"idx": 0, "uri": world.issuer.file.uri}},
    }
    return issue(
        claims,
        hidden=[("birthdate",), ("document_number",)],
        key=EdDsaKey(secrets.token_bytes(32)),
        kid="demo",
        holder=world.holder.own.key.public,
        entropy=secrets.token_bytes,
    )


# --- what each button does ----------------------------------------------------------------------


def _with(kind: str) -> Callable[[World, Visit], None]:
    def run(world: World, visit: Visit) -> None:
        world.ask(visit)
        world.answer(visit, card(world, kind))

    return run


def _replayed(world: World, visit: Visit) -> None:
    world.ask(visit)
    world.answer(visit, card(world, "adult"))
    visit.notes.append("the cinema brings the very same bytes once more")
    world.bring(visit)


def _wrong_audience(world: World, visit: Visit) -> None:
    held, elsewhere = card(world, "adult"), f"adyton:{secrets.token_hex(32)}"
    world.ask(visit)
    world.answer(
        visit, held, lambda asking: world.holder.seal_otherwise(asking, held, audience=elsewhere)
    )


def _old_epoch(world: World, visit: Visit) -> None:
    held, remembered = card(world, "adult"), world.holder.epoch()
    _let_end(world, visit, remembered.epoch)
    world.ask(visit)
    tries: list[Present] = []

    def seal(asking: Asking) -> Present:
        if tries:
            return world.holder.seal(asking, held)
        tries.append(world.holder.seal_otherwise(asking, held, epoch=remembered))
        return tries[0]

    world.answer(visit, held, seal)


def _let_end(world: World, visit: Visit, epoch: int) -> None:
    """Have others use the network until an epoch is over, and its grace too."""
    visit.notes.append(
        f"the wallet has the key of epoch {epoch}; others use the network until it is gone"
    )
    session = world.issuer.session
    ended = 0
    while ended <= EPOCH_GRACE:
        asked = notary.Notarize(secrets.token_bytes(32)).encode()
        block = session.request(notary.APP, notary.NOTARIZE, asked).entry
        ended += block.part.epoch > epoch
    visit.notes.append(f"epoch {epoch} and its {EPOCH_GRACE} blocks of grace are over")


BUTTONS: Final = (
    Button(
        "adult", "Adult", "A valid card of somebody over 18.",
        (_YES,), _with("adult"),
    ),
    Button(
        "underage", "Underage", "A valid card of somebody who is 15.",
        (Outcome("", "no", "policy", "22 under_age"),), _with("minor"),
    ),
    Button(
        "expired", "Expired", "A card whose validity ended yesterday.",
        (Outcome("", "no", "expired", "15 expired"),), _with("expired"),
    ),
    Button(
        "revoked", "Revoked", "A card that its issuer has revoked; the network holds the list that says so.",
        (Outcome("", "no", "revoked", "21 revoked"),), _with("revoked"),
    ),
    Button(
        "replayed", "Replayed",
        "What was presented once is brought again, byte for byte. The developer's list stays that of the one answer.",
        (_YES, Outcome("", "no", "wrong_request", ALL_PASSED)), _replayed,
    ),
    Button(
        "wrong-audience", "Wrong audience", "The holder's signature is for another network.",
        (Outcome("", "no", "wrong_request", "17 audience"),), _wrong_audience,
    ),
    Button(
        "old-epoch", "Old epoch",
        "Sealed to a key of an epoch that has ended: nobody can open it any more, the enclave neither. Nothing is "
        "used up, and the holder's tool seals it anew by itself.",
        (Outcome("epoch_ended", "", "", NONE_KEPT), _YES), _old_epoch,
    ),
    Button(
        "forged-issuer", "Forged issuer", "A card that names the issuer, and is signed by somebody else.",
        (Outcome("", "no", "untrusted_issuer", "11 issuer_signature"),), _with("forged"),
    ),
)  # fmt: skip


def button(name: str) -> Button:
    """Return a button.

    Raises:
        UsageError: there is none of that name.
    """
    for one in BUTTONS:
        if one.name == name:
            return one
    raise UsageError("not_found", "there is no such button")
