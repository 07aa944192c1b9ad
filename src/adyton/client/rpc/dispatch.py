"""One message in, one message out: single calls and batches, carried out on threads."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from adyton.client.rpc import strict_json
from adyton.client.rpc.jsonrpc import (
    INVALID,
    LIMIT,
    PARSE,
    Call,
    RpcError,
    error_answer,
    id_of,
    read_call,
    result_answer,
)
from adyton.client.rpc.methods import IN_ORDER, Methods
from adyton.core import limits
from adyton.core.errors import Error, InvariantError, MalformedError

_log = logging.getLogger("adyton.rpc")

# Carries out a call that a connection answers by itself; None for all others.
Special = Callable[[Call], Awaitable[Any] | None]


class Dispatcher:
    """Answers messages.

    Args:
        methods: that carry calls out.
    """

    def __init__(self, methods: Methods) -> None:
        self._methods = methods
        self._threads = ThreadPoolExecutor(limits.RPC_CALLS, "rpc")

    def close(self) -> None:
        """Wait for the calls at hand."""
        self._threads.shutdown()

    async def run(self, work: Callable[[], Any]) -> Any:
        """Return what `work` returns on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def answer(self, unverified: bytes, special: Special = lambda _: None) -> bytes | None:
        """Return the answer to a message; None where none is wanted.

        Args:
            unverified: what a program has sent.
            special: for methods that belong to the connection.
        """
        try:
            value = strict_json.parse(unverified)
        except MalformedError as problem:
            return _written(error_answer(None, RpcError(PARSE, problem.message)))
        if type(value) is not list:
            told = await self._one(value, special)
            return None if told is None else _written(told)
        if not value or len(value) > limits.RPC_BATCH:
            text = f"a batch has 1 to {limits.RPC_BATCH} calls; this one has {len(value)}"
            number = LIMIT if value else INVALID
            return _written(error_answer(None, RpcError(number, text)))
        told_all = [told for told in await self._batch(value, special) if told is not None]
        return _written(told_all) if told_all else None

    async def _batch(self, values: list[Any], special: Special) -> list[dict[str, Any] | None]:
        # Reads go at once; what signs goes one by one, so that nonces have the order of the batch.
        order = asyncio.Lock()

        async def one(value: Any) -> dict[str, Any] | None:
            method = value.get("method") if type(value) is dict else None
            if type(method) is str and method in IN_ORDER:
                async with order:
                    return await self._one(value, special)
            return await self._one(value, special)

        return list(await asyncio.gather(*map(one, values)))

    async def _one(self, value: Any, special: Special) -> dict[str, Any] | None:
        try:
            call = read_call(value)
        except Error as problem:
            return error_answer(id_of(value), problem)
        if not call.wants_answer:
            # Nothing here is worth doing without telling what became of it; a payment least of all.
            return None
        began = time.monotonic()
        try:
            work = special(call)
            if work is None:
                work = self.run(lambda: self._methods.carry_out(call))
            answer, outcome = result_answer(call.id, await work), "done"
        except Error as problem:
            answer, outcome = error_answer(call.id, problem), problem.code
            if isinstance(problem, InvariantError):
                _log.error("%s", problem)
        except Exception as problem:  # noqa: BLE001  # a defect of ours answers this call alone, and is named in the log
            _log.exception("a defect")
            defect = InvariantError("invariant", type(problem).__name__)
            answer, outcome = error_answer(call.id, defect), "invariant"
        spent = (time.monotonic() - began) * 1000
        # Names and outcomes alone: params hold what is paid and to whom.
        _log.debug("%.40s: %s, %.1f ms", call.method, outcome, spent)
        return answer


def _written(answer: Any) -> bytes:
    return strict_json.write(answer)
