"""What all pages have: their frame, their forms, and what is said where there is nothing to show."""

from __future__ import annotations

from typing import Final

from examples.cinema.markup import Markup, tag

_PAGES: Final = (("/issuer", "Issuer"), ("/holder", "Holder"), ("/cinema", "Cinema"))


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
        tag("link", rel="icon", href="/static/cinema.svg"),
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
