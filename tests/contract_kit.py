"""Contracts for tests of the enclave: deployed, called and queried through a host in memory."""

from __future__ import annotations

from pathlib import Path

from adyton.client.contract_interface import read_interface
from adyton.core.schema import Message
from adyton.protocol import contract as protocol
from adyton.protocol.contract import ContractEntry, Result
from adyton.protocol.envelope import Response
from adyton.protocol.wasm_module import read_module
from tests.host_simulator import HostSimulator, SimulatedClient, public

FUEL = 100_000_000
BUILT = Path(__file__).resolve().parents[1] / "contracts" / "built"


def built(name: str) -> bytes:
    """Return a module of the repository."""
    return (BUILT / f"{name}.wasm").read_bytes()


class ContractClient:
    """One client and the contracts that it makes.

    Args:
        host: on which.
        client: whose requests they are.
    """

    def __init__(self, host: HostSimulator, client: SimulatedClient) -> None:
        self.host = host
        self.client = client
        self.entry: ContractEntry | None = None
        self.code = ""

    def ordered(self, method: str, arguments: Message) -> Result:
        """Carry out a request in a block of its own, and return its result."""
        if not self.client.tickets:
            self.client.contact()
        request = self.client.request(protocol.APP, method, arguments.encode())
        block = self.host.block(self.client.envelope(request))
        part = public(block.entries[0])
        self.entry = None if part.body is None else ContractEntry.decode(part.body)
        response: Response = self.client.open(block, 0, request)
        self.code = response.code
        if response.code:
            raise AssertionError(f"refused: {response.code}")
        return Result.decode(response.result)

    def told(self) -> ContractEntry | None:
        """Return what the last request has made public."""
        return self.entry

    def deploy(
        self,
        code: bytes,
        given: bytes = b"",
        *,
        upgrade: str = protocol.NEVER,
        ordering: str = "single-host",
        padding: int = 0,
    ) -> Result:
        """Deploy a contract."""
        asked = protocol.Deploy(code, given, upgrade, ordering, padding, FUEL)
        return self.ordered(protocol.DEPLOY, asked)

    def call(self, address: bytes, method: str, given: bytes = b"", fuel: int = FUEL) -> Result:
        """Call a method."""
        return self.ordered(protocol.CALL, protocol.Call(address, method, given, fuel))

    def query(self, address: bytes, method: str, given: bytes = b"", fuel: int = FUEL) -> Result:
        """Ask without order."""
        asked = protocol.Call(address, method, given, fuel)
        if not self.client.tickets:
            self.client.contact()
        request = self.client.request(protocol.APP, protocol.QUERY, asked.encode())
        answer = self.client.read(request)
        if answer.code:
            raise AssertionError(f"refused: {answer.code}")
        return Result.decode(answer.result)


SINK = built("kitchen_sink")
INTERFACE = read_interface(read_module(SINK).interface)


class Sink(ContractClient):
    """A kitchen sink, with typed methods."""

    def __init__(self, host: HostSimulator, seed: bytes) -> None:
        client = SimulatedClient(host, seed)
        client.contact()
        super().__init__(host, client)
        self.address = self.deploy(SINK, upgrade=protocol.DEPLOYER).address

    def given(self, kind: str, method: str, arguments: dict[str, object]) -> bytes:
        assert INTERFACE is not None
        return INTERFACE.encode(INTERFACE.method(kind, method), arguments)

    def do(self, method: str, /, fuel: int = 100_000_000, **arguments: object) -> Result:
        return self.call(self.address, method, self.given("call", method, arguments), fuel)

    def see(self, method: str, /, **arguments: object) -> Result:
        return self.query(self.address, method, self.given("query", method, arguments))

    def value(self, result: Result, kind: str, method: str) -> object:
        assert INTERFACE is not None
        assert (result.status, result.reason) == ("done", "")
        return INTERFACE.decode(INTERFACE.method(kind, method), result.output)

    def get(self, key: bytes) -> object:
        return self.value(self.see("get", key=key.hex()), "query", "get")
