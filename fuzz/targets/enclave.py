"""What the host or a client hands the enclave: frames, requests, envelopes and what is in them, stored state."""

from __future__ import annotations

import socket
import tempfile
from functools import cache
from pathlib import Path

from adyton.channel.framing import REPLY, REQUEST, Frame, pack
from adyton.channel.stream import StreamChannel
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, hpke_seal
from adyton.core.errors import UnavailableError, VerificationError
from adyton.core.schema import Message
from adyton.enclave.intake import Intake
from adyton.enclave.sealing import Sealer
from adyton.enclave.state import State
from adyton.protocol import account, boundary, notary
from adyton.protocol.boundary import BlockResult, StatusAnswer
from adyton.protocol.envelope import (
    Envelope,
    Request,
    SealedKeyRequest,
    SignedRequest,
    envelope_info,
    epoch_bytes,
)
from adyton.protocol.padding import pad
from adyton.protocol.task import Task
from fuzz.target import Target, refused_or, require, vector_bytes
from tests.host_simulator import HostSimulator, Refused, SimulatedClient, public
from tests.message_forms import samples
from tools.spec_world import CHAIN_ID, CLIENT, KEYS, TASK

_APPS = ((notary.APP, notary.NOTARIZE), ("tasks", "submit"), (account.APP, account.LIST), ("", ""))


class _NoHost:
    def state_get(self, name: bytes) -> bytes | None:
        return None

    def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        return ()


@cache
def _ticket() -> bytes:
    return KEYS.issue_ticket(CLIENT.public, 0, bytes(12))


def envelope(data: bytes) -> None:
    """An envelope as it comes, then the same bytes as the plaintext of one that opens, then as its signed body."""
    intake = Intake(KEYS, State(KEYS, _NoHost()))
    refused_or(lambda: intake.open(data, "request", 0))
    server = KEYS.server(0, CLIENT.public).public
    info = envelope_info(CHAIN_ID, 0, _ticket())
    signed = SignedRequest(data[:4000], CLIENT.sign(Context.SIGN_REQUEST, data[:4000]))
    for plain in (data, pad(data, least=512), pad(signed.encode(), least=512)):
        sealed = hpke_seal(server, plain, Context.HPKE_REQUEST, *info)
        whole = Envelope(CHAIN_ID, 0, "request", _ticket(), sealed).encode()
        opened = refused_or(lambda whole=whole: intake.open(whole, "request", 0))  # type: ignore[misc]  # mypy infers no default of a lambda
        if opened is not None:
            require(opened.request.client_key == CLIENT.public, "a request is its signer's")


def _envelope_seeds() -> list[bytes]:
    found = [*vector_bytes("envelope", "request")]
    return found + [sample.encode() for cls in (Request, SignedRequest) for sample in samples(cls)]


@cache
def _served() -> tuple[HostSimulator, SimulatedClient]:
    host = HostSimulator(Path(tempfile.mkdtemp(prefix="fuzz-")), sandbox=False)
    host.start()
    return host, SimulatedClient(host, bytes(32))


def block(data: bytes) -> None:
    """A signed, sealed request of any app with these arguments, executed in a block, and the same bytes beside it."""
    host, client = _served()
    if not client.tickets:
        client.contact()
    app, method = _APPS[data[0] % len(_APPS)] if data else ("", "")
    request = client.request(app, method, data[1:])
    result: BlockResult = host.block(client.envelope(request), data, drop=True)
    part = public(result.entries[0])
    require(part.kind == "request", "an admitted request is recorded")
    require(client.open(result, 0, request).code == part.code, "and answered under seal")
    require(
        all(data[1:] not in entry.public for entry in result.entries) or len(data) < 9,
        "nothing is shown",
    )


def request(data: bytes) -> None:
    """A request of the host to a serving enclave: it is answered, whatever it is, and the enclave lives."""
    host, _ = _served()
    answer = host.dispatcher.dispatch(data)
    require(isinstance(answer, Message), "every request is answered")
    status = host.dispatcher.dispatch(boundary.Status().encode())
    alive = isinstance(status, StatusAnswer) and status.lifecycle == "serving"
    # What may end it: the host's own requests to stop, and a block that it made itself and does not store.
    ends = (boundary.Drain.WIRE_NAME, boundary.ApplyBlock.WIRE_NAME)
    if not alive or isinstance(answer, BlockResult):
        require(
            any(name.encode() in data[:16] for name in ends), "only the host's own word ends it"
        )
        _served.cache_clear()


def _request_seeds() -> list[bytes]:
    left_out = (boundary.Drain, boundary.ApplyBlock)
    classes = [cls for cls in boundary.HOST_REQUESTS.values() if cls not in left_out]
    return [sample.encode() for cls in classes for sample in samples(cls)]


def frames(data: bytes) -> None:
    """A stream of frames, cut anywhere."""
    ours, theirs = socket.socketpair()
    channel = StreamChannel(ours)
    with theirs:
        theirs.sendall(data[:4096])
        theirs.shutdown(socket.SHUT_WR)
        read = b""
        try:
            while True:
                frame = channel.receive()
                read += pack(frame)
        except (UnavailableError, VerificationError):
            pass
    channel.close()
    require(data.startswith(read), "the frames read are the bytes that came")


def sealed(data: bytes) -> None:
    """Sealed root and head, and stored values, as a host may hand them back."""
    sealer = Sealer(bytes(32))
    refused_or(lambda: sealer.open_root(data))
    refused_or(lambda: sealer.open_head(data, CHAIN_ID))
    refused_or(lambda: KEYS.open_ticket(data, 0, 0))

    class Host(_NoHost):
        def state_get(self, name: bytes) -> bytes | None:
            return data

        def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
            return ((data[:32].ljust(32, b"\x00"), data[32:]),) if after is None else ()

    state = State(KEYS, Host())

    def load() -> bool:
        state.load(bytes(32), lambda _: None)
        return True

    require(refused_or(load) is None, "no state of a stranger's making is loaded")


def contact(data: bytes) -> None:
    """A first contact, as bytes and as what is sealed to the intake key."""
    host, _ = _served()
    for body in (data, _contact_envelope(data)):
        try:
            host.ask(boundary.FirstContact(body, host.time_ms), boundary.FirstContactAnswer)
        except Refused:
            pass
        except UnavailableError:
            _served.cache_clear()
            raise


def _contact_envelope(data: bytes) -> bytes:
    host, client = _served()
    key = host.dispatcher.chain.keys.intake(0).public
    info = (client.chain_id, epoch_bytes(0))
    sealed_ = hpke_seal(key, data, Context.HPKE_KEY_REQUEST, *info)
    return SealedKeyRequest(client.chain_id, 0, sealed_).encode()


def _contact_seeds() -> list[bytes]:
    _, client = _served()
    signed, _ = client.key_request()
    return [signed.encode(), *vector_bytes("request", "signed")]


TARGETS = (
    Target("envelope", envelope, _envelope_seeds),
    Target(
        "block",
        block,
        lambda: (
            [b"\x00" + notary.Notarize(bytes(32)).encode(), b"\x01" + TASK.encode()]
            + [b"\x01" + sample.encode() for sample in samples(Task)]
        ),
    ),
    Target("request", request, _request_seeds),
    Target(
        "frames", frames, lambda: [pack(Frame(REQUEST, 7, b"body")) + pack(Frame(REPLY, 1, b""))]
    ),
    Target("sealed", sealed, lambda: [bytes(100), SigningKey(bytes(32)).public * 4]),
    Target("contact", contact, _contact_seeds),
)
