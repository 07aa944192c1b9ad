"""The ASGI application: busy routes are dispatched here, the rest by Starlette; every error becomes problem details."""

from __future__ import annotations

import asyncio
import json
import logging
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from adyton.core.errors import Error, InvariantError, UsageError
from adyton.host.api import batch, hot
from adyton.host.api.exchange import Answer, Exchange, Receive, Scope, Send, send_answer
from adyton.host.api.forms import JSON
from adyton.host.api.openapi import document
from adyton.host.api.problems import CONTENT_TYPE, problem_body, problem_headers, status_of
from adyton.host.api.table import OPENAPI_PATH, ROUTES, Handler
from adyton.host.node import Node

_log = logging.getLogger("adyton.host")
_HOT: Final[dict[tuple[str, str], Handler]] = {
    ("POST", "/task"): hot.post_task,
    ("POST", "/tasks"): batch.post_tasks,
    ("POST", "/key"): hot.post_key,
}


class Application:
    """The whole HTTP interface of one node, as a raw ASGI callable."""

    def __init__(self, node: Node) -> None:
        self._node = node
        by_path: dict[str, dict[str, Handler]] = {}
        for route in ROUTES:
            by_path.setdefault(route.path, {})[route.method] = route.handler
        by_path[OPENAPI_PATH] = {"GET": _get_openapi}
        self._rest = Starlette(
            routes=[
                StarletteRoute(path, endpoint=_Path(self, path, handlers))
                for path, handlers in by_path.items()
            ],
            exception_handlers={HTTPException: _unrouted},
        )
        self._rest.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1000})
            return
        path = scope["path"]
        handler = _HOT.get((scope["method"], path))
        if handler is not None:
            await self.run(handler, path, scope, receive, send)
        else:
            await self._rest(scope, receive, send)

    async def run(
        self, handler: Handler, template: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Run a handler; whatever it raises becomes problem details."""
        try:
            answer = await handler(self._node, Exchange(scope, receive))
        except Error as problem:
            answer = problem_answer(problem)
        except (Exception, asyncio.CancelledError) as problem:
            # A future that others cancelled, or a fault of ours: in either case nothing of it is told.
            if isinstance(problem, asyncio.CancelledError) and _is_cancelled():
                raise
            _log.exception("a request to %s was not answered", template)
            answer = problem_answer(InvariantError("invariant", "internal error"))
        self._node.metrics.answered(template, answer.status)
        await send_answer(send, answer)


class _Path:
    """All methods of one path, as an ASGI endpoint."""

    def __init__(self, application: Application, path: str, handlers: dict[str, Handler]) -> None:
        self._application = application
        self._path = path
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        handler = self._handlers.get(method, self._refuse)
        await self._application.run(handler, self._path, scope, receive, send)

    async def _refuse(self, node: Node, exchange: Exchange) -> Answer:
        error = UsageError("method_unknown", "this path does not know that method")
        allowed = ", ".join(sorted(self._handlers)).encode()
        return Answer(CONTENT_TYPE, problem_body(error, 405), 405, [(b"allow", allowed)])


def problem_answer(error: Error) -> Answer:
    """Return an error as problem details."""
    status = status_of(error)
    body = problem_body(error, status)
    return Answer(CONTENT_TYPE, body, status, problem_headers(error, status))


def _unrouted(request: Request, problem: Exception) -> Response:
    error = UsageError("not_found", "no such route")
    return Response(problem_body(error, 404), 404, media_type=CONTENT_TYPE.decode())


async def _get_openapi(node: Node, exchange: Exchange) -> Answer:
    exchange.query(frozenset())
    return Answer(JSON, _OPENAPI)


def _version() -> str:
    try:
        return version("adyton")
    except PackageNotFoundError:
        return "0"


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_OPENAPI: Final = json.dumps(document(_version())).encode()
