"""`POST /tasks`: many envelopes in one HTTP request, each ordered, answered and refused for itself.

What a request costs beside the enclave's work is mostly HTTP; a gateway that serves many clients spares it.

Trust: runs in the untrusted host. Nothing here opens anything.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import Error
from adyton.host import splice
from adyton.host.api.exchange import Answer, Exchange
from adyton.host.api.forms import CBOR, body_bound, read_list, to_uint
from adyton.host.api.hot import consistency, require_envelope
from adyton.host.node import Node
from adyton.host.records import Recorded
from adyton.protocol.envelope import task_hash

_VIEW: Final = frozenset(("view",))
_BODY: Final = body_bound(limits.BATCH_BYTES)
_SMALL: Final = body_bound(limits.ENVELOPE)  # what anybody may have one request hold


async def post_tasks(node: Node, exchange: Exchange) -> Answer:
    """Order envelopes; answer with a proof or a refusal of each, in their order, once all of them are settled."""
    parameters = exchange.query(_VIEW)
    view = to_uint(parameters["view"]) if parameters else 0
    if exchange.content_length is not None and exchange.content_length <= _SMALL:
        return await _answered(node, exchange, view, await exchange.body(_SMALL))
    parts = exchange.parts(_BODY)
    # A place is taken when something arrives: a header alone must not keep others from theirs.
    first = await anext(parts, b"")
    with node.batches.held(exchange.address):
        body = b"".join([first, *[part async for part in parts]])
        return await _answered(node, exchange, view, body)


async def _answered(node: Node, exchange: Exchange, view: int, body: bytes) -> Answer:
    envelopes = read_list(
        body, exchange.content_type, "envelopes", limits.ENVELOPE, limits.BATCH_ENVELOPES
    )
    names = [task_hash(envelope) for envelope in envelopes]
    submitted = [
        _submitted(node, name, envelope) for name, envelope in zip(names, envelopes, strict=True)
    ]
    settled = [await _settled(one) for one in submitted]
    recorded = [one for one in settled if isinstance(one, Recorded)]
    newest = max(recorded, key=lambda entry: entry.block.size, default=None)
    nodes = [] if newest is None else consistency(node, view, newest)
    if CBOR in exchange.accept:
        answers = [_cbor_answer(node, name, one) for name, one in zip(names, settled, strict=True)]
        return Answer(
            CBOR,
            b"".join(
                (
                    b"\xa2\x67answers",
                    splice.head(4, len(answers)),
                    *answers,
                    b"\x6bconsistency",
                    splice.nodes(nodes),
                )
            ),
        )
    listed = [_answer(node, name, one) for name, one in zip(names, settled, strict=True)]
    return exchange.answer({"answers": listed, "consistency": nodes})


def _submitted(node: Node, name: bytes, envelope: bytes) -> asyncio.Future[Recorded] | Error:
    try:
        require_envelope(node, envelope, "request")
        return node.require_engine().submit(name, envelope)
    except Error as problem:
        return problem


async def _settled(submitted: asyncio.Future[Recorded] | Error) -> Recorded | Error:
    if isinstance(submitted, Error):
        return submitted
    try:
        # Shielded: the same bytes may be awaited by another connection as well.
        return submitted.result() if submitted.done() else await asyncio.shield(submitted)
    except Error as problem:
        return problem


def _answer(node: Node, name: bytes, settled: Recorded | Error) -> dict[str, Any]:
    if isinstance(settled, Error):
        return {"task_hash": name, "code": settled.code}
    return {"task_hash": name, "proof": settled.proof(node.store.tree)}


def _cbor_answer(node: Node, name: bytes, settled: Recorded | Error) -> bytes:
    """Return the encoding of `_answer`; its keys stand in deterministic order."""
    if isinstance(settled, Error):
        code = settled.code.encode()
        return b"".join(
            (
                b"\xa2\x64code",
                splice.head(3, len(code)),
                code,
                b"\x69task_hash",
                splice.byte_string(name),
            )
        )
    proof = settled.proof(node.store.tree)
    return b"".join(
        (b"\xa2\x65proof", splice.byte_string(proof), b"\x69task_hash", splice.byte_string(name))
    )
