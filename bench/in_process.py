"""The enclave without a process around it: its real dispatcher over a host in memory, for profilers."""

from __future__ import annotations

import secrets
from pathlib import Path

from adyton.protocol import notary
from adyton.protocol.boundary import BlockResult
from bench.summary import BenchError
from tests.host_simulator import HostSimulator, SimulatedClient, public


class InProcess:
    """One node whose blocks are executed in the calling thread.

    Args:
        directory: where the simulated platform's device is made.
    """

    def __init__(self, directory: Path) -> None:
        self._host = HostSimulator(directory)
        self._host.start()
        self._client = SimulatedClient(self._host, secrets.token_bytes(32))

    def close(self) -> None:
        """End the enclave's guests and threads."""
        self._host.stop()

    def seal(self, count: int) -> list[bytes]:
        """Return the envelopes of unique notary requests."""
        envelopes = []
        for _ in range(count):
            if not self._client.tickets:
                self._client.contact()
            arguments = notary.Notarize(secrets.token_bytes(32)).encode()
            request = self._client.request(notary.APP, notary.NOTARIZE, arguments)
            envelopes.append(self._client.envelope(request))
        return envelopes

    def execute(self, envelopes: list[bytes]) -> BlockResult:
        """Execute one block through the dispatcher, encoded as it leaves the enclave."""
        result = self._host.block(*envelopes)
        result.encode()
        return result

    def require(self, result: BlockResult, count: int) -> None:
        """Check that every request of a block was carried out.

        Raises:
            BenchError: one was not.
        """
        done = [public(entry) for entry in result.entries]
        if len(done) != count or any(part.code or part.kind != "request" for part in done):
            raise BenchError("a request was not carried out")
