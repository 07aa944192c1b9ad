"""The enclave without a process around it: its real dispatcher over a host in memory, for profilers."""

from __future__ import annotations

import secrets
from pathlib import Path

from adyton.core import limits
from adyton.protocol import notary
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

    def block(self, envelopes: list[bytes]) -> None:
        """Execute one block, as the host does it: through the dispatcher, encoded both ways.

        Raises:
            BenchError: a request was not carried out.
        """
        if len(envelopes) > limits.BLOCK_ENTRIES:
            raise BenchError("more than a block holds")
        result = self._host.block(*envelopes)
        result.encode()
        done = [public(entry) for entry in result.entries]
        if len(done) != len(envelopes) or any(part.code or part.kind != "request" for part in done):
            raise BenchError("a request was not carried out")
