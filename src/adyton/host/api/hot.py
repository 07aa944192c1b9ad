"""The busy routes: `POST /task`, `POST /key`, and the lookup of a task.

Trust: runs in the untrusted host. Nothing here opens anything; the early checks spare the enclave work that it would
refuse itself.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import InvariantError, RollbackError, UsageError, VerificationError
from adyton.host import splice
from adyton.host.api.exchange import Answer, Exchange
from adyton.host.api.forms import CBOR, body_bound, from_hex, read_field, to_uint
from adyton.host.node import Node, clock_ms
from adyton.host.records import Recorded, view_consistency
from adyton.protocol.boundary import FirstContact, FirstContactAnswer
from adyton.protocol.envelope import Envelope, SealedKeyRequest, task_hash

_VIEW: Final = frozenset(("view",))
_NONE: Final[frozenset[str]] = frozenset()
_TASK: Final = frozenset(("task_hash", "wait", "view"))
_ENVELOPE_BODY: Final = body_bound(limits.ENVELOPE)
_KEY_BODY: Final = body_bound(limits.KEY_REQUEST)


async def post_task(node: Node, exchange: Exchange) -> Answer:
    """Order an envelope; answer with its entry's proof once the block is committed."""
    parameters = exchange.query(_VIEW)
    view = to_uint(parameters["view"]) if parameters else 0
    body = await exchange.body(_ENVELOPE_BODY)
    envelope = read_field(body, exchange.content_type, "envelope", limits.ENVELOPE)
    require_envelope(node, envelope, "request")
    name = task_hash(envelope)
    entry = await node.require_engine().submit(name, envelope)
    proof, nodes = entry.proof(node.store.tree), consistency(node, view, entry)
    if CBOR in exchange.accept:
        return Answer(CBOR, task_body(name, proof, nodes))
    return exchange.answer({"task_hash": name, "proof": proof, "consistency": nodes})


def task_body(name: bytes, proof: bytes, nodes: list[bytes]) -> bytes:
    """Return the CBOR answer to `POST /task`; its keys stand in deterministic order."""
    return b"".join(
        (
            b"\xa3\x65proof",
            splice.byte_string(proof),
            b"\x69task_hash",
            splice.byte_string(name),
            b"\x6bconsistency",
            splice.nodes(nodes),
        )
    )


async def post_key(node: Node, exchange: Exchange) -> Answer:
    """Pass a sealed key request to the enclave."""
    exchange.query(_NONE)
    body = await exchange.body(_KEY_BODY)
    request = read_field(body, exchange.content_type, "request", limits.KEY_REQUEST)
    # Form first: what the enclave would refuse unopened takes nobody's share of the rate.
    if SealedKeyRequest.decode(request).chain_id != node.chain_id:
        raise VerificationError("wrong_chain", "the key request is for another chain")
    node.require_enclave()
    node.key_rate.take(exchange.address)
    asked = FirstContact(request, clock_ms())
    answer = await node.ask(exchange.address, asked, FirstContactAnswer)
    return exchange.answer({"answer": answer.sealed})


async def get_task(node: Node, exchange: Exchange) -> Answer:
    """Show a task's entries; with `wait`, once its end is there, or after that many seconds."""
    parameters = exchange.query(_TASK)
    name = from_hex(parameters.get("task_hash", ""), 32)
    view = to_uint(parameters.get("view", "0"))
    wait = to_uint(parameters.get("wait", "0"), limits.WAIT_S)
    entries = find(node, name)
    if wait and not entries[-1].finished:
        entries = await _wait_for_end(node, exchange, name, wait)
    return task_answer(node, exchange, name, entries, view)


def find(node: Node, name: bytes) -> list[Recorded]:
    """Return a task's entries.

    Raises:
        UsageError: `not_found`.
    """
    entries = node.store.find(name)
    if not entries:
        raise UsageError("not_found", "no task of that hash is recorded here")
    return entries


def task_answer(
    node: Node, exchange: Exchange, name: bytes, entries: list[Recorded], view: int
) -> Answer:
    """Return the answer that shows a task's entries."""
    value: dict[str, Any] = {
        "task_hash": name,
        "proofs": [entry.proof(node.store.tree) for entry in entries],
        "finished": entries[-1].finished,
        "consistency": consistency(node, view, entries[-1]),
    }
    return exchange.answer(value)


def consistency(node: Node, view: int, last: Recorded) -> list[bytes]:
    """Return the proof between the client's view and the last entry's tree.

    Raises:
        RollbackError: the view is larger than the log.
    """
    if view > node.store.tree.size:
        raise RollbackError("rollback", "the log is smaller than the view")
    return view_consistency(node.store.tree, view, last.block.size)


def require_envelope(node: Node, unverified: bytes, purpose: str) -> None:
    """Refuse what is no envelope for this chain and route.

    Raises:
        MalformedError: not the one encoding of an envelope.
        VerificationError: of another chain.
        UsageError: for another route.
    """
    if splice.is_envelope(unverified, node.chain_id, purpose):
        return
    envelope = Envelope.decode(unverified)
    if envelope.chain_id != node.chain_id:
        raise VerificationError("wrong_chain", "the envelope is for another chain")
    if envelope.purpose != purpose:
        raise UsageError("bad_argument", f"the envelope's purpose is not {purpose}")
    raise InvariantError("invariant", "an envelope that the short check refuses")


async def _wait_for_end(node: Node, exchange: Exchange, name: bytes, wait: int) -> list[Recorded]:
    with node.waiters.waiting(name) as woken:
        # Looked up again: the end may have been recorded between the first look and the registration.
        entries = find(node, name)
        if entries[-1].finished:
            return entries
        gone = asyncio.ensure_future(exchange.disconnected())
        try:
            await asyncio.wait((woken, gone), timeout=wait, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
    return find(node, name)
