"""Subscriptions: new heads of the node's chain and their logs, asked for again and again while somebody listens."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from adyton.client.rpc.jsonrpc import LIMIT, PARAMS, RpcError
from adyton.client.rpc.node import Node, unverified_quantity
from adyton.core import limits
from adyton.core.errors import Error, VerificationError

_log = logging.getLogger("adyton.rpc")
_BEHIND: Final = 64  # blocks that are caught up with; older ones are left out
_BODY: Final = ("transactions", "uncles", "withdrawals", "size", "totalDifficulty")

Run = Callable[[Callable[[], Any]], Awaitable[Any]]


@dataclass(eq=False)
class Subscription:
    """What one connection listens to.

    Attributes:
        deliver: takes a notification; must not wait.
        filter: of logs, or None for heads.
        after: number of the newest block when it began.
        id: by which notifications name it.
        active: set once the program knows `id`.
    """

    deliver: Callable[[dict[str, Any]], None]
    filter: dict[str, Any] | None
    after: int = 0
    id: str = field(default_factory=lambda: "0x" + secrets.token_hex(16))
    active: bool = False


class Heads:
    """Polls the node while there are subscriptions.

    Args:
        node: which.
        run: carries blocking work out.
        every_s: seconds between two polls.
    """

    def __init__(self, node: Node, run: Run, every_s: float) -> None:
        self._node = node
        self._run = run
        self._every_s = every_s
        self._subscriptions: dict[str, Subscription] = {}
        self._seen: dict[int, str] = {}
        self._newest = -1
        self._poller: asyncio.Task[None] | None = None

    async def subscribe(
        self, params: list[Any], deliver: Callable[[dict[str, Any]], None], held: int
    ) -> Subscription:
        """Return a subscription that begins with the next block.

        Args:
            params: of `eth_subscribe`.
            deliver: takes notifications.
            held: how many the connection has already.

        Raises:
            RpcError: to what is not offered, or one too many. Else as `Node.call`.
        """
        if held >= limits.RPC_SUBSCRIPTIONS:
            text = f"a connection has at most {limits.RPC_SUBSCRIPTIONS} subscriptions"
            raise RpcError(LIMIT, text, code="too_large")
        made = Subscription(deliver, _filter(params))
        number, name, _ = _outline(await self._latest())
        made.after = number
        if not self._subscriptions:
            self._newest, self._seen = number, {number: name}
        self._subscriptions[made.id] = made
        if self._poller is None or self._poller.done():
            self._poller = asyncio.ensure_future(self._poll())
        return made

    def end(self, made: Subscription) -> None:
        """Forget a subscription."""
        self._subscriptions.pop(made.id, None)

    async def close(self) -> None:
        """Stop asking."""
        self._subscriptions.clear()
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    async def _poll(self) -> None:
        while self._subscriptions:
            await asyncio.sleep(self._every_s)
            try:
                await self._look()
            except Error as problem:
                _log.warning("no new heads: %s", problem.message)

    async def _look(self) -> None:
        latest = await self._latest()
        number, name, _ = _outline(latest)
        if self._seen.get(number) == name and number == self._newest:
            return
        fresh = [latest]
        # Back to a block that was told already: more than one may be new, or put in the place of others.
        while len(fresh) < _BEHIND and self._is_new(fresh[-1]):
            before = await self._block(hex(_outline(fresh[-1])[0] - 1))
            if before is None or not self._is_new(before, itself=True):
                break
            fresh.append(before)
        for block in reversed(fresh):
            await self._tell(block)
        self._newest = number
        self._seen = {
            at: seen for at, seen in self._seen.items() if number - _BEHIND < at <= number
        }

    def _is_new(self, block: dict[str, Any], *, itself: bool = False) -> bool:
        """Tell whether a block, or the one before it, was not told yet."""
        number, name, parent = _outline(block)
        if itself:
            return self._seen.get(number) != name and number >= min(self._seen, default=0)
        return number > 0 and self._seen.get(number - 1) != parent

    async def _tell(self, block: dict[str, Any]) -> None:
        number, name, _ = _outline(block)
        again = number in self._seen
        head = {key: value for key, value in block.items() if key not in _BODY}
        found: list[tuple[Subscription, list[Any]]] = []
        for one in list(self._subscriptions.values()):
            if again or number > one.after:
                wanted = one.filter
                found.append(
                    (
                        one,
                        [head]
                        if wanted is None
                        else await self._logs(wanted | {"blockHash": name}),
                    )
                )
        # Told at once, when all of it is there: nothing is told twice because something else was missing.
        self._seen[number] = name
        for one, results in found:
            for result in results:
                _deliver(one, result)

    async def _logs(self, wanted: dict[str, Any]) -> list[Any]:
        found = await self._run(lambda: self._node.call("eth_getLogs", [wanted]))
        if type(found) is not list:
            raise VerificationError("answer_invalid", "the node's logs are no list")
        return found

    async def _latest(self) -> dict[str, Any]:
        block = await self._block("latest")
        if block is None:
            raise VerificationError("answer_invalid", "the node has no newest block")
        return block

    async def _block(self, which: str) -> dict[str, Any] | None:
        block = await self._run(lambda: self._node.call("eth_getBlockByNumber", [which, False]))
        return block if type(block) is dict else None


def _deliver(one: Subscription, result: Any) -> None:
    if one.active:
        params = {"subscription": one.id, "result": result}
        one.deliver({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


def _outline(block: dict[str, Any]) -> tuple[int, str, str]:
    """Return number, hash and parent's hash."""
    name, parent = block.get("hash"), block.get("parentHash")
    if type(name) is not str or type(parent) is not str:
        raise VerificationError("answer_invalid", "the node's block has no hash")
    return unverified_quantity(block.get("number"), "number", 2**63), name, parent


def _filter(params: list[Any]) -> dict[str, Any] | None:
    """Return the filter of logs that is subscribed to; None for new heads."""
    if params[:1] == ["newHeads"] and len(params) in (1, 2) and params[1:] in ([], [{}], [None]):
        return None
    if params[:1] == ["logs"] and len(params) in (1, 2):
        wanted = params[1] if len(params) == 2 else {}
        if type(wanted) is dict and not set(wanted) - {"address", "topics"}:
            return wanted
        raise RpcError(PARAMS, "a subscription to logs has a filter of address and topics")
    raise RpcError(PARAMS, "subscriptions are to newHeads, or to logs with a filter")
