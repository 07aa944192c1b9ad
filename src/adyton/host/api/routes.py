"""The routes that are not busy: reads, chain pages, blobs, evidence, checkpoints, health."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from adyton.core import limits
from adyton.core.errors import RollbackError, UnavailableError, UsageError
from adyton.host.api import hot
from adyton.host.api.exchange import Answer, Exchange
from adyton.host.api.forms import body_bound, from_hex, read_field, to_uint
from adyton.host.blobs import UPLOAD
from adyton.host.bounds import DOWNLOAD_CHUNK
from adyton.host.metrics import CONTENT_TYPE
from adyton.host.node import Node, clock_ms
from adyton.host.records import start_evidence
from adyton.protocol.boundary import Answer as ReadReply
from adyton.protocol.boundary import Evidence, Read, ShowEvidence

OCTETS: Final = b"application/octet-stream"
_UPLOAD_BOUND: Final = limits.BLOB + 4096
_NONE: Final[frozenset[str]] = frozenset()


async def post_read(node: Node, exchange: Exchange) -> Answer:
    """Pass a read to the enclave: it is answered at once and leaves no trace."""
    exchange.query(_NONE)
    body = await exchange.body(body_bound(limits.ENVELOPE))
    envelope = read_field(body, exchange.content_type, "envelope", limits.ENVELOPE)
    hot.require_envelope(node, envelope, "read")
    reply = await node.ask(exchange.address, Read(envelope, clock_ms()), ReadReply)
    return exchange.answer({"answer": reply.sealed})


async def get_block(node: Node, exchange: Exchange) -> Answer:
    """Show a task when its hash is given, else a page of the chain."""
    if b"task_hash=" in exchange.scope["query_string"]:
        return await hot.get_task(node, exchange)
    parameters = exchange.query(frozenset(("from", "limit")))
    start = max(to_uint(parameters.get("from", "0")), 1)
    most = max(to_uint(parameters.get("limit", str(limits.PAGE_BLOCKS))), 1)
    height = node.store.height
    blocks = await node.pages.blocks(start, most, height)
    return exchange.answer({"genesis": node.genesis, "height": height, "blocks": blocks})


async def get_receipt(node: Node, exchange: Exchange) -> Answer:
    """Show a task's entries as they are now."""
    parameters = exchange.query(frozenset(("task_hash",)))
    name = from_hex(parameters.get("task_hash", ""), 32)
    proofs = [entry.proof(node.store.tree) for entry in hot.find(node, name)]
    return exchange.answer({"proofs": proofs})


async def get_checkpoint(node: Node, exchange: Exchange) -> Answer:
    """Show the newest checkpoint, and that one size of the log is a prefix of another."""
    parameters = exchange.query(frozenset(("from", "to")))
    tree, last = node.store.tree, node.store.last_block()
    if last is None:
        raise UnavailableError("enclave_down", "no block is committed yet")
    old = to_uint(parameters.get("from", "0"))
    new = to_uint(parameters["to"]) if "to" in parameters else last.size
    if max(old, new) > last.size:
        raise RollbackError("rollback", "the log is smaller than the size asked for")
    if old > new:
        raise UsageError("bad_argument", "from is larger than to")
    proof = tree.consistency(old, new)
    return exchange.answer({"checkpoint": last.encoded_checkpoint, "consistency": proof})


async def get_evidence(node: Node, exchange: Exchange) -> Answer:
    """Show fresh evidence over a nonce, or the announced evidence of a key."""
    parameters = exchange.query(frozenset(("nonce", "key_id")))
    if len(parameters) != 1:
        raise UsageError("bad_argument", "give either nonce or key_id")
    if "key_id" in parameters:
        entry = node.store.announced(from_hex(parameters["key_id"], 8))
        return exchange.answer({"evidence": start_evidence(entry.public)})
    nonce = from_hex(parameters["nonce"], 16, limits.NONCE)
    node.require_enclave()
    node.evidence_rate.take(exchange.address)
    reply = await node.ask(exchange.address, ShowEvidence(nonce), Evidence)
    return exchange.answer({"evidence": reply.evidence})


async def put_blob(node: Node, exchange: Exchange) -> Answer:
    """Store a blob under its hash."""
    exchange.query(_NONE)
    id_ = _blob_id(exchange)
    if await node.with_blobs(node.blobs.path, id_) is not None:
        return exchange.answer({"id": id_}, 201)
    parts = exchange.parts(_UPLOAD_BOUND)
    # A place is taken when something arrives: a header alone must not keep others from theirs.
    first = await anext(parts, b"")
    with node.uploads.held(exchange.address):
        await _write_blob(node, id_, first, parts)
    return exchange.answer({"id": id_}, 201)


async def _write_blob(node: Node, id_: bytes, first: bytes, parts: AsyncIterator[bytes]) -> None:
    writer = await node.with_blobs(node.blobs.writer, id_, UPLOAD)
    held = bytearray(first)
    try:
        async for part in parts:
            held += part
            if len(held) >= DOWNLOAD_CHUNK:
                await node.with_blobs(writer.write, bytes(held))
                held.clear()
        await node.with_blobs(writer.write, bytes(held))
    except BaseException:
        await asyncio.shield(node.with_blobs(writer.abandon))
        raise
    await node.with_blobs(writer.finish)


async def get_blob(node: Node, exchange: Exchange) -> Answer:
    """Stream a blob."""
    exchange.query(_NONE)
    path = await node.with_blobs(node.blobs.path, _blob_id(exchange))
    if path is None:
        raise UsageError("not_found", "no such blob")
    try:
        file, size = await node.with_blobs(_open, path)
    except OSError:
        raise UsageError("not_found", "no such blob") from None
    if exchange.method == "HEAD":
        file.close()
        return Answer(OCTETS, b"", size=size)
    return Answer(OCTETS, b"", stream=_stream(node, file), size=size)


async def get_health(node: Node, exchange: Exchange) -> Answer:
    """Say that the server serves."""
    exchange.query(_NONE)
    node.require_engine()
    value: dict[str, Any] = {
        "status": "serving",
        "chain_id": node.chain_id,
        "height": node.store.height,
        "size": node.store.tree.size,
    }
    return exchange.answer(value)


async def get_metrics(node: Node, exchange: Exchange) -> Answer:
    """Show the counters."""
    exchange.query(_NONE)
    return Answer(CONTENT_TYPE.encode(), node.metrics_text())


def _blob_id(exchange: Exchange) -> bytes:
    return from_hex(exchange.path.removeprefix("/blob/"), 32)


def _open(path: Path) -> tuple[BinaryIO, int]:
    file = path.open("rb")
    return file, path.stat().st_size


async def _stream(node: Node, file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while part := await node.with_blobs(file.read, DOWNLOAD_CHUNK):
            yield part
    finally:
        file.close()
