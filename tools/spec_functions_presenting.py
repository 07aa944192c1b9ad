"""The functions of vectors of identity: names of records and requests, what a verdict commits to, its proof."""

from typing import Any

from adyton.client.identity_receipt import verify_identity_receipt
from adyton.core.schema import decode_one_of
from adyton.protocol.identity.answers import Verdict
from adyton.protocol.identity.giving_up import last_version
from adyton.protocol.identity.naming import document_of, name_of
from adyton.protocol.identity.record import commitments, proof_bound, proven
from adyton.protocol.identity.registries import RECORDS, DidRecord, PolicyRecord
from adyton.protocol.identity.requests import PresentationRequest
from tools.spec_policy import policy_of

Given = dict[str, Any]


def _record_name(given: Given) -> Given:
    record = decode_one_of(bytes.fromhex(given["record"]), RECORDS)
    chain_id = bytes.fromhex(given["chain_id"])
    if isinstance(record, DidRecord):
        document_of(chain_id, record)
    named = {"name": name_of(chain_id, record).hex()}
    return named | ({"hash": record.hash().hex()} if isinstance(record, PolicyRecord) else {})


def _last_version(given: Given) -> Given:
    held = decode_one_of(bytes.fromhex(given["record"]), RECORDS)
    return {"record": last_version(held).encode().hex()}


def _request_name(given: Given) -> Given:
    request = PresentationRequest.decode(bytes.fromhex(given["request"]))
    return {"name": request.name().hex(), "audience": request.audience, "nonce": request.nonce}


def _commit_verdict(given: Given) -> Given:
    verdict = Verdict.decode(bytes.fromhex(given["verdict"]))
    result_key, exec_id = bytes.fromhex(given["result_key"]), bytes.fromhex(given["exec_id"])
    made = commitments(verdict, result_key, exec_id)
    found = proven(verdict, result_key, exec_id)
    return {
        "commitments": [each.hex() for each in made],
        "bound": proof_bound(made, exec_id).hex(),
        "least": None if found is None else found[0].least,
    }


def _verify_identity_receipt(given: Given) -> Given:
    verdict = verify_identity_receipt(
        bytes.fromhex(given["receipt"]), policy=policy_of(given), now_ms=given["now_ms"]
    )
    return {
        "height": verdict.accepted_height,
        "task_hash": verdict.task_hash.hex(),
        "shown": dict(verdict.shown),
        "closed": list(verdict.closed),
    }
