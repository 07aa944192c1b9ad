"""Contracts for tests of the enclave: deployed, called and queried through a host in memory."""

from __future__ import annotations

from adyton.core.schema import Message
from adyton.protocol import contract as protocol
from adyton.protocol.contract import ContractEntry, Result
from adyton.protocol.envelope import Response
from tests.host_simulator import HostSimulator, SimulatedClient, public

FUEL = 100_000_000


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
        request = self.client.request(protocol.APP, protocol.QUERY, asked.encode())
        answer = self.client.read(request)
        if answer.code:
            raise AssertionError(f"refused: {answer.code}")
        return Result.decode(answer.result)
