"""What a vector calls: each function takes the vector's `given` and returns its `gives`, or raises.

Byte strings are lowercase hexadecimal in both.
"""

from collections.abc import Callable
from typing import Any, cast

from adyton.channel.framing import body_size
from adyton.client.certificate import verify_certificate
from adyton.client.chain import ChainVerifier, LocalBlock
from adyton.client.chain_head import parse_head
from adyton.client.compare import verified_head
from adyton.client.conflict import verify_conflict
from adyton.client.notary import verify_notary_receipt
from adyton.client.signers import Signers
from adyton.core import errors
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey
from adyton.core.encoding import decode
from adyton.core.merkle import root_from_inclusion, verify_consistency
from adyton.core.schema import REGISTRY
from adyton.enclave.intake import Intake
from adyton.enclave.reception import Reception
from adyton.enclave.state import State
from adyton.host.api.forms import read_field
from adyton.host.api.problems import problem_body, status_of
from adyton.protocol import task
from adyton.protocol.claims import TASK_FIELDS, verify_opening
from adyton.protocol.envelope import Response, SealedReadAnswer, SignedKeyAnswer
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint, EntryProof
from adyton.protocol.padding import unpad
from adyton.protocol.task import SignedFinish, Task
from tests.unit.attestation.forge import RECORDER
from tools import (
    spec_functions_client,
    spec_functions_contract,
    spec_functions_credential,
    spec_functions_epoch,
    spec_functions_evidence,
    spec_functions_identity,
    spec_functions_mqtt,
    spec_functions_presenting,
    spec_functions_wallet,
)
from tools.spec_diagnostic import diagnostic
from tools.spec_policy import policy_of
from tools.spec_world import KEYS

Given = dict[str, Any]
_Hex = bytes.fromhex


def _decode(given: Given) -> Given:
    value = decode(_Hex(given["bytes"]), max_bytes=4096, tags=given.get("tags", False))
    return {"value": diagnostic(value)}


def _decode_message(given: Given) -> Given:
    made = REGISTRY[given["message"]].decode(_Hex(given["bytes"]))
    return {"value": diagnostic(made.to_value())}


def _unpad(given: Given) -> Given:
    return {"data": unpad(_Hex(given["padded"]), least=given["least"]).hex()}


def _answer_key_request(given: Given) -> Given:
    reception = Reception(KEYS, RECORDER, bytes)
    reception.answer(_Hex(given["request"]), given["now_ms"])
    return {}


def _open_key_answer(given: Given) -> Given:
    chain_id, request_digest = _Hex(given["chain_id"]), _Hex(given["request_digest"])
    opened = HpkeKey(_Hex(given["reply_secret"])).open(
        _Hex(given["answer"]), Context.HPKE_KEY_ANSWER, chain_id, request_digest
    )
    answer = SignedKeyAnswer.decode(opened).verify(_Hex(given["recorder_key"]))
    if answer.request_digest != request_digest or answer.epoch != given["epoch"]:
        raise errors.VerificationError("answer_invalid", "another request's, or another epoch's")
    tickets = [ticket.hex() for ticket in answer.tickets]
    return {"server_key": answer.server_key.hex(), "tickets": tickets}


def _open_envelope(given: Given) -> Given:
    # Opening needs keys alone; admission, which needs the state, is not asked for here.
    intake = Intake(KEYS, cast(State, None))
    opened = intake.open(_Hex(given["envelope"]), given["purpose"], given["now_ms"])
    return {"request": opened.request.encode().hex(), "task_hash": opened.task_hash.hex()}


def _open_response(given: Given) -> Given:
    opened = Response.open(
        _Hex(given["sealed"]), _Hex(given["response_key"]), _Hex(given["exec_id"])
    )
    return {"response": opened.encode().hex()}


def _open_read_answer(given: Given) -> Given:
    answer = SealedReadAnswer.decode(_Hex(given["answer"])).open(_Hex(given["response_key"]))
    return {"answer": answer.encode().hex()}


def _verify_entry_proof(given: Given) -> Given:
    proof = EntryProof.decode(_Hex(given["proof"]))
    part, checkpoint = proof.verify(_Hex(given["recorder_key"]), _Hex(given["chain_id"]))
    return {
        "kind": part.kind,
        "exec_id": proof.exec_id().hex(),
        "height": checkpoint.facts.height,
        "checkpoint": checkpoint.encode().hex(),
    }


def _verify_checkpoint(given: Given) -> Given:
    checkpoint = Checkpoint.decode(_Hex(given["checkpoint"]))
    checkpoint.verify(_Hex(given["recorder_key"]))
    return {"size": checkpoint.facts.size, "root": checkpoint.root.hex()}


def _verify_inclusion(given: Given) -> Given:
    path = [_Hex(node) for node in given["path"]]
    root = root_from_inclusion(_Hex(given["leaf"]), given["index"], given["size"], path)
    return {"root": root.hex()}


def _verify_consistency(given: Given) -> Given:
    verify_consistency(
        given["old"],
        _Hex(given["old_root"]),
        given["size"],
        _Hex(given["root"]),
        [_Hex(node) for node in given["path"]],
    )
    return {}


def _append_blocks(given: Given) -> Given:
    verifier = ChainVerifier(
        _Hex(given["genesis"]), policy=policy_of(given), now_ms=given["now_ms"]
    )
    for block in given["blocks"]:
        entries = tuple((_Hex(public), _Hex(writes)) for public, writes in block["entries"])
        verifier.append(LocalBlock(_Hex(block["header"]), _Hex(block["checkpoint"]), entries))
    return {"height": verifier.height, "size": verifier.size}


def _require_valid_task(given: Given) -> Given:
    Task.decode(_Hex(given["task"])).require_valid()
    return {}


def _verify_finish(given: Given) -> Given:
    return {"finish": SignedFinish.decode(_Hex(given["signed_finish"])).verify().encode().hex()}


def _open_sealed_result(given: Given) -> Given:
    open_ = task.open_result if given["what"] == "result" else task.open_run_info
    opened = open_(
        _Hex(given["sealed"]),
        _Hex(given["result_key"]),
        _Hex(given["exec_id"]),
        given["attempt"],
        _Hex(given["runner_key"]),
    )
    return {"opened": opened.hex()}


def _open_blob(given: Given) -> Given:
    ref = task.BlobRef.decode(_Hex(given["reference"]))
    return {"content": ref.open(_Hex(given["blob"])).hex()}


def _verify_opening(given: Given) -> Given:
    commitments = [_Hex(item) for item in given["commitments"]]
    verify_opening(
        TASK_FIELDS, commitments, given["field"], _Hex(given["salt"]), _Hex(given["value"])
    )
    return {}


def _verify_certificate(given: Given) -> Given:
    verdict = verify_certificate(
        _Hex(given["certificate"]), policy=policy_of(given), now_ms=given["now_ms"]
    )
    return {
        "task_hash": verdict.task_hash.hex(),
        "accepted_height": verdict.accepted_height,
        "finished_height": verdict.finished_height,
        "hardware_rooted": verdict.hardware_rooted,
        "closed": list(verdict.closed),
    }


def _verify_notary_receipt(given: Given) -> Given:
    content = given["content"]
    verdict = verify_notary_receipt(
        _Hex(given["receipt"]),
        content=None if content is None else _Hex(content),
        policy=policy_of(given),
        now_ms=given["now_ms"],
    )
    return {"height": verdict.accepted_height, "task_hash": verdict.task_hash.hex()}


def _verify_conflict(given: Given) -> Given:
    verdict = verify_conflict(
        _Hex(given["conflict"]), policy=policy_of(given), now_ms=given["now_ms"]
    )
    return {
        "proved": verdict.proved,
        "verdict": verdict.headline(),
        "held_size": verdict.held.facts.size,
        "shown_size": verdict.shown.facts.size,
    }


def _verify_head(given: Given) -> Given:
    genesis = Genesis.decode(_Hex(given["genesis"]))
    signers = Signers(genesis, allow_simulated=True, now_ms=given["now_ms"])
    checkpoint = verified_head(parse_head(given["head"]), signers)
    return {"size": checkpoint.facts.size, "root": checkpoint.root.hex()}


def _read_frame_header(given: Given) -> Given:
    size, kind, number = body_size(_Hex(given["header"]))
    return {"body_size": size, "kind": kind, "id": number}


def _read_body(given: Given) -> Given:
    field = read_field(
        _Hex(given["body"]), given["content_type"].encode(), given["field"], given["most"]
    )
    return {given["field"]: field.hex()}


def _problem(given: Given) -> Given:
    cls: type[errors.Error] = getattr(errors, given["class"])
    error = cls(given["code"], errors.CODES[given["code"]])
    status = status_of(error)
    return {"status": status, "body": problem_body(error, status).decode()}


_MODULES = (
    spec_functions_contract,
    spec_functions_client,
    spec_functions_credential,
    spec_functions_epoch,
    spec_functions_evidence,
    spec_functions_wallet,
    spec_functions_identity,
    spec_functions_mqtt,
    spec_functions_presenting,
)
FUNCTIONS: dict[str, Callable[[Given], Given]] = {
    name.removeprefix("_"): function
    for names in (globals(), *map(vars, _MODULES))
    for name, function in list(names.items())
    if name.startswith("_")
    and callable(function)
    and getattr(function, "__module__", "") == names["__name__"]
}
