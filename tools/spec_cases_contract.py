"""The vectors of contracts: modules, interface descriptions, Borsh, sealed events, receipts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from adyton.client.contract_receipt import ContractReceipt
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, digest
from adyton.protocol.certificate import Opening
from adyton.protocol.claims import CONTRACT_FIELDS, claims_digest, commit, salt
from adyton.protocol.contract import (
    Call,
    Contract,
    ContractEntry,
    ContractUsage,
    PublicEvent,
    code_hash,
    contract_address,
)
from adyton.protocol.derived import seal_derived
from adyton.protocol.padding import pad
from tests.unit.attestation.forge import NOW_MS, make_node
from tools.spec_case import Case, flip
from tools.spec_world import FINGERPRINT, GENESIS, RESULT_KEY, Block, World

_BUILT = Path(__file__).resolve().parents[1] / "contracts" / "built"
_EPOCH_SECRET = b"\x21" * 32
_RECIPIENT = b"\x46" * 32
_EXEC_ID = b"\x47" * 32
_CLIENT = b"\x48" * 32
_INVALID = "receipt_invalid"
_INTERFACE = """\
adyton-interface 1
name auction
about Sealed bids at the second price
type Bid amount:u64 place:u64
event closed Bid
init item:string ends_ms:u64 ; Begin; the deployer is the seller
call bid amount:u64 ; Bid, or change a bid of mine
query mine -> option<Bid> ; My own bid
"""


def contract_cases(world: World) -> list[Case]:
    """Return the vectors."""
    return [
        *_message_cases(),
        *_module_cases(),
        *_interface_cases(),
        *_borsh_cases(),
        *_sealed_cases(),
        *_receipt_cases(world),
    ]


def _message_cases() -> list[Case]:
    code = (_BUILT / "counter_c.wasm").read_bytes()
    hashed = code_hash(code)
    address = contract_address(_EXEC_ID, hashed, _CLIENT)
    call = Call(address, "add", (2).to_bytes(8, "little"), 200_000_000)
    contract = Contract(address, hashed, _CLIENT, "never", "single-host", 0, 0, 3)
    event = PublicEvent(address, "closed", b"\x01")
    entry = ContractEntry(contract, (event,), (_sealed(0),))

    def case(name: str, message: bytes, code: str = "") -> Case:
        return Case(name, "decode_message", {"message": name, "bytes": message.hex()}, code)

    return [
        replace(case("contract-call/1", call.encode()), name="a call"),
        replace(case("contract-entry/1", entry.encode()), name="a public entry"),
        replace(case("contract-call/1", call.encode() + b"\x00", "malformed"), name="a call and a byte"),
        Case("the names of a contract", "contract_names", {
            "module": code.hex(), "exec_id": _EXEC_ID.hex(), "deployer": _CLIENT.hex(),
        }),
        Case("the names of what has no execution", "contract_names", {
            "module": code.hex(), "exec_id": "00", "deployer": _CLIENT.hex(),
        }, "bad_argument"),
    ]  # fmt: skip


def _section(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


_HEAD = b"\0asm\x01\0\0\0"
_MEMORY = _section(5, b"\x01\x00\x01")
_EXPORT = _section(7, b"\x01\x06memory\x02\x00")


def _module_cases() -> list[Case]:
    counter = (_BUILT / "counter_c.wasm").read_bytes()
    typed = _HEAD + _section(1, b"\x01\x60\x00\x00") + _section(3, b"\x01\x00") + _MEMORY
    body = _section(10, b"\x01\x02\x00\x0b")

    def exporting(*names: bytes, kind: bytes = b"\x00\x00") -> bytes:
        listed = b"".join(bytes((len(name),)) + name + kind for name in names)
        exports = _section(7, bytes((len(names) + 1,)) + b"\x06memory\x02\x00" + listed)
        return typed + exports + body

    def case(name: str, module: bytes, code: str = "module_refused") -> Case:
        return Case(name, "read_module", {"module": module.hex()}, code)

    interface = _section(0, b"\x10adyton_interface" + b"x")
    return [
        case("a module in C", counter, ""),
        case("the smallest module", _HEAD + _MEMORY + _EXPORT, ""),
        case("every kind of entry", exporting(b"init", b"migrate", b"call:a", b"query:b_2", b"other"), ""),
        case("two memories", _HEAD + _section(5, b"\x02\x00\x01\x01\x01\x02") + _EXPORT, ""),
        case("a memory of the greatest size", _HEAD + _section(5, b"\x01\x00\x80\x02") + _EXPORT, ""),
        case("a count in two bytes", _HEAD + _section(5, b"\x81\x00\x00\x01") + _EXPORT, ""),
        case("nothing", b""),
        case("the text format", b"(module)"),
        case("a component", b"\0asm\x0d\0\x01\0"),
        case("no memory", _HEAD),
        case("a memory that is not exported", _HEAD + _MEMORY),
        case("a table under the memory's name", _HEAD + _MEMORY + _section(7, b"\x01\x06memory\x01\x00")),
        case("a shared memory", _HEAD + _section(5, b"\x01\x03\x01\x01") + _EXPORT),
        case("a memory with 64-bit addresses", _HEAD + _section(5, b"\x01\x04\x01") + _EXPORT),
        case("a memory that begins too large", _HEAD + _section(5, b"\x01\x00\x81\x02") + _EXPORT),
        case("five memories", _HEAD + _section(5, b"\x05" + b"\x00\x01" * 5) + _EXPORT),
        case("sections out of order", _HEAD + _EXPORT + _MEMORY),
        case("a section twice", _HEAD + _MEMORY + _MEMORY + _EXPORT),
        case("an unknown section", _HEAD + _section(14, b"") + _MEMORY + _EXPORT),
        case("a section longer than the module", (_HEAD + _MEMORY + _EXPORT)[:-1]),
        case("a number of 33 bits", _HEAD + _section(5, b"\x01\x00\xff\xff\xff\xff\x1f") + _EXPORT),
        case("a name that is not UTF-8", exporting(b"\xff")),
        case("two exports of one name", exporting(b"init", b"init")),
        case("a method that is no function", exporting(b"call:a", kind=b"\x02\x00")),
        case("a method in capitals", exporting(b"call:A")),
        case("a method without a name", exporting(b"query:")),
        case("a method with too long a name", exporting(b"call:" + b"a" * 33)),
        case("two interface descriptions", _HEAD + interface + interface + _MEMORY + _EXPORT),
    ]  # fmt: skip


def _interface_cases() -> list[Case]:
    def case(name: str, text: str, code: str = "interface") -> Case:
        return Case(name, "read_interface", {"text": text}, code)

    head = "adyton-interface 1\n"
    return [
        case("an interface description", _INTERFACE, ""),
        case("an interface description that says nothing", head, ""),
        case("another version", _INTERFACE.replace(" 1", " 2", 1)),
        case("no line's end", _INTERFACE[:-1]),
        case("an unknown line", head + "colour blue\n"),
        case("a name twice", head + "name a\nname b\n"),
        case("a method twice", head + "call a\ncall a\n"),
        case("a field twice", head + "call a x:u8 x:u8\n"),
        case("a field without a type", head + "call a x\n"),
        case("an unknown type", head + "call a x:u7\n"),
        case("a type that holds itself", head + "type A a:option<A>\n"),
        case("a method that gives two things", head + "query a -> u8 u8\n"),
        case("a name that is none", head + "call 1 x:u8\n"),
        case("a line that steers a terminal", head + "about \x1b[31m\n"),
    ]


def _borsh_cases() -> list[Case]:
    def case(name: str, kind: str, data: bytes, code: str = "") -> Case:
        given = {"text": _INTERFACE, "type": kind, "data": data.hex()}
        return Case(name, "decode_borsh", given, code)

    return [
        case("a u8", "u8", b"\xff"),
        case("a u128", "u128", b"\x00" * 15 + b"\x01"),
        case("an i64", "i64", b"\xff" * 8),
        case("true", "bool", b"\x01"),
        case("a string", "string", b"\x03\x00\x00\x00" + "né".encode()),
        case("bytes", "bytes", b"\x02\x00\x00\x00\x00\xff"),
        case("an address", "address", bytes(range(32))),
        case("a list", "list<u16>", b"\x02\x00\x00\x00\x01\x00\x02\x00"),
        case("nothing of an option", "option<u8>", b"\x00"),
        case("a struct in an option", "option<Bid>", b"\x01" + b"\x05" + bytes(7) + bytes(8)),
        case("a byte too few", "u16", b"\x01", "interface"),
        case("a byte too many", "u8", b"\x01\x02", "interface"),
        case("a bool that is 2", "bool", b"\x02", "interface"),
        case("an option that is 2", "option<u8>", b"\x02\x00", "interface"),
        case("a string that is not UTF-8", "string", b"\x01\x00\x00\x00\xff", "interface"),
        case("a list that says more than it has", "list<u8>", b"\xff\xff\xff\xff\x00", "interface"),
    ]  # fmt: skip


def _sealed(index: int) -> bytes:
    event = PublicEvent(b"\x49" * 32, "closed", b"\x01\x02")
    recipient = HpkeKey(_RECIPIENT).public
    return seal_derived(_EPOCH_SECRET, _EXEC_ID, index, recipient, pad(event.encode(), least=256))


def _sealed_cases() -> list[Case]:
    def case(name: str, code: str = "", **changed: Any) -> Case:
        given: dict[str, Any] = {
            "secret": _RECIPIENT.hex(),
            "exec_id": _EXEC_ID.hex(),
            "index": 1,
            "sealed": _sealed(1).hex(),
        }
        return Case(name, "open_derived", given | changed, code)

    def made(name: str, recipient: bytes, code: str = "") -> Case:
        given = {
            "secret": _EPOCH_SECRET.hex(),
            "exec_id": _EXEC_ID.hex(),
            "index": 1,
            "recipient": recipient.hex(),
            "plaintext": b"told".hex(),
        }
        return Case(name, "seal_derived", given, code)

    order_8 = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"
    return [
        case("a sealed event"),
        case("another recipient", "unopenable", secret="45" * 32),
        case("another execution", "unopenable", exec_id="00" * 32),
        case("another place", "unopenable", index=0),
        case("an altered byte", "unopenable", sealed=flip(_sealed(1)).hex()),
        case("an altered key", "unopenable", sealed=flip(_sealed(1), 0).hex()),
        case("a key of low order", "unopenable", sealed=(bytes(32) + _sealed(1)[32:]).hex()),
        case("too short", "unopenable", sealed=_sealed(1)[:40].hex()),
        made("sealing inside of a block", HpkeKey(_RECIPIENT).public),
        made("sealing to the neutral element", bytes(32), "unopenable"),
        made("sealing to a point of order eight", bytes.fromhex(order_8), "unopenable"),
        made("sealing to a key that is too short", bytes(31), "unopenable"),
    ]


def _values() -> dict[str, bytes]:
    return {
        "address": b"\x49" * 32,
        "code_hash": b"\x4a" * 32,
        "method": b"add",
        "caller": _CLIENT,
        "input": (2).to_bytes(8, "little"),
        "status": b"done",
        "output": (2).to_bytes(8, "little"),
        "usage": ContractUsage(124_489, 13, 1).encode(),
    }


def _receipt_cases(world: World) -> list[Case]:
    last = world.blocks[2]
    block = _called(world, last)
    exec_id = block.header.exec_id(0, 0)
    values = _values()
    openings = tuple(
        Opening(name, salt(RESULT_KEY, exec_id, name), values[name])
        for name in ("address", "method", "status")
    )
    commitments = commit(CONTRACT_FIELDS, values, RESULT_KEY, exec_id)
    good = ContractReceipt(
        GENESIS.encode(), world.node.recorder, block.proof(0), commitments, openings
    )
    refused = _called(world, block, code="contract_unknown", claims=None)
    other_code = _called(world, refused, measurement=bytes(48))
    foreign = make_node(recorder_claims={"MEASUREMENT": b"\x4e" * 48}).recorder
    one = openings[0]

    def case(
        name: str,
        made: ContractReceipt | bytes,
        code: str = "",
        step: int | None = None,
        **changed: Any,
    ) -> Case:
        encoded = made if isinstance(made, bytes) else made.encode()
        given: dict[str, Any] = {
            "receipt": encoded.hex(),
            "fingerprints": [FINGERPRINT.hex()],
            "now_ms": NOW_MS + 20_000,
        }
        return Case(name, "verify_contract_receipt", given | changed, code, step)

    def opened(*changed: Opening) -> ContractReceipt:
        return replace(good, openings=changed)

    invalid = "certificate_invalid"
    return [
        case("a receipt of a call", good),
        case("a receipt of a call that opens nothing", opened()),
        case("a receipt of a call and a byte", good.encode() + b"\x00", "malformed", 1),
        case("a call under another fingerprint", good, "fingerprint_mismatch", 2, fingerprints=["00" * 32]),
        case("a call on a platform that is not allowed", good, "simulated_refused", 2, allow_simulated=False),
        case("a call under a weaker ordering", good, "ordering_unavailable", 2, least_ordering="bft"),
        case("a call with evidence of the runner", replace(good, recorder=world.node.runner), "evidence_binding", 3),
        case("a call with a recorder of other code", replace(good, recorder=foreign), "evidence_measurement", 3),
        case("an end in the place of the call", replace(good, proof=last.proof(0)), invalid, 4),
        case("a call whose entry is altered", replace(good, proof=replace(good.proof, writes=bytes(32))),
             "bad_signature", 4),
        case("a call by other code", replace(good, proof=other_code.proof(0)), invalid, 4),
        case("a call that was refused", replace(good, proof=refused.proof(0)), _INVALID, 4),
        case("other commitments", replace(good, commitments=(bytes(32), *commitments[1:])), _INVALID, 5),
        case("a commitment too few", replace(good, commitments=commitments[1:]), _INVALID, 5),
        case("another value", opened(replace(one, value=bytes(32))), invalid, 6),
        case("another salt of a field", opened(replace(one, salt=bytes(32))), invalid, 6),
        case("a value under another field", opened(replace(one, field="caller")), invalid, 6),
        case("an unknown field", opened(replace(one, field="colour")), invalid, 6),
        case("a field twice", opened(one, one), _INVALID, 6),
        case("fields out of order", opened(*reversed(openings)), _INVALID, 6),
        case("a call with evidence that was too old", good, "evidence_stale", 7, max_evidence_age_ms=0),
        case("a call with older evidence that is allowed", good, max_evidence_age_ms=0, allow_stale=True),
    ]  # fmt: skip


def _called(world: World, last: Block, **changed: Any) -> Block:
    """Return a block after `last` with one call in it; `changed` replaces fields of its public part."""
    transactions = [digest(Context.CONTENT, b"call", *[name.encode() for name in changed])]
    exec_id = Block.header_after(last, transactions).exec_id(0, 0)
    claims = claims_digest(commit(CONTRACT_FIELDS, _values(), RESULT_KEY, exec_id))
    part = world.part("request", task_hash=b"\x78" * 32, claims=claims, sealed=bytes(272))
    return Block.make(world, last, [replace(part, **changed)], transactions)
