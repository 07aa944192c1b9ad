"""An Ethereum node over HTTP. Nothing that it says is believed: its answers have a form, and that is all."""

from __future__ import annotations

import itertools
from typing import Any, Final
from urllib.parse import urlsplit

from adyton.client.rpc import strict_json
from adyton.client.rpc.jsonrpc import SERVER, UNKNOWN, RpcError
from adyton.client.transport import HttpTransport
from adyton.core import limits
from adyton.core.errors import Error, UnavailableError, UsageError, VerificationError
from adyton.protocol.ethereum.quantities import read_integer

_JSON: Final = "application/json"


class NodeError(RpcError):
    """The node has answered with an error; number, text and data are its own."""


class Node:
    """Calls of one node; usable from several threads.

    Args:
        url: http or https, with whatever path its operator gave it. The path may be a secret: it is never shown.
        timeout_s: of one call.

    Raises:
        UsageError: no such address.
    """

    def __init__(self, url: str, *, timeout_s: float = 20.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("usage", "the node's address begins with http:// or https://")
        if parts.username or parts.password or parts.fragment:
            raise UsageError("usage", "the node's address has no user, password or fragment")
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise UsageError("usage", "the port of the node's address is not a number") from None
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.shown = f"{parts.scheme}://{host}:{port}"
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._transport = HttpTransport(self.shown, timeout_s=timeout_s, accept=_JSON)
        self._timeout_s = timeout_s
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def call(self, method: str, params: list[Any]) -> Any:
        """Return what the node answers.

        Raises:
            NodeError: with an error. UnavailableError: with nothing, whether it has carried it out or not.
            VerificationError: `answer_invalid`, with what is no answer.
        """
        number = next(self._numbers)
        asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            reply = self._transport.exchange(
                "POST",
                self._target,
                strict_json.write(asked),
                content_type=_JSON,
                max_bytes=limits.RPC_NODE_ANSWER,
                timeout_s=self._timeout_s,
            )
        except UnavailableError as problem:
            raise UnavailableError(problem.code, f"the node {self.shown} does not answer") from None
        except Error as problem:
            raise VerificationError("answer_invalid", f"the node: {problem.message}") from None
        try:
            answer = strict_json.parse(reply.body)
        except Error:
            answer = None
        if reply.status != 200 and not (type(answer) is dict and type(answer.get("error")) is dict):
            raise UnavailableError("unreachable", f"the node answers with HTTP {reply.status}")
        if type(answer) is not dict or answer.get("id") not in (number, None):
            raise VerificationError("answer_invalid", "the node's answer is no answer of JSON-RPC")
        if answer.get("error") is not None:
            raise _error(answer["error"])
        if "result" not in answer or answer.get("id") != number:
            raise VerificationError("answer_invalid", "the node's answer is no answer of JSON-RPC")
        return answer["result"]

    def quantity(self, method: str, params: list[Any], most: int) -> int:
        """Return an integer from 0 to `most` that the node answers with.

        Raises:
            VerificationError: it is none. Else as `call`.
        """
        return unverified_quantity(self.call(method, params), method, most)


def unverified_quantity(value: Any, what: str, most: int) -> int:
    """Return an integer out of a node's answer.

    Raises:
        VerificationError: `answer_invalid`, it is none from 0 to `most`.
    """
    try:
        return read_integer(value, what, 0, most)
    except UsageError as problem:
        raise VerificationError("answer_invalid", f"the node's answer: {problem.message}") from None


def is_unknown_method(problem: NodeError) -> bool:
    """Tell whether the node does not have the method at all."""
    return problem.number in (UNKNOWN, -32004)


def _error(unverified: Any) -> NodeError:
    if type(unverified) is not dict:
        return NodeError(SERVER, "the node answers with an error", code="node_refused")
    number, text = unverified.get("code"), unverified.get("message")
    return NodeError(
        number if type(number) is int and abs(number) < 2**31 else SERVER,
        _words(text) if type(text) is str else "the node answers with an error",
        unverified.get("data"),
        code="node_refused",
    )


def _words(text: str) -> str:
    # They end in a log, where they must not steer a terminal.
    return "".join(
        char if char.isprintable() else "\ufffd" for char in text[: limits.RPC_NODE_ERROR]
    )
