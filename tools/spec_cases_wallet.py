"""The vectors of wallets: messages and names, policies and what they decide, windows, receipts."""

import json
from dataclasses import replace
from typing import Any

from adyton.client.wallet_receipt import WalletReceipt
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.protocol.certificate import Opening
from adyton.protocol.claims import WALLET_FIELDS, claims_digest, commit, salt
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.signature import public_key, sign
from adyton.protocol.wallet.answers import Answer
from adyton.protocol.wallet.requests import AskWallets, Find, New, Sign
from tests.unit.attestation.forge import NOW_MS, make_node
from tools.spec_case import Case
from tools.spec_world import FINGERPRINT, GENESIS, RESULT_KEY, Block, World

_OWNER = b"\x51" * 32
_CHARGER = b"\x52" * 32
_STRANGER = b"\x53" * 32
_EXEC_ID = b"\x54" * 32
_SECRET = b"\x55" * 32
_VENDOR = bytes.fromhex("f125691d24a6b5cdcb87a89cb825fdf4487c2a34")
_TOKEN = bytes.fromhex("55c2d462b27e49df96ae923a131bdf81548e3b2e")
_ACCOUNT = address_of(public_key(_SECRET))
_GWEI = 10**9


def _policy(*rules: dict[str, Any], **more: Any) -> str:
    sets = {"vendors": [checksummed(_VENDOR)], "usdc": [checksummed(_TOKEN)]}
    return json.dumps({"v": 1, "sets": sets, "rules": rules, **more})


_PAY: dict[str, Any] = {
    "id": "pay",
    "effect": "allow",
    "chain": [1],
    "type": [2],
    "when": {
        "to": {"in": "@vendors"},
        "value": {"lte": "0xde0b6b3a7640000"},
        "maxCost": {"lte": "0xe043da617250000"},
    },
    "limits": [
        {"sum": "value", "window": 86400, "max": "0x4563918244f40000", "per": "wallet"},
        {"count": True, "window": 60, "max": 10},
    ],
}
_USDC = {
    "id": "usdc",
    "effect": "allow",
    "chain": [1],
    "when": {"fee": {"lte": 10**16}, "value": {"eq": 0}},
    "call": {
        "to": "@usdc",
        "abi": "transfer(address,uint256)",
        "args": {"0": {"in": "@vendors"}, "1": {"lte": "0x3b9aca00"}},
    },
    "who": ["charger"],
}
_NO_INF = {
    "id": "no-inf",
    "effect": "deny",
    "call": {"abi": "approve(address,uint256)", "args": {"1": {"eq": "MAX"}}},
}
_CLIENTS = {"charger": _CHARGER.hex()}
_FULL = _policy(_PAY, _USDC, _NO_INF, time="host", clients=_CLIENTS)


def _payment(**changed: Any) -> str:
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": 1,
        "nonce": 0,
        "gas": 90_000,
        "to": checksummed(_VENDOR),
        "value": 1025,
        "data": "0x",
        "maxFeePerGas": 20 * _GWEI,
        "maxPriorityFeePerGas": _GWEI,
    }
    return json.dumps({**fields, **changed})


def _calldata(name: str, to: bytes, amount: int) -> str:
    selector = {"transfer": "a9059cbb", "approve": "095ea7b3"}[name]
    return f"0x{selector}{to.hex().zfill(64)}{amount:064x}"


def wallet_cases(world: World) -> list[Case]:
    """Return the vectors."""
    return [
        *_message_cases(),
        *_policy_cases(),
        *_decision_cases(),
        *_window_cases(),
        *_receipt_cases(world),
    ]


def _message_cases() -> list[Case]:
    asked = Sign(_ACCOUNT, "transaction", "json-rpc", _payment().encode(), False, "charge 17")
    new = New("hd", 1, b"\x56" * 32, b"", "single-host")
    behind = AskWallets(True, 17, b"\x57" * 32)
    failed = Answer("nonce_used", "the nonce was used for another transaction", b"")

    def case(name: str, message: bytes, code: str = "") -> Case:
        return Case(name, "decode_message", {"message": name, "bytes": message.hex()}, code)

    names: dict[str, Any] = {
        "exec_id": _EXEC_ID.hex(),
        "client": _OWNER.hex(),
        "wallet": "57" * 32,
        "method": "sign",
        "policy_hash": "58" * 32,
        "content": asked.encode().hex(),
    }
    return [
        replace(case("wallet-sign/1", asked.encode()), name="a payment is asked for"),
        replace(case("wallet-new/1", new.encode()), name="a wallet is asked for"),
        replace(case("wallet-answer/1", failed.encode()), name="an answer with an error"),
        replace(case("wallet-sign/1", asked.encode()[:-1], "malformed"), name="a payment less a byte"),
        replace(case("wallet-sign/1", replace(asked, profile="yaml").encode(), "malformed"), name="another profile"),
        replace(case("wallet-sign/1", replace(asked, account=bytes(19)).encode(), "malformed"), name="a short account"),
        replace(case("wallet-after/1", behind.encode()), name="the wallets behind a place"),
        replace(case("wallet-after/1", behind.encode() + b"\0", "malformed"), name="a place and a byte"),
        replace(case("wallet-after/1", replace(behind, wallet=bytes(31)).encode(), "malformed"), name="a short place"),
        replace(case("wallet-find/1", Find(_ACCOUNT).encode()), name="the wallet of an account"),
        replace(case("wallet-find/1", Find(bytes(32)).encode(), "malformed"), name="a name in the place of an account"),
        Case("the names of a wallet", "wallet_names", names),
        Case("the names of what was not executed", "wallet_names", {**names, "exec_id": "00"}, "bad_argument"),
    ]  # fmt: skip


def _policy_cases() -> list[Case]:
    def case(name: str, text: str, code: str = "policy_invalid") -> Case:
        return Case(name, "read_wallet_policy", {"text": text}, code)

    def without(rule: dict[str, Any], *path: str) -> dict[str, Any]:
        *way, last = path
        made = json.loads(json.dumps(rule))
        inner = made
        for step in way:
            inner = inner[step]
        del inner[last]
        return dict(made)

    return [
        case("a policy of three rules", _FULL, ""),
        case("a policy without rules", _policy(), ""),
        case("no JSON", "{"),
        case("another version", '{"v":2,"rules":[]}'),
        case("a member twice", '{"v":1,"v":1,"rules":[]}'),
        case("an unknown member", '{"v":1,"rules":[],"colour":"red"}'),
        case("two rules of one id", _policy(_PAY, _PAY, time="host")),
        case("a set that is not there", json.dumps({"v": 1, "time": "host", "rules": [_PAY]})),
        case("an allow rule without a chain", _policy(without(_PAY, "chain"), time="host")),
        case("an allow rule without a bound on fees", _policy(without(_PAY, "when", "maxCost"), time="host")),
        case("a call with an argument that nothing is said of",
             _policy(without(_USDC, "call", "args", "1"), clients=_CLIENTS)),
        case("a float", _FULL.replace("86400", "86400.0")),
        case("an address without a checksum", _FULL.replace(checksummed(_VENDOR), "0x" + _VENDOR.hex())),
    ]  # fmt: skip


def _decision_cases() -> list[Case]:
    def case(name: str, document: str, **changed: Any) -> Case:
        given: dict[str, Any] = {
            "text": _FULL,
            "method": "transaction",
            "document": document,
            "account": _ACCOUNT.hex(),
            "client": _OWNER.hex(),
            "owner": _OWNER.hex(),
            "used": 0,
        }
        return Case(name, "decide", given | changed)

    charger = {"client": _CHARGER.hex()}
    summed = _policy({**_PAY, "limits": _PAY["limits"][:1]}, time="host")
    token = {"to": checksummed(_TOKEN), "value": 0}
    sent = _calldata("transfer", _VENDOR, 10**9)
    transfer = {**token, "data": sent}
    dirty = sent[:10] + "01" + sent[12:]
    unlimited = _calldata("approve", _VENDOR, 2**256 - 1)
    lax = {"text": _policy(
        {"id": "all", "effect": "allow", "chain": "any", "when": {"fee": "any", "data": "any"}}, _NO_INF)}  # fmt: skip
    return [
        case("a payment that a rule allows", _payment()),
        case("a payment of one wei too much", _payment(value=10**18 + 1)),
        case("a payment on another chain", _payment(chainId=4)),
        case("a payment to another", _payment(to=checksummed(_TOKEN))),
        case("a payment with data", _payment(data="0x00")),
        case("a payment by a stranger", _payment(), client=_STRANGER.hex()),
        case("a payment over what the window has room for", _payment(), text=summed, used=5 * 10**18 - 1024),
        case("a payment that fills the window", _payment(), text=summed, used=5 * 10**18 - 1025),
        case("a token's transfer", _payment(**transfer), **charger),
        case("a transfer of one unit too much",
             _payment(**{**transfer, "data": _calldata("transfer", _VENDOR, 10**9 + 1)}), **charger),
        case("a transfer with dirty padding", _payment(**{**transfer, "data": dirty}), **charger),
        case("a transfer with a byte behind it",
             _payment(**{**transfer, "data": sent + "00"}), **charger),
        case("a transfer by whom the rule does not name", _payment(**transfer)),
        case("an approval without bound", _payment(**{**token, "data": unlimited}), **lax),
        case("an approval without bound, its padding dirty",
             _payment(**{**token, "data": unlimited[:10] + "01" + unlimited[12:]}), **lax),
        case("an approval with a bound", _payment(**{**token, "data": _calldata("approve", _VENDOR, 5)}), **lax),
        case("a message that no rule is for", '{"message": "0x6869"}', method="message"),
        replace(case("what is no transaction", '{"message": "0x6869"}'), refused="bad_argument"),
    ]  # fmt: skip


def _window_cases() -> list[Case]:
    def case(name: str, added: list[list[int]], asked: list[int]) -> Case:
        return Case(name, "window", {"window_s": 3600, "added": added, "asked": asked})

    return [
        case("an empty window", [], [0, 10_000]),
        case("an amount until its slot has left the window", [[7200, 5]], [7200, 10_800, 10_831, 10_832, 20_000]),
        case("amounts of several slots", [[7200, 5], [9000, 7], [10_700, 11]], [10_800, 11_000, 13_000, 15_000]),
        Case("a window of no length", "window", {"window_s": 0, "added": [], "asked": []}, "bad_argument"),
        case("an amount over all bounds", [[1, 2**256], [1, 2**256]], [2]),
    ]  # fmt: skip


def _receipt_cases(world: World) -> list[Case]:
    last = world.blocks[2]
    block = _asked(world, last)
    exec_id = block.header.exec_id(0, 0)
    values = _values()
    openings = tuple(
        Opening(name, salt(RESULT_KEY, exec_id, name), values[name])
        for name in WALLET_FIELDS
        if name in ("method", "account", "status", "digest", "signature")
    )
    commitments = commit(WALLET_FIELDS, values, RESULT_KEY, exec_id)
    good = WalletReceipt(
        GENESIS.encode(), world.node.recorder, block.proof(0), commitments, openings
    )
    foreign = make_node(recorder_claims={"MEASUREMENT": b"\x4e" * 48}).recorder
    forged = {**values, "signature": sign(bytes(32), _SECRET, public_key(_SECRET)).to_bytes()}
    other = _asked(world, block, forged)
    other_id = other.header.exec_id(0, 0)
    lying = WalletReceipt(
        GENESIS.encode(),
        world.node.recorder,
        other.proof(0),
        commit(WALLET_FIELDS, forged, RESULT_KEY, other_id),
        tuple(
            Opening(one.field, salt(RESULT_KEY, other_id, one.field), forged[one.field])
            for one in openings
        ),
    )
    one = openings[0]

    def case(
        name: str, made: WalletReceipt | bytes, code: str = "", step: int | None = None, **more: Any
    ) -> Case:
        encoded = made if isinstance(made, bytes) else made.encode()
        given: dict[str, Any] = {
            "receipt": encoded.hex(),
            "fingerprints": [FINGERPRINT.hex()],
            "now_ms": NOW_MS + 20_000,
        }
        return Case(name, "verify_wallet_receipt", given | more, code, step)

    def opened(*changed: Opening) -> WalletReceipt:
        return replace(good, openings=changed)

    invalid, receipt = "certificate_invalid", "receipt_invalid"
    return [
        case("a receipt of a payment", good),
        case("a receipt of a payment that opens nothing", opened()),
        case("a receipt of a payment and a byte", good.encode() + b"\x00", "malformed", 1),
        case("a payment under another fingerprint", good, "fingerprint_mismatch", 2, fingerprints=["00" * 32]),
        case("a payment with a recorder of other code", replace(good, recorder=foreign), "evidence_measurement", 3),
        case("an end in the place of the payment", replace(good, proof=last.proof(0)), invalid, 4),
        case("other commitments of a payment", replace(good, commitments=(bytes(32), *commitments[1:])), receipt, 5),
        case("another value of a payment", opened(replace(one, value=b"export")), invalid, 6),
        case("fields of a payment out of order", opened(*reversed(openings)), receipt, 6),
        case("a signature over something else", lying, receipt, 7),
        case("a signature without what it is over",
             opened(*(each for each in openings if each.field != "digest")), receipt, 7),
        case("a signature that does not say whose", opened(*(each for each in openings if each.field != "account"))),
        case("a payment with evidence that was too old", good, "evidence_stale", 8, max_evidence_age_ms=0),
    ]  # fmt: skip


def _values() -> dict[str, bytes]:
    signed = digest(Context.CONTENT, b"what is signed")
    return {
        "caller": _OWNER,
        "method": b"sign transaction",
        "account": _ACCOUNT,
        "document": _payment().encode(),
        "status": b"signed",
        "rule": b"pay",
        "policy": b"\x58" * 32,
        "chain": b"1",
        "nonce": b"0",
        "digest": signed,
        "signature": sign(signed, _SECRET, public_key(_SECRET)).to_bytes(),
    }


def _asked(world: World, last: Block, values: dict[str, bytes] | None = None) -> Block:
    """Return a block after `last` with one request to a wallet in it."""
    transactions = [digest(Context.CONTENT, b"payment", b"" if values is None else b"other")]
    exec_id = Block.header_after(last, transactions).exec_id(0, 0)
    claims = claims_digest(commit(WALLET_FIELDS, values or _values(), RESULT_KEY, exec_id))
    part = world.part("request", task_hash=b"\x79" * 32, claims=claims, sealed=bytes(1296))
    return Block.make(world, last, [part], transactions)
