"""The endpoint: HTTP and WebSocket on one port, as an ASGI application."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.types import Receive, Scope, Send

from adyton.client.rpc import strict_json
from adyton.client.rpc.dispatch import Dispatcher
from adyton.client.rpc.gate import Gate, Unwelcome, by_name
from adyton.client.rpc.heads import Heads
from adyton.client.rpc.jsonrpc import INVALID, LIMIT, RpcError, error_answer
from adyton.client.rpc.sockets import Connection
from adyton.core import limits

_PATHS: Final = ("/", "")
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"POST"),
    (b"access-control-allow-headers", b"content-type, authorization"),
    (b"access-control-max-age", b"600"),
)


class Application:
    """Answers HTTP requests and serves WebSockets.

    Args:
        dispatcher: answers messages.
        heads: for subscriptions.
        gate: who may ask.
    """

    def __init__(self, dispatcher: Dispatcher, heads: Heads, gate: Gate) -> None:
        self._dispatcher = dispatcher
        self._heads = heads
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket."""
        headers = by_name(scope["headers"])
        if scope["type"] == "websocket":
            await self._websocket(scope, headers, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, headers, receive, send)

    async def _websocket(
        self, scope: Scope, headers: Mapping[bytes, list[bytes]], receive: Receive, send: Send
    ) -> None:
        await receive()
        try:
            self._gate.require(headers)
            _require_path(scope)
        except Unwelcome:
            # Before it is accepted, that is a 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        await Connection(self._dispatcher, self._heads, receive, send).serve()

    async def _http(
        self, scope: Scope, headers: Mapping[bytes, list[bytes]], receive: Receive, send: Send
    ) -> None:
        extra = [(b"access-control-allow-origin", origin) for origin in headers.get(b"origin", [])]
        try:
            if scope["method"] == "OPTIONS" and b"origin" in headers:
                # A browser asks on the page's behalf, and bears no token yet.
                Gate(self._gate.hosts, self._gate.origins).require(headers)
                await _reply(send, 204, b"", [*extra, *_PREFLIGHT])
                return
            self._gate.require(headers)
            _require_path(scope)
            if scope["method"] != "POST":
                raise Unwelcome(405, "POST a JSON-RPC call here, or open a WebSocket")
            body = await _body(self._gate.require_json(headers), receive)
        except Unwelcome as refusal:
            # Its body is not read: the connection cannot go on.
            number = LIMIT if refusal.status == 413 else INVALID
            told = strict_json.write(error_answer(None, RpcError(number, refusal.message)))
            await _reply(send, refusal.status, told, [(b"connection", b"close")])
            return
        if body is None:
            return
        answer = await self._dispatcher.answer(body)
        if answer is None:
            await _reply(send, 204, b"", extra)
        else:
            await _reply(send, 200, answer, extra)


def _require_path(scope: Scope) -> None:
    if scope["path"] not in _PATHS:
        raise Unwelcome(404, "the endpoint is at /")


async def _body(size: int, receive: Receive) -> bytes | None:
    """Return the body; None where the program has gone."""
    if size > limits.RPC_BODY:
        raise Unwelcome(413, f"the body is over {limits.RPC_BODY} bytes")
    parts = []
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        parts.append(event.get("body", b""))
        if not event.get("more_body", False):
            return b"".join(parts)


async def _reply(send: Send, status: int, body: bytes, extra: list[tuple[bytes, bytes]]) -> None:
    headers = [*extra, (b"cache-control", b"no-store")]
    if status != 204:
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
