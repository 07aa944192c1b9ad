"""What anybody on the network, or the enclave, hands the host."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from adyton.core import limits
from adyton.core.encoding import encode
from adyton.host import splice
from adyton.host.api.forms import CBOR, JSON, from_hex, parse_query, read_field, read_list, to_uint
from adyton.host.blobs import BlobStore
from adyton.host.modules import ModuleStore
from adyton.host.records import announced_keys, start_evidence
from adyton.host.reverse import ReverseCalls
from adyton.host.store import Store
from adyton.protocol.envelope import Envelope
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.ledger import PublicPart
from adyton.protocol.reverse import ENCLAVE_REQUESTS, BlobDrop, BlobPut
from fuzz.target import Target, refused_or, require, vector_bytes
from tests.message_forms import samples
from tools.spec_world import CHAIN_ID


def body(data: bytes) -> None:
    """A request's body, in either form, of one field or of many."""
    for kind in (JSON, CBOR, data[:20]):
        refused_or(lambda kind=kind: read_field(data, kind, "envelope", 1 << 16))  # type: ignore[misc]  # mypy infers no default of a lambda
        refused_or(lambda kind=kind: read_list(data, kind, "envelopes", 1 << 16, 64))  # type: ignore[misc]  # mypy infers no default of a lambda
    one = refused_or(lambda: read_field(data, CBOR, "envelope", 1 << 16))
    if one is not None:
        require(encode({"envelope": one}) == data, "a body has one encoding")
    many = refused_or(lambda: read_list(data, CBOR, "envelopes", 1 << 16, 64))
    if many is not None:
        require(encode({"envelopes": many}) == data, "a body has one encoding")


def query(data: bytes) -> None:
    """A query string, and what its values are read as."""
    found = refused_or(lambda: parse_query(data, frozenset(("view", "wait", "task_hash"))))
    for value in (found or {}).values():
        refused_or(lambda value=value: from_hex(value, 32))  # type: ignore[misc]  # mypy infers no default of a lambda
        refused_or(lambda value=value: from_hex(value, 16, 32))  # type: ignore[misc]  # mypy infers no default of a lambda
        number = refused_or(lambda value=value: (to_uint(value, limits.WAIT_S),))  # type: ignore[misc]  # mypy infers no default of a lambda
        require(number is None or 0 <= number[0] <= limits.WAIT_S, "a number is within its bound")


def short_check(data: bytes) -> None:
    """The short check of an envelope says what the whole parser says."""
    for chain_id in (CHAIN_ID, data[13:45]):
        envelope = refused_or(lambda: Envelope.decode(data))
        wanted = envelope is not None and (envelope.chain_id, envelope.purpose) == (
            chain_id,
            "request",
        )
        require(splice.is_envelope(data, chain_id, "request") is wanted, "both checks agree")


@cache
def _reverse() -> ReverseCalls:
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    blobs = BlobStore(place / "blobs")

    async def submit(_: bytes) -> object:
        return None

    return ReverseCalls(
        Store(place / "store.sqlite"),
        blobs,
        ModuleStore(place / "modules"),
        ThreadPoolExecutor(1),
        submit,
    )


def reverse(data: bytes) -> None:
    """A reverse call of the enclave: answered, whatever it is; blobs are left to their own tests."""
    if any(name.encode() in data[:16] for name in (BlobPut.WIRE_NAME, BlobDrop.WIRE_NAME)):
        return
    reply = _reverse()(data)
    told = reply if isinstance(reply, bytes) else asyncio.run(_awaited(reply))
    require(bool(told), "every call is answered")


async def _awaited(reply: Awaitable[bytes]) -> bytes:
    return await reply


def entries(data: bytes) -> None:
    """A public part that the enclave left, as the host's index reads it."""
    refused_or(lambda: announced_keys(data))
    refused_or(lambda: start_evidence(data))


def _reverse_seeds() -> list[bytes]:
    return [sample.encode() for cls in ENCLAVE_REQUESTS.values() for sample in samples(cls)]


def _entry_seeds() -> list[bytes]:
    starts = [
        PublicPart("start", None, "", 0, bytes(48), None, None, node.encode())
        for node in samples(NodeEvidence)
    ]
    return [part.encode() for part in (*samples(PublicPart), *starts)]


_BODIES = (
    encode({"envelope": b"x" * 40}),
    encode({"envelopes": [b"x", b"y" * 300]}),
    json.dumps({"envelope": "eA=="}).encode(),
    json.dumps({"envelopes": ["eA==", ""]}).encode(),
)

TARGETS = (
    Target("body", body, lambda: [*_BODIES, *vector_bytes("body")]),
    Target("query", query, lambda: [b"view=7&wait=60&task_hash=" + b"ab" * 32, b"view=%37"]),
    Target("short-check", short_check, lambda: [*vector_bytes("envelope")]),
    Target("reverse", reverse, _reverse_seeds),
    Target("entries", entries, _entry_seeds),
)
