"""Genesis, checkpoints, receipts and proofs of entries, as `docs/spec/ledger.md` defines them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cbor2
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message
from strict import (
    Flag,
    Form,
    Many,
    Maybe,
    Number,
    Octets,
    Refused,
    Text,
    Value,
    decode,
    h,
    require,
    u64,
    verify_signature,
)

KIB = 1024
UINT32 = 2**32 - 1
FACTS = -70100
ORDERINGS = ("anchored", "bft", "single-host")
SOURCES = ("bft", "host")

TASK_POLICY = Form(
    "task-policy/1",
    512 * KIB,
    wall_s=Number(3600),
    memory=Number(16 * KIB**3),
    output=Number(8 * KIB**2),
    outputs=Number(32 * KIB**2),
    workers=Number(64),
)
EPOCH_POLICY = Form("epoch-policy/1", 512 * KIB, blocks=Number(UINT32), grace=Number(UINT32))
CONFIGURATION = Form(
    "configuration/1",
    4 * KIB,
    platform=Text(40, "simulated"),
    admission=Text(40, "invite", "open"),
    invite_key=Maybe(Octets(32)),
    ordering=Text(40, *ORDERINGS),
    time_source=Text(40, *SOURCES),
    tasks=TASK_POLICY,
    epochs=EPOCH_POLICY,
)
GENESIS = Form(
    "genesis/1",
    8 * KIB,
    configuration=CONFIGURATION,
    measurement=Octets(48),
    simulated_root=Maybe(Octets(32)),
    allow_simulated=Flag(),
    nonce=Octets(32),
    created_ms=Number(),
)
HEADER = Form(
    "block/1",
    KIB,
    chain_id=Octets(32),
    height=Number(),
    time_ms=Number(),
    previous=Octets(32),
    data_hash=Octets(32),
    previous_app_hash=Octets(32),
)
ENTRY = Form(
    "entry/1",
    512 * KIB,
    kind=Text(40, "epoch", "finish", "request", "start", "void"),
    task_hash=Maybe(Octets(32)),
    code=Text(40),
    epoch=Number(UINT32),
    measurement=Octets(48),
    claims=Maybe(Octets(32)),
    sealed=Maybe(Octets(512 * KIB, exactly=False)),
    body=Maybe(Octets(512 * KIB, exactly=False)),
)
PROOF = Form(
    "proof/1",
    520 * KIB,
    header=HEADER,
    index=Number(UINT32),
    public=Octets(512 * KIB, exactly=False),
    writes=Octets(32),
    receipt=Octets(2 * KIB, exactly=False),
)


@dataclass(frozen=True)
class Chain:
    """What genesis fixes."""

    chain_id: bytes
    fingerprint: bytes
    genesis: dict[str, Value]
    configuration: dict[str, Value]
    configuration_digest: bytes


def chain_of(encoded: bytes) -> Chain:
    """Return the chain that the encoded genesis makes."""
    genesis = GENESIS.read(encoded)
    chain_id = h("genesis", encoded)
    digest = h("config", cbor2.dumps(genesis["configuration"], canonical=True))
    root = genesis["simulated_root"] or b""
    fingerprint = h("fingerprint", chain_id, genesis["measurement"], digest, root)
    configuration = CONFIGURATION.fields_of(genesis["configuration"])
    return Chain(chain_id, fingerprint, genesis, configuration, digest)


@dataclass(frozen=True)
class Receipt:
    """A receipt taken apart; nothing of it is verified."""

    message: list[Value]
    facts: dict[str, Value]
    key_id: bytes
    size: int
    index: int
    path: list[bytes]


def key_id(key: bytes) -> bytes:
    """Return the name of a public key."""
    return h("key-id", key)[:8]


_FACTS = Form(
    "facts",
    0,
    chain_id=Octets(32),
    height=Number(),
    size=Number(),
    first=Number(),
    time_ms=Number(),
    state_root=Octets(32),
    block_hash=Octets(32),
    epoch=Number(),
    ordering=Text(40, *ORDERINGS),
    time_source=Text(40, *SOURCES),
)


def receipt_of(encoded: bytes) -> Receipt:
    """Take a receipt apart, refusing every other form."""
    require(len(encoded) <= 2 * KIB, "a receipt over its bound")
    tagged = decode(encoded, tags=True)
    require(isinstance(tagged, cbor2.CBORTag) and tagged.tag == 18, "not a COSE_Sign1")
    parts = tagged.value
    require(type(parts) is list and len(parts) == 4, "a COSE_Sign1 has four parts")
    protected, unprotected, payload, signature = parts
    require(type(protected) is bytes and type(signature) is bytes, "a part of a wrong type")
    require(len(signature) == 64, "a signature of a wrong size")
    require(payload is None, "a receipt's payload is detached")
    headers = decode(protected)
    require(type(headers) is dict and set(headers) == {1, 4, 15, 395, FACTS}, "other headers")
    require(headers[1] == -8 and headers[395] == 1, "another algorithm or tree")
    require(headers[15] == {1: "adyton", 2: "checkpoint/1"}, "other CWT claims")
    require(type(headers[4]) is bytes and len(headers[4]) == 8, "a key id has 8 bytes")
    facts = headers[FACTS]
    require(type(facts) is list, "the facts are a list")
    _FACTS.check(["facts", *facts])
    index, size, path = _inclusion(unprotected)
    named = _FACTS.fields_of(["facts", *facts])
    require(named["size"] == size, "the size is not the signed one")
    return Receipt([protected, unprotected, None, signature], named, headers[4], size, index, path)


def _inclusion(unprotected: Value) -> tuple[int, int, list[bytes]]:
    proofs: Value = None
    if type(unprotected) is dict and len(unprotected) == 1:
        proofs = unprotected.get(396)
    require(type(proofs) is dict and set(proofs) == {-1}, "not one kind of proofs")
    require(type(proofs[-1]) is list and len(proofs[-1]) == 1, "not one inclusion proof")
    require(type(proofs[-1][0]) is bytes, "a proof is encoded")
    parts = decode(proofs[-1][0])
    require(type(parts) is list and len(parts) == 3, "an inclusion proof has three parts")
    size, index, path = parts
    numbers = type(size) is int and type(index) is int and 0 <= index < size
    require(numbers, "size or index is out of range")
    Many(64, Octets(32)).check(path)
    return index, size, path


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    node, last, rest = index, size - 1, list(path)
    result = leaf
    while rest:
        require(last > 0, "an inclusion proof that is too long")
        sibling = rest.pop(0)
        if node & 1 or node == last:
            result = hashlib.sha256(b"\x01" + sibling + result).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = hashlib.sha256(b"\x01" + result + sibling).digest()
        node, last = node >> 1, last >> 1
    require(last == 0, "an inclusion proof that is too short")
    return result


def verify_cose(message: list[Value], payload: bytes, key: bytes) -> None:
    """Verify a COSE_Sign1 by pycose, and the edge cases of Ed25519 beside it."""
    protected, _, _, signature = message
    try:
        cose = Sign1Message.from_cose_obj([protected, {}, payload, signature], True)
        cose.key = OKPKey(crv="ED25519", x=key, optional_params={"ALG": "EDDSA"})
        holds = cose.verify_signature()
    except Refused:
        raise
    except Exception as problem:
        raise Refused(f"not a signature that can be verified: {problem}") from problem
    require(holds, "the signature does not verify")
    signed = cbor2.dumps(["Signature1", protected, b"", payload], canonical=True)
    verify_signature(key, signature, signed)


@dataclass(frozen=True)
class Entry:
    """A verified entry."""

    part: dict[str, Value]
    facts: dict[str, Value]
    header: dict[str, Value]
    index: int

    def exec_id(self) -> bytes:
        """Return the name of the execution."""
        header = self.header
        return h(
            "exec-id",
            header["chain_id"],
            u64(self.facts["epoch"]),
            u64(header["height"]),
            header["previous_app_hash"],
            u64(header["time_ms"]),
            header["data_hash"],
            u64(self.index),
        )


def verify_entry(proof: dict[str, Any], keys: dict[bytes, bytes], chain: Chain) -> Entry:
    """Verify the proof of an entry under the recorder keys, by their ids."""
    header = HEADER.fields_of(proof["header"])
    encoded_header = cbor2.dumps(proof["header"], canonical=True)
    require(len(encoded_header) <= HEADER.most, "a header over its bound")
    receipt = receipt_of(proof["receipt"])
    part = ENTRY.read(proof["public"])
    facts = receipt.facts
    named = facts["chain_id"] == header["chain_id"] == chain.chain_id
    require(named, "the proof is of another chain")
    require(facts["block_hash"] == h("block", encoded_header), "the checkpoint is of another block")
    same = all(facts[name] == header[name] for name in ("height", "time_ms"))
    require(same, "height or time is not the signed one")
    key = keys.get(receipt.key_id, b"")
    require(key != b"", "the key that signed has no evidence")
    data = h("public-part", proof["public"]) + proof["writes"] + (part["claims"] or bytes(32))
    leaf = hashlib.sha256(b"\x00" + data).digest()
    verify_cose(receipt.message, root_of(leaf, receipt.index, receipt.size, receipt.path), key)
    require(receipt.index == facts["first"] + proof["index"], "another place in the block")
    agreed = all(facts[n] == chain.configuration[n] for n in ("ordering", "time_source"))
    require(agreed, "ordering or time source is not that of genesis")
    return Entry(part, facts, header, proof["index"])
