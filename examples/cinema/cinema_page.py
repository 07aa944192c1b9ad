"""The cinema's page: the buttons, what became of each visit, and what each side sees of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from adyton.protocol.credentials.steps import STEPS, Step
from examples.cinema.buttons import BUTTONS, button
from examples.cinema.markup import Markup, table, tag
from examples.cinema.pages import form, hidden, page
from examples.cinema.visit import HEIGHT, STAGES, Line, Outcome, Visit
from examples.cinema.world import World

_WORDS: Final = {
    "shown": "request shown",
    "fetched": "fetched",
    "received": "answer received",
    "height": "recorded at height",
    "verdict": "verdict",
}


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
        tag("h2", "Visits so far"),
        table(_visits(world), ("", "visitor", "told"), id="visits"),
        refresh=visit is not None and not visit.done,
    )


def _visits(world: World) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for visit in reversed(world.visits[-20:]):
        link = tag("a", _title(visit), href=f"/cinema/{visit.number}")
        rows.append((str(visit.number), link, "; ".join(one.verdict for one in visit.told)))
    return rows


def _title(visit: Visit) -> str:
    return button(visit.button).label if visit.button else "A visitor"


def visit_part(world: World, visit: Visit) -> Markup:
    """Return what is to be seen of a visit, as it is now."""
    by_hand = "The holder's page has the request, and what to answer it with."
    story = button(visit.button).story if visit.button else by_hand
    told = [_told(number, outcome) for number, outcome in enumerate(visit.told, 1)]
    problem = [tag("p", visit.problem, class_="no", id="problem")] if visit.problem else []
    qr = []
    if visit.asked is not None and not visit.told:
        qr = [tag("img", src=f"/qr/{visit.asked.nonce}.svg", alt="the request", class_="qr")]
    done = {"data_done": ""} if visit.done else {}
    return tag(
        "article",
        tag("h2", f"{visit.number}. {_title(visit)}"),
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
