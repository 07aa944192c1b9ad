"""What the vectors of contracts call; see `spec_functions.py`."""

from typing import Any

from adyton.client.borsh import decode_value, encode_value
from adyton.client.contract_interface import read_interface
from adyton.client.contract_receipt import verify_contract_receipt
from adyton.core import errors
from adyton.core.crypto import hpke_public
from adyton.protocol.contract import code_hash, contract_address
from adyton.protocol.derived import open_derived, seal_derived
from adyton.protocol.wasm_module import read_module
from tools.spec_policy import policy_of

Given = dict[str, Any]
_Hex = bytes.fromhex


def _contract_names(given: Given) -> Given:
    exec_id = _Hex(given["exec_id"])
    if len(exec_id) != 32:
        raise errors.UsageError("bad_argument", "an execution's name has 32 bytes")
    hashed = code_hash(_Hex(given["module"]))
    address = contract_address(exec_id, hashed, _Hex(given["deployer"]))
    return {"code_hash": hashed.hex(), "address": address.hex()}


def _read_module(given: Given) -> Given:
    outline = read_module(_Hex(given["module"]))
    return {
        "calls": list(outline.calls),
        "queries": list(outline.queries),
        "init": outline.init,
        "migrate": outline.migrate,
        "memories": list(outline.memories),
        "interface": outline.interface.hex(),
    }


def _read_interface(given: Given) -> Given:
    interface = read_interface(given["text"].encode())
    if interface is None:
        return {}
    return {
        "calls": sorted(interface.calls),
        "queries": sorted(interface.queries),
        "types": sorted(interface.structs),
    }


def _decode_borsh(given: Given) -> Given:
    interface = read_interface(given["text"].encode())
    structs = {} if interface is None else interface.structs
    value = decode_value(given["type"], _Hex(given["data"]), structs)
    encoded = encode_value(given["type"], value, structs, "value")
    if encoded.hex() != given["data"]:
        raise errors.InvariantError("invariant", "two encodings of one value")
    return {"value": str(value) if given["type"] == "u128" else value}


def _seal_derived(given: Given) -> Given:
    sealed = seal_derived(
        _Hex(given["secret"]),
        _Hex(given["exec_id"]),
        given["index"],
        _Hex(given["recipient"]),
        _Hex(given["plaintext"]),
    )
    return {"sealed": sealed.hex()}


def _open_derived(given: Given) -> Given:
    secret = _Hex(given["secret"])
    opened = open_derived(
        secret,
        hpke_public(secret),
        _Hex(given["exec_id"]),
        given["index"],
        _Hex(given["sealed"]),
    )
    return {"plaintext": opened.hex()}


def _verify_contract_receipt(given: Given) -> Given:
    verdict = verify_contract_receipt(
        _Hex(given["receipt"]), policy=policy_of(given), now_ms=given["now_ms"]
    )
    return {
        "height": verdict.accepted_height,
        "task_hash": verdict.task_hash.hex(),
        "shown": dict(verdict.shown),
        "closed": list(verdict.closed),
    }
