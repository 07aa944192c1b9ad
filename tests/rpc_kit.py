"""A facade of JSON-RPC on a free port, for as long as a `with` lasts, and how tests speak with it."""

from __future__ import annotations

import http.client
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from adyton.client.rpc.server import RpcFacts, RpcSettings, serve
from adyton.client.rpc.signer import Signer

_PATIENCE = 60


class CallError(Exception):
    """The facade has answered a call with an error."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(f"{told['code']}: {told['message']}")
        self.code = told["code"]
        self.message = told["message"]
        self.data = told.get("data")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Facade:
    """Speaks with a facade that runs."""

    def __init__(self, facts: RpcFacts) -> None:
        self.facts = facts
        self.url = facts.url
        self.ws_url = facts.url.replace("http", "ws", 1)

    def rpc(self, method: str, *params: Any) -> Any:
        """Call a method.

        Raises:
            CallError: it answers with an error.
        """
        answer = self.post(
            {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        ).json
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == 7
        if "error" in answer:
            raise CallError(answer["error"])
        return answer["result"]

    def post(
        self,
        body: Any,
        *,
        method: str = "POST",
        path: str = "/",
        headers: dict[str, str | None] | None = None,
    ) -> Reply:
        """Send a body, JSON unless it is bytes; a header of None is left out."""
        given = {"Host": f"127.0.0.1:{self.facts.port}", "Content-Type": "application/json"}
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        merged: dict[str, str | None] = {
            **given,
            "Content-Length": str(len(sent)),
            **(headers or {}),
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.facts.port, timeout=_PATIENCE)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in merged.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(sent)
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, told, response.read())
        finally:
            connection.close()


@contextmanager
def running(signer: Signer, settings: RpcSettings) -> Iterator[Facade]:
    """Run a facade on a thread; what ends it early is raised."""
    told: queue.Queue[RpcFacts | Exception] = queue.Queue()

    def run() -> None:
        try:
            serve(signer, settings, told.put)
        except Exception as problem:  # noqa: BLE001  # raised where the facade was started
            told.put(problem)

    thread = threading.Thread(target=run)
    thread.start()
    facts = told.get(timeout=_PATIENCE)
    if isinstance(facts, Exception):
        thread.join()
        raise facts
    try:
        yield Facade(facts)
    finally:
        facts.stop()
        thread.join(_PATIENCE)
        assert not thread.is_alive()
