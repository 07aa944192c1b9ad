"""The functions of vectors of DIDs, status lists, pseudonyms and range proofs."""

from typing import Any

from adyton.client.range_check import verify_range_proof
from adyton.enclave.range_prover import RangeProver
from adyton.protocol.credentials.did import own_did, own_name, read_did, read_own
from adyton.protocol.credentials.did_document import DidDocument
from adyton.protocol.credentials.did_json import (
    document_json,
    read_own_document,
    read_pinned,
)
from adyton.protocol.credentials.did_jwk import resolve_did_jwk
from adyton.protocol.credentials.did_key import resolve_did_key
from adyton.protocol.credentials.pseudonym import pseudonym
from adyton.protocol.credentials.range_proof import RangeProof, Statement
from adyton.protocol.credentials.status import ListKind, StatusReference
from adyton.protocol.credentials.status_bitstring import read_bitstring_list
from adyton.protocol.credentials.status_list import StatusList, page_of, status_of
from adyton.protocol.credentials.status_token import read_token_list
from tools.spec_functions_credential import key_of

Given = dict[str, Any]


def _resolve_did(given: Given) -> Given:
    did = read_did(given["did"])
    resolve = resolve_did_jwk if did.method == "jwk" else resolve_did_key
    return {"document": document_json(resolve(did))}


def _read_own_did(given: Given) -> Given:
    chain_id = bytes.fromhex(given["chain_id"])
    name = own_name(chain_id, bytes.fromhex(given["client_key"]), bytes.fromhex(given["salt"]))
    read_own(read_did(given["did"]), chain_id)
    return {"name": name.hex(), "did": str(own_did(chain_id, name))}


def _read_did_document(given: Given) -> Given:
    did, document = read_did(given["did"]), given["document"].encode()
    read = read_own_document if did.method == "adyton" else read_pinned
    return {"keys": keys_of(read(document, did))}


def keys_of(document: DidDocument) -> list[Any]:
    return [
        [document.url(method), method.key.curve, method.key.data.hex(), list(method.purposes)]
        for method in document.methods
    ]


def list_of(given: Given) -> StatusList:
    key = key_of(given["key"], "the issuer's key")
    uri, issuer, now_s = given["uri"], bytes.fromhex(given["issuer"]), given["now_s"]
    if given["kind"] == "token":
        return read_token_list(given["token"], uri=uri, issuer=issuer, key=key, now_s=now_s)
    return read_bitstring_list(
        given["token"], uri=uri, issuer=issuer, iss=given["iss"], key=key, now_s=now_s
    )


def _read_status_list(given: Given) -> Given:
    made = list_of(given)
    return {"head": made.head.encode().hex(), "pages": len(made.statuses.pages())}


def _look_up_status(given: Given) -> Given:
    made, place = list_of(given["list"]), given["place"]
    reference = StatusReference(
        ListKind(place["kind"]), place["uri"], place["index"], place["purpose"]
    )
    page = made.statuses.pages()[page_of(made.head, reference)]
    status = status_of(made.head, page, reference, now_s=given["now_s"], oldest_s=given["oldest_s"])
    return {"status": status.name.lower()}


def _pseudonym(given: Given) -> Given:
    made = pseudonym(
        bytes.fromhex(given["secret"]),
        bytes.fromhex(given["party"]),
        given["issuer"],
        given["claim"],
        given["value"],
    )
    return {"pseudonym": made.hex()}


def _make_range_proof(given: Given) -> Given:
    statement = Statement(given["cutoff_day"], bytes.fromhex(given["bound"]))
    made = RangeProver(bytes(32)).prove(
        bytes.fromhex(given["secret"]), statement, given["birth_day"]
    )
    return {"range_proof": made.encode().hex()}


def _verify_range_proof(given: Given) -> Given:
    statement = Statement(given["cutoff_day"], bytes.fromhex(given["bound"]))
    unverified = RangeProof.decode(bytes.fromhex(given["range_proof"]))
    verify_range_proof(unverified, statement)
    return {"least": statement.least}
