"""The one table of routes; the application and the OpenAPI document are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from adyton.core import limits
from adyton.host.api import batch, hot, routes
from adyton.host.api.exchange import Answer, Exchange
from adyton.host.node import Node

Handler = Callable[[Node, Exchange], Awaitable[Answer]]
Schema = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query, or of the path where `place` says so."""

    name: str
    about: str
    schema: Schema
    place: str = "query"
    required: bool = False


@dataclass(frozen=True)
class Route:
    """A route.

    Attributes:
        path: with `{id}` for a part that varies.
        answer: properties of the answer, or None for octets or text of `answer_type`.
        body: name of the body's one field, with `[]` where it is a list; or `octets`; None without a body.
        status: of success.
    """

    method: str
    path: str
    about: str
    handler: Handler
    answer: Schema | None
    parameters: tuple[Parameter, ...] = ()
    body: str | None = None
    status: int = 200
    answer_type: str = "application/octet-stream"


def _bytes(about: str) -> Schema:
    return {"type": "string", "contentEncoding": "base64", "description": about}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _number(most: int = limits.UINT_MAX) -> Schema:
    return {"type": "integer", "minimum": 0, "maximum": most}


def _hex(size: int) -> Schema:
    return {"type": "string", "pattern": f"^[0-9a-f]{{{2 * size}}}$"}


_NODES: Final = _list(_bytes("32-byte node of a consistency proof"))
_PROOF: Final = _bytes("encoded EntryProof")
_TASK_HASH: Final = _bytes("hash of the sealed envelope, 32 bytes")
_VIEW: Final = Parameter("view", "tree size of the client's verified view", _number())
_BLOB_ID: Final = Parameter("id", "hash of the blob", _hex(32), "path", True)
_BLOCK: Final[Schema] = {
    "type": "object",
    "properties": {
        "header": _bytes("encoded BlockHeader"),
        "checkpoint": _bytes("COSE_Sign1 over the log root"),
        "entries": _list(_list(_bytes("public part, then digest of the write set"))),
    },
}
_ONE_ANSWER: Final[Schema] = {
    "type": "object",
    "properties": {
        "task_hash": _TASK_HASH,
        "proof": _PROOF,
        "code": {"type": "string", "description": "why it was refused; then there is no proof"},
    },
}

ROUTES: Final = (
    Route(
        "POST",
        "/key",
        "First contact: server key and tickets of one client, sealed to it.",
        hot.post_key,
        {"answer": _bytes("SignedKeyAnswer, sealed to the reply key")},
        body="request",
    ),
    Route(
        "POST",
        "/task",
        "Order a sealed request; answered once it is executed and committed.",
        hot.post_task,
        {"task_hash": _TASK_HASH, "proof": _PROOF, "consistency": _NODES},
        (_VIEW,),
        "envelope",
    ),
    Route(
        "POST",
        "/tasks",
        "Order many sealed requests; answered once each is executed and committed, or refused.",
        batch.post_tasks,
        {"answers": _list(_ONE_ANSWER), "consistency": _NODES},
        (_VIEW,),
        "envelopes[]",
    ),
    Route(
        "POST",
        "/read",
        "A sealed request that needs no order.",
        routes.post_read,
        {"answer": _bytes("encoded SealedReadAnswer")},
        body="envelope",
    ),
    Route(
        "GET",
        "/block",
        "With task_hash a task's proofs, request first; without it a page of the chain.",
        routes.get_block,
        {
            "task_hash": _TASK_HASH,
            "proofs": _list(_PROOF),
            "finished": {"type": "boolean"},
            "consistency": _NODES,
            "genesis": _bytes("encoded Genesis"),
            "height": _number(),
            "blocks": _list(_BLOCK),
        },
        (
            Parameter("task_hash", "hash of the sealed envelope", _hex(32)),
            Parameter("wait", "seconds to wait for the task's end", _number(limits.WAIT_S)),
            _VIEW,
            Parameter("from", "first height of the page", _number()),
            Parameter("limit", "most blocks of the page", _number()),
        ),
    ),
    Route(
        "PUT",
        "/blob/{id}",
        "Store ciphertext under its hash.",
        routes.put_blob,
        {"id": _bytes("hash of the blob")},
        (_BLOB_ID,),
        "octets",
        201,
    ),
    Route("GET", "/blob/{id}", "Fetch a blob.", routes.get_blob, None, (_BLOB_ID,)),
    Route(
        "GET",
        "/evidence",
        "Evidence: fresh over a nonce, or as announced by the start entry of a key.",
        routes.get_evidence,
        {"evidence": _bytes("encoded NodeEvidence")},
        (
            Parameter(
                "nonce",
                "16 to 32 bytes",
                {"type": "string", "pattern": f"^([0-9a-f]{{2}}){{16,{limits.NONCE}}}$"},
            ),
            Parameter("key_id", "of a recorder's or runner's key", _hex(8)),
        ),
    ),
    Route(
        "GET",
        "/checkpoint",
        "The newest checkpoint, and the consistency proof between two sizes of the log.",
        routes.get_checkpoint,
        {"checkpoint": _bytes("COSE_Sign1"), "consistency": _NODES},
        (Parameter("from", "old size", _number()), Parameter("to", "new size", _number())),
    ),
    Route(
        "GET",
        "/receipt",
        "A task's proofs as they are now.",
        routes.get_receipt,
        {"proofs": _list(_PROOF)},
        (Parameter("task_hash", "hash of the sealed envelope", _hex(32), required=True),),
    ),
    Route(
        "GET",
        "/health",
        "Whether the server serves.",
        routes.get_health,
        {
            "status": {"const": "serving"},
            "chain_id": _bytes("32 bytes"),
            "height": _number(),
            "size": _number(),
        },
    ),
    Route(
        "GET",
        "/metrics",
        "Counters in Prometheus' text format.",
        routes.get_metrics,
        None,
        answer_type="text/plain",
    ),
)
OPENAPI_PATH: Final = "/openapi.json"
