"""The pages' server: on loopback, for browsers of this machine, and for what holders hand over.

Every form carries a token that only our own pages have; every request has to name this server, so that no other page
can read them by a name of its own that leads here.
"""

from __future__ import annotations

import io
import re
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import segno

from adyton.client.identity_handing import JSON, write_reply
from adyton.client.transport import CBOR
from adyton.core.errors import Error, UsageError
from adyton.protocol.identity.requests import Present
from examples.cinema import cinema_page, pages, people_pages
from examples.cinema.buttons import button, press
from examples.cinema.world import World

LOOPBACK: Final = "127.0.0.1"
_FORM: Final = "application/x-www-form-urlencoded"
_MOST_FORM: Final = 4096  # bytes
_HTML: Final = "text/html; charset=utf-8"
_STATIC: Final = {
    "cinema.css": "text/css; charset=utf-8",
    "cinema.js": "text/javascript",
    "cinema.svg": "image/svg+xml",
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Pages:
    """Serves on a free port of loopback, or a given one."""

    def __init__(self, port: int = 0) -> None:
        self.token = secrets.token_urlsafe(32)
        self.world: World | None = None
        self._server = _Server((LOOPBACK, port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        """Return address and port."""
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://{self.host}"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return by which names it may be asked."""
        return self.host, f"localhost:{self._server.server_address[1]}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Refused(Exception):
    """A request that is not answered: status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _handler(served: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 30
        server_version = "adyton-demo"
        sys_version = ""

        def do_GET(self) -> None:
            """Show a page or a part of one."""
            self._answer(self._get)

        def do_POST(self) -> None:
            """Take a form, or what a holder hands over."""
            self._answer(self._post)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        # --- what is there ----------------------------------------------------------------------

        def _get(self, world: World) -> None:
            path = urlsplit(self.path).path
            token = served.token
            if path == "/":
                self._go("/cinema")
            elif path == "/issuer":
                self._say(200, _HTML, people_pages.issuer_page(world, token))
            elif path == "/holder":
                self._say(200, _HTML, people_pages.holder_page(world, token))
            elif path == "/holder/now":
                self._say(200, _HTML, people_pages.holder_part(world, token))
            elif path == "/holder/uses":
                self._say(200, _HTML, people_pages.uses_page(world.holder.uses()))
            elif path == "/cinema":
                self._say(200, _HTML, cinema_page.cinema_page(world, token, None))
            elif found := re.fullmatch(r"/cinema/([0-9]{1,6})", path):
                visit = world.visit(int(found[1]))
                self._say(200, _HTML, cinema_page.cinema_page(world, token, visit))
            elif found := re.fullmatch(r"/cinema/visit/([0-9]{1,6})", path):
                self._say(200, _HTML, cinema_page.visit_part(world, world.visit(int(found[1]))))
            elif found := re.fullmatch(r"/request/([0-9a-f]{64})", path):
                self._say(200, "text/plain; charset=utf-8", world.fetch(found[1]))
            elif found := re.fullmatch(r"/qr/([0-9a-f]{64})\.svg", path):
                drawn = io.BytesIO()
                code = segno.make(world.of(found[1]).uri, error="l", micro=False)
                code.save(drawn, kind="svg", omitsize=True)
                self._say(200, "image/svg+xml", drawn.getvalue())
            elif path.removeprefix("/static/") in _STATIC:
                name = path.removeprefix("/static/")
                file = Path(__file__).parent / "static" / name
                self._say(200, _STATIC[name], file.read_bytes())
            else:
                raise _Refused(404, "there is no such page")

        def _post(self, world: World) -> None:
            if self.path == "/present":
                nonce, reply = world.receive(self._body(CBOR, Present.MAX_BYTES))
                self._say(200, JSON, write_reply(bytes.fromhex(nonce), reply))
                return
            given = self._form()
            if self.path == "/press":
                pressed = button(given.get("button", ""))
                visit = world.begin(pressed.name)
                threading.Thread(target=press, args=(world, pressed, visit), daemon=True).start()
                self._go(f"/cinema/{visit.number}")
            elif self.path == "/ask":
                visit = world.begin()
                world.ask(visit)
                self._go(f"/cinema/{visit.number}")
            elif self.path == "/issue":
                world.issue(given.get("given_name", ""), given.get("birthdate", ""))
                self._go("/issuer")
            elif self.path == "/revoke":
                world.revoke(given.get("name", ""))
                self._go("/issuer")
            elif self.path == "/answer":
                visit = world.of(given.get("nonce", ""))
                world.answer_by_hand(visit, given.get("card", ""))
                self._go(f"/cinema/{visit.number}")
            else:
                raise _Refused(404, "there is nothing to send there")

        # --- what is taken ----------------------------------------------------------------------

        def _form(self) -> dict[str, str]:
            """Return the fields of a form of ours."""
            origin = self.headers.get("Origin")
            if origin is not None and origin not in {f"http://{host}" for host in served.hosts}:
                raise _Refused(403, "it comes from a page of somebody else")
            body = self._body(_FORM, _MOST_FORM)
            try:
                fields = parse_qs(body.decode(), strict_parsing=True, max_num_fields=8)
            except ValueError:
                raise _Refused(400, "it is no form") from None
            given = {name: values[-1] for name, values in fields.items()}
            token = given.pop("token", "")
            if not secrets.compare_digest(token.encode(), served.token.encode()):
                raise _Refused(403, "it does not carry the token of a page of this server")
            return given

        def _body(self, kind: str, most: int) -> bytes:
            size = self.headers.get("Content-Length", "")
            if self.headers.get("Content-Type", "") != kind:
                raise _Refused(415, f"send it as {kind}")
            if not size.isascii() or not size.isdecimal() or len(size) > 9:
                raise _Refused(411, "say how long it is")
            if int(size) > most:
                raise _Refused(413, "it is too long")
            return self.rfile.read(int(size))

        # --- how it is answered -----------------------------------------------------------------

        def _answer(self, how: Callable[[World], None]) -> None:
            try:
                if self.headers.get("Host", "") not in served.hosts:
                    raise _Refused(421, "ask for this server by its own name")
                if served.world is None:
                    raise _Refused(503, "not ready yet; ask again")
                how(served.world)
            except _Refused as refusal:
                self.close_connection = True  # what was sent may not have been read
                self._say(refusal.status, _HTML, pages.problem_page(str(refusal)))
            except Error as problem:
                status = (
                    404 if isinstance(problem, UsageError) and problem.code == "not_found" else 400
                )
                self._say(status, _HTML, pages.problem_page(f"{problem.code}: {problem.message}"))

        def _go(self, to: str) -> None:
            self._say(303, _HTML, "", Location=to)

        def _say(self, status: int, kind: str, body: str | bytes, **more: str) -> None:
            data = body.encode() if isinstance(body, str) else body
            self.send_response(status)
            for name, value in {**_HEADERS, **more, "Content-Type": kind}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
