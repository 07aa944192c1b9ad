"""The pages: issuer, holder and cinema, of what is there when they are asked for."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from adyton.protocol.credentials.steps import STEPS, Step
from examples.cinema.buttons import BUTTONS, button
from examples.cinema.markup import Markup, join, table, tag
from examples.cinema.people import ADULT_BORN
from examples.cinema.visit import HEIGHT, STAGES, Line, Outcome, Visit
from examples.cinema.world import World

_PAGES: Final = (("/issuer", "Issuer"), ("/holder", "Holder"), ("/cinema", "Cinema"))
_WORDS: Final = {
    "shown": "request shown",
    "fetched": "fetched",
    "received": "answer received",
    "height": "recorded at height",
    "verdict": "verdict",
}


def page(path: str, title: str, *body: str, refresh: bool = False) -> Markup:
    """Return a whole page."""
    links = [
        tag("a", name, href=to, aria_current="page") if to == path else tag("a", name, href=to)
        for to, name in _PAGES
    ]
    later = [tag("noscript", tag("meta", http_equiv="refresh", content="1"))] if refresh else []
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width"),
        tag("title", f"{title} · demo"),
        tag("link", rel="stylesheet", href="/static/cinema.css"),
        tag("script", src="/static/cinema.js", defer=""),
        *later,
    )
    top = tag("header", tag("h1", title), tag("nav", *links))
    warning = tag(
        "p",
        "A demonstration, on the simulated platform: nothing protects the enclave from whoever owns this machine.",
        class_="demo",
    )
    return Markup(
        "<!doctype html>" + tag("html", head, tag("body", top, warning, *body), lang="en")
    )


def problem_page(why: str) -> Markup:
    """Return what is said where there is nothing to show."""
    return page("", "Not so", tag("p", why, id="problem"))


def form(action: str, token: str, *inside: str, **attributes: str) -> Markup:
    """Return a form that carries the token by which our own pages are known."""
    hidden = tag("input", type="hidden", name="token", value=token)
    return tag("form", hidden, *inside, method="post", action=action, **attributes)


def hidden(name: str, value: str) -> Markup:
    """Return a field that nobody sees."""
    return tag("input", type="hidden", name=name, value=value)


# --- the cinema ---------------------------------------------------------------------------------


def cinema_page(world: World, token: str, visit: Visit | None) -> Markup:
    """Return the cinema's page, with one visit on it."""
    pressed = [
        form("/press", token, hidden("button", one.name), tag("button", one.label, id=one.name, title=one.story))
        for one in BUTTONS
    ]  # fmt: skip
    asked = form("/ask", token, tag("button", "New visitor", id="ask"))
    live: list[Markup] = []
    if visit is not None:
        inside = visit_part(world, visit)
        live = [tag("section", inside, data_live=f"/cinema/visit/{visit.number}")]
    return page(
        "/cinema",
        "Cinema",
        tag(
            "p", "The late show is for adults. The cinema asks one question, and is told yes or no."
        ),
        tag("div", asked, *pressed, class_="buttons"),
        *live,
        refresh=visit is not None and not visit.done,
    )


def visit_part(world: World, visit: Visit) -> Markup:
    """Return what is to be seen of a visit, as it is now."""
    title, story = "A visitor", "Go to the holder's page to answer."
    if visit.button:
        title, story = button(visit.button).label, button(visit.button).story
    told = [_told(number, outcome) for number, outcome in enumerate(visit.told, 1)]
    problem = [tag("p", visit.problem, class_="no", id="problem")] if visit.problem else []
    qr = []
    if visit.asked is not None and not visit.told:
        qr = [tag("img", src=f"/qr/{visit.asked.nonce}.svg", alt="the request", class_="qr")]
    done = {"data_done": ""} if visit.done else {}
    return tag(
        "article",
        tag("h2", f"{visit.number}. {title}"),
        tag("p", story),
        _stages(visit),
        *qr,
        *told,
        *problem,
        tag("ul", *(tag("li", note) for note in visit.notes)),
        tag("div", _cinema_sees(visit), _operator_sees(visit), class_="panes"),
        tag("h3", "What the cinema's developer sees"),
        _checklist(visit.checklist),
        **done,
    )


def _stages(visit: Visit) -> Markup:
    made = []
    for name in STAGES:
        said = visit.stages.get(name)
        text = f"{_WORDS[name]} {said}" if name == HEIGHT and said else _WORDS[name]
        reached = {"class_": "reached", "title": said} if said else {}
        made.append(tag("li", text, id=f"stage-{name}", **reached))
    return tag("ol", *made, class_="stages")


def _told(number: int, outcome: Outcome) -> Markup:
    kind = "refused" if outcome.code else outcome.answer
    said = f"refused: {outcome.code}" if outcome.code else outcome.answer
    return tag(
        "p",
        tag("strong", said, class_="answer"),
        " ",
        tag("span", outcome.reason, class_="reason"),
        " · checklist: ",
        tag("span", outcome.line, class_="line"),
        class_=f"told {kind}",
        id=f"told-{number}",
    )


def _cinema_sees(visit: Visit) -> Markup:
    rows: list[tuple[str, ...]] = []
    raw: list[Markup] = []
    if visit.given:
        sealed = visit.presented.sealed
        rows += [
            ("it was handed", f"{len(visit.given)} bytes"),
            ("of these, sealed", f"{len(sealed.sealed)} bytes, to the network's key of epoch {sealed.epoch}"),
        ]  # fmt: skip
        raw = [tag("h4", "The bytes"), tag("pre", visit.given.hex())]
    rows += visit.seen.items()
    return tag(
        "section",
        tag("h3", "What the cinema sees"),
        table(rows),
        *raw,
        class_="pane",
        id="cinema-sees",
    )


def _operator_sees(visit: Visit) -> Markup:
    made: list[Markup] = []
    for recorded in visit.recorded:
        rows: list[tuple[str, ...]] = [
            ("entry", str(recorded.leaf_index)),
            ("height", str(recorded.height)),
        ]
        for one in fields(recorded.part):
            value = getattr(recorded.part, one.name)
            rows.append((one.name, _shown(value)))
        made += [table(rows), tag("h4", "The bytes"), tag("pre", recorded.public.hex())]
    if visit.searched is not None:
        found, files = visit.searched
        said = f"All {files} files of the operator were searched for the holder's birthday: it is in {found} of them."
        made.append(tag("p", said, id="searched"))
    return tag(
        "section", tag("h3", "What the operator sees"), *made, class_="pane", id="operator-sees"
    )


def _shown(value: object) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, bytes):
        return value.hex() if len(value) <= 64 else f"{len(value)} bytes"
    return str(value)


def _checklist(lines: list[Line]) -> Markup:
    if not lines:
        return tag("p", "No checklist is kept.", id="checklist")
    rows = [
        (str(line.step), line.mark, STEPS[Step(line.step)], " ".join(filter(None, [line.reason, line.text])))
        for line in lines
    ]  # fmt: skip
    return table(rows, ("step", "mark", "check", "why"), id="checklist")


# --- the issuer ---------------------------------------------------------------------------------


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


# --- the holder ---------------------------------------------------------------------------------


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
            (name, str(value))
            for name, value in held.credential.unverified_claims.items()
            if name not in ("cnf", "status")
        ]
        made += [tag("h3", held.name), table(rows)]
        if waiting is not None:
            inside = (hidden("nonce", waiting.request.nonce), hidden("card", held.name))
            made.append(form("/answer", token, *inside, tag("button", "Present this card")))
    if not cards:
        made.append(tag("p", "None yet; the issuer's page issues one."))
    return join(made)
