"""A node of Ethereum on this machine: anvil, for as long as a `with` lasts."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.ethereum_tools import tool

_PATIENCE = 60.0
_LISTENING = re.compile(r"^Listening on 127\.0\.0\.1:(\d+)$", re.MULTILINE)


class RpcError(Exception):
    """The node has answered a call with an error."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.data = data


class Anvil:
    """A node with a chain of its own, on a free port of the loopback interface.

    Args:
        chain_id: id of its chain.
        block_time: seconds between blocks; without it each transaction is mined as it comes.
        automine: without it nothing is mined but by `mine`. Not together with a block time.
        accounts: how many accounts it holds the keys of and has given 10,000 ether each; `eth_accounts`
            tells them, and it signs for them by `eth_sendTransaction`.
        options: further arguments of anvil, for instance `--hardfork`.
    """

    def __init__(
        self,
        chain_id: int = 31337,
        *,
        block_time: int | None = None,
        automine: bool = True,
        accounts: int = 3,
        options: tuple[str, ...] = (),
    ) -> None:
        if block_time is not None and not automine:
            raise ValueError("a block time needs mining")
        command = [str(tool("anvil")), "--port", "0", "--chain-id", str(chain_id)]
        command += ["--accounts", str(accounts), "--threads", "1", *options]
        if block_time is not None:
            command += ["--block-time", str(block_time)]
        if not automine:
            command.append("--no-mining")
        self.chain_id = chain_id
        self.port = 0
        self._command = command
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> Anvil:
        self._directory = tempfile.TemporaryDirectory(prefix="anvil-")
        home = Path(self._directory.name)
        log = home / "log"
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=home,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._await_ready(log)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def rpc(self, method: str, params: list[Any] | tuple[Any, ...] = ()) -> Any:
        """Call a method of the node.

        Raises:
            RpcError: the node answered with an error.
        """
        call = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method}
        answer = self.post(call | {"params": list(params)})
        assert answer["id"] == call["id"]
        if "error" in answer:
            problem = answer["error"]
            raise RpcError(problem["code"], problem["message"], problem.get("data"))
        return answer["result"]

    def post(self, body: Any) -> Any:
        """Post anything as JSON, a batch for instance, and return the answer's JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            headers = {"content-type": "application/json"}
            connection.request("POST", "/", json.dumps(body), headers)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def fund(self, address: str, wei: int) -> None:
        """Let an account have that much, whatever it had."""
        self.rpc("anvil_setBalance", [address, hex(wei)])

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks now."""
        self.rpc("anvil_mine", [hex(blocks)])

    def receipt(self, transaction_hash: str) -> dict[str, Any]:
        """Return a transaction's receipt, once it is mined."""
        deadline = time.monotonic() + _PATIENCE
        while (found := self.rpc("eth_getTransactionReceipt", [transaction_hash])) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{transaction_hash} was not mined")
            time.sleep(0.01)
        assert isinstance(found, dict)
        return found

    def _await_ready(self, log: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _PATIENCE
        while (found := _LISTENING.search(log.read_text())) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"anvil does not start: {log.read_text()[-2000:]}")
            time.sleep(0.01)
        self.port = int(found[1])
        assert self.rpc("eth_chainId") == hex(self.chain_id)

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
            self._directory.cleanup()
