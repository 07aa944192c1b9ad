"""The only entry to the enclave: bytes in, messages out.

Every request of the host is decoded strictly, is possible in named stages only, and is answered with one message. What
goes wrong inside is answered with a code; an error that nobody foresaw is answered without its text, which might hold
a secret, and halts the enclave.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adyton.core.errors import Error, InvariantError, UnavailableError, UsageError
from adyton.core.schema import decode_one_of
from adyton.enclave.chain import Chain
from adyton.enclave.host_port import HostPort
from adyton.enclave.lifecycle import Lifecycle, Stage
from adyton.enclave.platform.base import Platform
from adyton.enclave.provisioning import provision
from adyton.enclave.sealing import Sealer
from adyton.protocol import boundary
from adyton.protocol.boundary import EnclaveMessage, Failure, UntrustedMessage

_NONCE_LEAST: Final = 8


class Dispatcher:
    """Answers the host's requests.

    Args:
        platform: the port below.
        link: the port to the host.
    """

    def __init__(self, platform: Platform, link: HostPort) -> None:
        self._platform = platform
        self._link = link
        self._lifecycle = Lifecycle()
        self._sealer = Sealer(platform.sealing_secret())
        self._held: Chain | None = None
        # One row per request: the method that answers it, and the stages in which it is possible.
        self._rows: dict[
            type[UntrustedMessage], tuple[Callable[[Any], EnclaveMessage], set[Stage]]
        ] = {
            boundary.Provision: (self._provision, {Stage.EMPTY}),
            boundary.LoadState: (self._load_state, {Stage.PROVISIONED}),
            boundary.Serve: (self._serve, {Stage.LOADED}),
            boundary.ApplyBlock: (self._apply_block, {Stage.SERVING}),
            boundary.Committed: (self._committed, {Stage.SERVING, Stage.DRAINING}),
            boundary.FirstContact: (self._first_contact, {Stage.SERVING}),
            boundary.ShowEvidence: (self._show_evidence, {Stage.SERVING}),
            boundary.Read: (self._read, {Stage.SERVING}),
            boundary.Drain: (self._drain, {Stage.SERVING}),
            boundary.Status: (self._status, set(Stage)),
        }

    def dispatch(self, unverified: bytes) -> EnclaveMessage:
        """Return the answer to one request of the host.

        Trust: the bytes are the host's. Never raises for them.
        """
        try:
            request = decode_one_of(unverified, boundary.HOST_REQUESTS)
            answer, stages = self._rows[type(request)]
            if not isinstance(request, boundary.Status):
                self._lifecycle.require(*stages)
            return answer(request)
        except InvariantError as problem:
            self._halt()
            return _failure(problem)
        except Error as problem:
            return _failure(problem)
        except Exception:  # noqa: BLE001  # the last line of defence: its text may hold a secret
            self._halt()
            return _failure(InvariantError("invariant", "the enclave has halted"))

    @property
    def chain(self) -> Chain:
        """The chain that is open."""
        if self._held is None:
            raise UsageError("wrong_state", "no chain is open")
        return self._held

    def _halt(self) -> None:
        """Release nothing any more, the ends of running tasks included."""
        self._lifecycle.halt()
        self.close()

    def close(self) -> None:
        """End the guests, if there are any."""
        if self._held is not None:
            self._held.stop()

    # --- start ----------------------------------------------------------------------------------

    def _provision(self, asked: boundary.Provision) -> EnclaveMessage:
        root = provision(asked, self._platform, self._sealer)
        self._held = Chain(root, self._platform, self._sealer, self._link)
        self._lifecycle.move(Stage.PROVISIONED)
        return boundary.Provisioned(
            root.genesis, self._sealer.seal_root(root), self._platform.measurement
        )

    def _load_state(self, asked: boundary.LoadState) -> EnclaveMessage:
        try:
            head = self.chain.load(asked.sealed_head)
        except Error:
            # What was taken up before the refusal may be a lie: only a new process may try again.
            self._halt()
            raise
        self._lifecycle.move(Stage.LOADED)
        return boundary.Loaded(head.height, head.log_size, self.chain.state.size)

    def _serve(self, _asked: boundary.Serve) -> EnclaveMessage:
        start, sandbox = self.chain.serve()
        self._lifecycle.move(Stage.SERVING)
        return boundary.Serving(start, sandbox)

    # --- service --------------------------------------------------------------------------------

    def _apply_block(self, asked: boundary.ApplyBlock) -> EnclaveMessage:
        return self.chain.apply_block(asked)

    def _committed(self, asked: boundary.Committed) -> EnclaveMessage:
        self.chain.committed(asked.height)
        return boundary.Done()

    def _first_contact(self, asked: boundary.FirstContact) -> EnclaveMessage:
        return boundary.FirstContactAnswer(self.chain.first_contact(asked.request, asked.now_ms))

    def _show_evidence(self, asked: boundary.ShowEvidence) -> EnclaveMessage:
        if len(asked.nonce) < _NONCE_LEAST:
            raise UsageError("bad_argument", f"a nonce has at least {_NONCE_LEAST} bytes")
        return boundary.Evidence(self.chain.evidence(asked.nonce))

    def _read(self, asked: boundary.Read) -> EnclaveMessage:
        try:
            return boundary.Answer(self.chain.read(asked.envelope, asked.now_ms))
        except InvariantError as problem:
            # A read changes nothing: a host that lies to it gets no answer, and the chain goes on.
            raise UnavailableError(problem.code, problem.message) from problem

    def _status(self, _asked: boundary.Status) -> EnclaveMessage:
        stage = self._lifecycle.stage.value
        if self._held is None:
            return boundary.StatusAnswer(stage, 0, 0, 0, 0, 0)
        return self._held.status(stage)

    def _drain(self, _asked: boundary.Drain) -> EnclaveMessage:
        self._lifecycle.move(Stage.DRAINING)
        self.chain.stop()
        return boundary.Done()


def _failure(problem: Error) -> Failure:
    return Failure(type(problem).__name__[:40], problem.code, problem.message[:1000])
