"""One WebSocket: many calls at once, and subscriptions until it closes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from starlette.types import Receive, Send

from adyton.client.rpc import strict_json
from adyton.client.rpc.dispatch import Dispatcher
from adyton.client.rpc.heads import Heads, Subscription
from adyton.client.rpc.jsonrpc import PARAMS, Call, RpcError
from adyton.core import limits

_SLOW = 1013


class Connection:
    """Serves one WebSocket.

    Args:
        dispatcher: answers messages.
        heads: that subscriptions are to.
        receive: ASGI's.
        send: ASGI's.
    """

    def __init__(self, dispatcher: Dispatcher, heads: Heads, receive: Receive, send: Send) -> None:
        self._dispatcher = dispatcher
        self._heads = heads
        self._receive = receive
        self._send = send
        self._subscriptions: dict[str, Subscription] = {}
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(4 * limits.RPC_CALLS)
        self._too_slow = asyncio.Event()
        self._room = asyncio.Semaphore(limits.RPC_CALLS)

    async def serve(self) -> None:
        """Serve until either side closes."""
        await self._send({"type": "websocket.accept"})
        tasks = {
            asyncio.ensure_future(self._read()),
            asyncio.ensure_future(self._write()),
            asyncio.ensure_future(self._too_slow.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._too_slow.is_set():
                await self._send({"type": "websocket.close", "code": _SLOW})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for one in self._subscriptions.values():
                self._heads.end(one)

    async def _read(self) -> None:
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                event = await self._receive()
                if event["type"] == "websocket.disconnect":
                    return
                if event["type"] != "websocket.receive":
                    continue
                text = event.get("text")
                message = event.get("bytes") or b"" if text is None else text.encode()
                await self._room.acquire()
                task = asyncio.ensure_future(self._answer(message))
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            # What signs goes on: its thread ends by itself, and what it signed is in the journal.
            for task in running:
                task.cancel()

    async def _answer(self, message: bytes) -> None:
        began: list[Subscription] = []
        try:
            answer = await self._dispatcher.answer(message, lambda call: self._own(call, began))
            if answer is not None:
                await self._waiting.put(answer)
            # Only now does the program know their names.
            for one in began:
                one.active = True
        finally:
            self._room.release()

    async def _write(self) -> None:
        while True:
            message = await self._waiting.get()
            await self._send({"type": "websocket.send", "text": message.decode()})

    def _own(self, call: Call, began: list[Subscription]) -> Awaitable[Any] | None:
        if call.method == "eth_subscribe":
            return self._subscribe(call.params, began)
        if call.method == "eth_unsubscribe":
            return self._unsubscribe(call.params)
        return None

    async def _subscribe(self, params: list[Any], began: list[Subscription]) -> str:
        made = await self._heads.subscribe(params, self._deliver, len(self._subscriptions))
        self._subscriptions[made.id] = made
        began.append(made)
        return made.id

    async def _unsubscribe(self, params: list[Any]) -> bool:
        if len(params) != 1 or type(params[0]) is not str:
            raise RpcError(PARAMS, "params are the subscription's id")
        one = self._subscriptions.pop(params[0], None)
        if one is None:
            return False
        self._heads.end(one)
        return True

    def _deliver(self, notification: dict[str, Any]) -> None:
        try:
            self._waiting.put_nowait(strict_json.write(notification))
        except asyncio.QueueFull:
            self._too_slow.set()
