"""The pages of issuer and holder: the only ones that know a birthday."""

from __future__ import annotations

from typing import Any

from adyton.protocol.credentials.strict_json import Json
from examples.cinema.markup import Markup, join, table, tag
from examples.cinema.pages import form, hidden, page
from examples.cinema.people import ADULT_BORN
from examples.cinema.world import World


def issuer_page(world: World, token: str) -> Markup:
    """Return the issuer's page."""
    file = world.issuer.file
    rows: list[tuple[str, ...]] = []
    for entry in file.issued:
        revoked = file.revoked[entry.index // 8] >> entry.index % 8 & 1
        done: str = (
            "revoked"
            if revoked
            else form("/revoke", token, hidden("name", entry.name), tag("button", "Revoke"))
        )
        rows.append((entry.name, str(entry.index), done))
    given = tag(
        "label",
        "Given name ",
        tag("input", name="given_name", value="Erika", maxlength="40", required=""),
    )
    born = tag(
        "label",
        " Birthday ",
        tag("input", name="birthdate", type="date", value=ADULT_BORN, required=""),
    )
    return page(
        "/issuer",
        "Demo issuer",
        tag("p", "It believes whatever it is told: what it signs proves nothing about anybody.", class_="demo"),
        tag("p", f"It calls itself {file.iss}."),
        form("/issue", token, given, born, " ", tag("button", "Issue a card to the holder", id="issue")),
        tag("h2", "Issued so far"),
        table(rows, ("card", "place in the status list", "")) if rows else tag("p", "Nothing yet."),
    )  # fmt: skip


def holder_page(world: World, token: str) -> Markup:
    """Return the holder's page: the only one beside the issuer's that knows a birthday."""
    return page(
        "/holder",
        "Holder",
        tag("p", f"The wallet of {world.holder.own.did}."),
        tag("section", holder_part(world, token), data_live="/holder/now"),
    )


def holder_part(world: World, token: str) -> Markup:
    """Return the request that waits for an answer, and the cards."""
    waiting = world.waiting()
    cards = world.holder.cards()
    made: list[Markup] = []
    if waiting is None:
        made.append(tag("p", "No request waits for an answer; the cinema's page makes one."))
    else:
        lines = world.asked_lines(waiting)
        qr = tag("img", src=f"/qr/{waiting.request.nonce}.svg", alt="the request", class_="qr")
        made += [
            tag("h2", "A request"),
            qr,
            tag("pre", waiting.uri),
            tag("pre", "\n".join(lines), id="asking"),
        ]
    made.append(tag("h2", "Cards"))
    for held in cards:
        rows: list[tuple[str, ...]] = [
            (name, _said(value))
            for name, value in sorted(held.credential.unverified_claims.items())
            if name not in ("cnf", "status")
        ]
        made += [tag("h3", held.name), table(rows)]
        if waiting is not None:
            inside = (hidden("nonce", waiting.request.nonce), hidden("card", held.name))
            made.append(form("/answer", token, *inside, tag("button", "Present this card")))
    if cards:
        made.append(
            tag("p", tag("a", "Who has looked at my cards?", href="/holder/uses", id="uses"))
        )
    else:
        made.append(tag("p", "None yet; the issuer's page issues one."))
    return join(made)


def _said(value: Json) -> str:
    if isinstance(value, dict):
        said = sorted((name, "yes" if one is True else "no") for name, one in value.items())
        return ", ".join(f"{name}: {one}" for name, one in said)
    return str(value)


def uses_page(uses: list[dict[str, Any]]) -> Markup:
    """Return what the enclave has told the holder, and nobody else, of each look at a card."""
    rows = [
        (str(one["height"]), one["party_name"], one["policy"], one["answer"], one["issuer_name"])
        for one in uses
    ]
    return page(
        "/holder",
        "Who has looked at my cards",
        tag(
            "p",
            "Out of the whole chain, verified block by block: nobody else can read these lines of it.",
        ),
        table(rows, ("height", "relying party", "asked", "was told", "card of"), id="seen"),
    )
