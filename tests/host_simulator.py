"""A host in memory, honest by default, for tests of the enclave without a process around it.

Tests make it lie by replacing what it holds: `state`, `blobs`, `head`.
"""

from __future__ import annotations

import bisect
import threading
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from unittest import mock

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SigningKey, derive
from adyton.core.errors import UnavailableError, UsageError
from adyton.core.schema import Message
from adyton.enclave.dispatcher import Dispatcher
from adyton.enclave.platform.base import Platform
from adyton.enclave.platform.simulated import open_simulated
from adyton.host.simulated_tee import make_device, open_device
from adyton.protocol import account, boundary, notary
from adyton.protocol.account import AccountList, AccountPage
from adyton.protocol.boundary import BlockResult, Executed, Failure, UntrustedMessage
from adyton.protocol.envelope import (
    Envelope,
    KeyAnswer,
    KeyRequest,
    ReadAnswer,
    Request,
    Response,
    SealedKeyRequest,
    SealedReadAnswer,
    SignedKeyAnswer,
    SignedKeyRequest,
    SignedRequest,
)
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.genesis import Configuration, EpochPolicy, Genesis, TaskPolicy
from adyton.protocol.ledger import BlockHeader, PublicPart

_M = TypeVar("_M", bound=Message)
MEASUREMENT = bytes(range(48))
NOW_MS = 1_800_000_000_000


class Refused(Exception):
    """The enclave answered with a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code, failure.text)
        self.code = failure.code
        self.kind = failure.kind


def configuration(workers: int = 1, epochs: tuple[int, int] = (0, 0)) -> Configuration:
    """Return an ordinary configuration of the simulated platform; its epochs' blocks and grace, if they advance."""
    tasks = TaskPolicy(60, 512 * limits.MIB, limits.MIB, 4 * limits.MIB, workers)
    return Configuration(
        "simulated", "open", None, "single-host", "host", tasks, EpochPolicy(*epochs)
    )


class HostSimulator:
    """Store, engine and reverse calls of one node.

    Args:
        directory: where the simulated platform's device lies; made when it is missing.
        config: configuration for `Provision`.
        sandbox: False starts without one, in milliseconds instead of half a second: tasks are accepted and fail.
    """

    def __init__(
        self, directory: Path, config: Configuration | None = None, *, sandbox: bool = True
    ) -> None:
        self.config = config or configuration()
        self.sandbox = sandbox
        self.directory = directory
        self.device = directory / "device"
        if not self.device.exists():
            make_device(self.device, now_ms=NOW_MS)
        self.state: dict[bytes, bytes] = {}
        self.blobs: dict[bytes, bytes] = {}
        self.modules: dict[bytes, bytes] = {}
        self.head: bytes | None = None
        self.sealed_root: bytes | None = None
        self.first_root = b""
        self.height = 0
        self.time_ms = NOW_MS
        self.blocks: list[BlockResult] = []
        self.submitted: list[bytes] = []
        self.submitted_event = threading.Event()
        self.measurement = MEASUREMENT
        self.dispatcher: Dispatcher
        self.genesis: Genesis

    # --- reverse calls --------------------------------------------------------------------------

    def state_get(self, name: bytes) -> bytes | None:
        return self.state.get(name)

    def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        names = sorted(self.state)
        start = 0 if after is None else bisect.bisect_right(names, after)
        return tuple((name, self.state[name]) for name in names[start : start + 100])

    def blob(self, blob_id: bytes, size: int) -> bytes | None:
        held = self.blobs.get(blob_id)
        return None if held is None else held[:size]

    def put_blob(self, blob_id: bytes, ciphertext: bytes) -> None:
        self.blobs[blob_id] = ciphertext

    def drop_blobs(self, ids: tuple[bytes, ...]) -> None:
        for blob_id in ids:
            self.blobs.pop(blob_id, None)

    def module(self, name: bytes) -> bytes | None:
        return self.modules.get(name)

    def keep_module(self, name: bytes, sealed: bytes) -> None:
        self.modules[name] = sealed

    def submit(self, transaction: bytes) -> None:
        self.submitted.append(transaction)
        self.submitted_event.set()

    # --- requests -------------------------------------------------------------------------------

    def platform(self) -> Platform:
        """Return a platform over the device, whose clock is this host's."""
        made = open_simulated(open_device(self.device), self.measurement)
        vars(made)["now_ms"] = lambda: self.time_ms
        return made

    def ask(self, message: UntrustedMessage, reply: type[_M]) -> _M:
        """Ask the enclave, and return its answer or raise `Refused`."""
        return self.ask_raw(message.encode(), reply)

    def ask_raw(self, message: bytes, reply: type[_M]) -> _M:
        """Ask with bytes of the test's own making."""
        answer = self.dispatcher.dispatch(message)
        if isinstance(answer, Failure):
            raise Refused(answer)
        if not isinstance(answer, reply):
            raise UnavailableError("malformed", f"an answer {answer!r}")
        return answer

    def provision(self) -> None:
        """Start the enclave as far as an open chain whose state is not loaded."""
        self.dispatcher = Dispatcher(self.platform(), self)
        made = self.ask(
            boundary.Provision(self.config.encode(), True, self.time_ms, self.sealed_root),
            boundary.Provisioned,
        )
        self.genesis = Genesis.decode(made.genesis)
        self.sealed_root = made.sealed_root
        self.first_root = self.first_root or made.sealed_root

    def load(self) -> boundary.Loaded:
        """Have the state loaded."""
        loaded = self.ask(boundary.LoadState(self.head), boundary.Loaded)
        self.height = loaded.height
        return loaded

    def serve(self) -> bytes:
        """Begin to serve, and return the start entry."""
        if self.sandbox:
            return self.ask(boundary.Serve(), boundary.Serving).start
        with mock.patch("adyton.enclave.chain._jail", return_value=(None, "none: not wanted")):
            return self.ask(boundary.Serve(), boundary.Serving).start

    def start(self) -> BlockResult:
        """Start the enclave, as after a boot, and execute the block of its start entry."""
        self.provision()
        self.load()
        return self.block(self.serve())

    def restart(self) -> BlockResult:
        """Stop the enclave, and start it again over what is stored."""
        self.stop()
        return self.start()

    def fork(self) -> HostSimulator:
        """Return another host over copies of all that this one holds, not yet started."""
        other = HostSimulator(self.directory, self.config, sandbox=self.sandbox)
        other.measurement = self.measurement
        other.state, other.blobs = dict(self.state), dict(self.blobs)
        other.head, other.sealed_root = self.head, self.sealed_root
        other.height, other.time_ms, other.genesis = self.height, self.time_ms, self.genesis
        return other

    def stop(self) -> None:
        """End the enclave's guests and threads."""
        self.dispatcher.close()
        with suppress(UsageError):  # it may have refused to open a chain
            self.dispatcher.chain.join()

    def execute(self, *transactions: bytes, drop: bool = False) -> BlockResult:
        """Execute a block and store what it leaves, but do not yet say that it is stored."""
        self.time_ms += 1
        result = self.ask(
            boundary.ApplyBlock(self.height + 1, self.time_ms, transactions, drop), BlockResult
        )
        self.height += 1
        self.head = result.sealed_head
        self.sealed_root = result.sealed_root or self.sealed_root
        for name, value in result.writes:
            if value is None:
                self.state.pop(name, None)
            else:
                self.state[name] = value
        self.blocks.append(result)
        return result

    def block(self, *transactions: bytes, drop: bool = False) -> BlockResult:
        """Execute a block, store it, and say so."""
        result = self.execute(*transactions, drop=drop)
        self.ask(boundary.Committed(self.height), boundary.Done)
        return result

    def evidence(self, nonce: bytes = bytes(32)) -> NodeEvidence:
        answer = self.ask(boundary.ShowEvidence(nonce), boundary.Evidence)
        return NodeEvidence.decode(answer.evidence)


class SimulatedClient:
    """A client made of protocol primitives, for tests that must control every byte."""

    def __init__(self, host: HostSimulator, seed: bytes) -> None:
        self.host = host
        self.key = SigningKey(derive(seed, Context.KDF_CLIENT_RESULT, b"test key"))
        self.seed = seed
        self.count = 0
        self.tickets: list[bytes] = []
        self.server_key, self.epoch = b"", 0

    def fresh(self) -> bytes:
        """Return 32 bytes that this client has not used before."""
        self.count += 1
        return derive(self.seed, Context.KDF_CLIENT_RESULT, self.count.to_bytes(4, "big"))

    @property
    def chain_id(self) -> bytes:
        return self.host.genesis.chain_id()

    def key_request(self, **changes: object) -> tuple[SignedKeyRequest, HpkeKey]:
        """Return a signed key request and the key of its reply; `changes` replace its fields."""
        reply = HpkeKey(self.fresh())
        fields: dict[str, object] = {
            "client_key": self.key.public,
            "reply_key": reply.public,
            "nonce": self.fresh(),
            "evidence_digest": bytes(32),
            "chain_id": self.chain_id,
            "invite": None,
        }
        request = KeyRequest(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name, checked at decode
        return SignedKeyRequest.sign(request, self.key), reply

    def contact(self, *, now_ms: int | None = None, **changes: object) -> KeyAnswer:
        """Make first contact, and keep server key and tickets."""
        signed, reply = self.key_request(**changes)
        node = self.host.evidence()
        record = node.epoch.record
        sealed = SealedKeyRequest.seal(signed, record.intake_key, self.chain_id, record.epoch)
        now_ms = self.host.time_ms if now_ms is None else now_ms
        answer = self.host.ask(
            boundary.FirstContact(sealed.encode(), now_ms), boundary.FirstContactAnswer
        )
        opened = reply.open(answer.sealed, Context.HPKE_KEY_ANSWER, self.chain_id, signed.digest())
        verified = SignedKeyAnswer.decode(opened).verify(node.recorder.attested.signing_key)
        self.server_key, self.epoch = verified.server_key, verified.epoch
        self.tickets = list(verified.tickets)
        return verified

    def request(self, app: str, method: str, arguments: bytes, **changes: object) -> Request:
        """Return a request; `changes` replace its fields."""
        fields: dict[str, object] = {
            "client_key": self.key.public,
            "request_id": self.fresh(),
            "not_before_ms": self.host.time_ms - 1000,
            "expiry_ms": self.host.time_ms + 600_000,
            "chain_id": self.chain_id,
            "incarnation": 0,
            "app": app,
            "method": method,
            "arguments": arguments,
            "response_key": self.fresh(),
            "result_key": self.fresh(),
            "ordering": "single-host",
        }
        return Request(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name, checked at decode

    def seal(
        self, signed: SignedRequest, *, ticket: bytes | None = None, purpose: str = "request"
    ) -> bytes:
        """Return the envelope's bytes, under the next ticket or the one given."""
        return Envelope.seal(
            signed,
            server_key=self.server_key,
            chain_id=self.chain_id,
            epoch=self.epoch,
            ticket=self.tickets.pop() if ticket is None else ticket,
            purpose=purpose,
        ).encode()

    def envelope(self, request: Request) -> bytes:
        """Return the signed and sealed request."""
        return self.seal(SignedRequest.sign(request, self.key))

    def sign(self, request: Request) -> SignedRequest:
        """Return the request under this client's signature."""
        return SignedRequest.sign(request, self.key)

    def notarize(self, **changes: object) -> Request:
        """Return a request for the smallest app."""
        arguments = notary.Notarize(self.fresh()).encode()
        return self.request(notary.APP, notary.NOTARIZE, arguments, **changes)

    def read(self, request: Request, *, purpose: str = "read") -> ReadAnswer:
        """Have `request` answered without order, and return the opened answer."""
        envelope = self.seal(self.sign(request), purpose=purpose)
        answer = self.host.ask(boundary.Read(envelope, self.host.time_ms), boundary.Answer)
        return SealedReadAnswer.decode(answer.sealed).open(request.response_key)

    def account(self, start: int = 0) -> AccountPage:
        """Return a page of this client's own account."""
        request = self.request(account.APP, account.LIST, AccountList(start).encode())
        return AccountPage.decode(self.read(request).result)

    def open(self, result: BlockResult, index: int, request: Request) -> Response:
        """Return the response that entry `index` of a block holds for `request`."""
        header = BlockHeader.decode(result.header)
        part = public(result.entries[index])
        return Response.open(
            part.sealed or b"", request.response_key, header.exec_id(part.epoch, index)
        )


def public(entry: Executed) -> PublicPart:
    """Return an entry's public part."""
    return PublicPart.decode(entry.public)
