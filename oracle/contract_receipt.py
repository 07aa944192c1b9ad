"""Receipts of contract calls: the seven steps of `docs/spec/contract.md`."""

from __future__ import annotations

from collections.abc import Callable

from evidence import BUNDLE, appraise
from ledger import PROOF, chain_of, key_id, verify_entry
from policy import Checks, Policy
from run_certificate import OPENING
from strict import Form, Many, Octets, Value, h, require

MIB = 1024**2
CALL = Form(
    "contract-receipt/1",
    2 * MIB,
    genesis=Octets(8192, exactly=False),
    recorder=BUNDLE,
    proof=PROOF,
    commitments=Many(16, Octets(32)),
    openings=Many(16, OPENING),
)
FIELDS = ("address", "code_hash", "method", "caller", "input", "status", "output", "usage")
CALL_STEPS = (
    "the bytes are the one encoding of a receipt",
    "genesis has a pinned fingerprint, and an accepted platform and ordering",
    "the evidence is the recorder's that signed, and holds",
    "the entry lies in this chain, by the pinned code, and was carried out",
    "it commits to these commitments",
    "each opening fits its commitment, in order, once",
    "the key was not used too long after its evidence",
)


def verify_call(data: bytes, policy: Policy) -> Checks:
    """Verify the receipt of a contract's call."""
    checks = Checks(CALL_STEPS)
    steps = receipt_steps(CALL, FIELDS, data, policy, checks)
    for number, step in enumerate(steps, 1):
        checks.run(number, step)
    return checks


def receipt_steps(
    kind: Form, fields: tuple[str, ...], data: bytes, policy: Policy, checks: Checks
) -> list[Callable[[], None]]:
    """Return the steps that receipts of calls, and of wallets, have in common; the last is the evidence's age.

    Args:
        kind: form of the receipt.
        fields: that it commits to, in their order.
        data: the receipt.
        policy: of who verifies.
        checks: where opened fields are shown.
    """
    held: dict[str, Value] = {}

    def form() -> None:
        held.update(kind.read(data))
        held["proof"] = PROOF.fields_of(held["proof"])
        held["openings"] = [OPENING.fields_of(one) for one in held["openings"]]

    def pinned() -> None:
        held["chain"] = chain_of(held["genesis"])
        policy.require_pinned(held["chain"])
        policy.require_accepted(held["chain"])

    def evidence() -> None:
        held["key"] = appraise(held["recorder"], held["chain"], "recorder", policy.now_ms)

    def entry() -> None:
        keys = {key_id(held["key"].public): held["key"].public}
        held["entry"] = verify_entry(held["proof"], keys, held["chain"])
        part = held["entry"].part
        require(part["measurement"] == held["chain"].genesis["measurement"], "by other code")
        carried_out = part["kind"] == "request" and part["code"] == "" and part["task_hash"]
        require(bool(carried_out), "not a request that was carried out")

    def commitments() -> None:
        require(len(held["commitments"]) == len(fields), "other commitments than its kind has")
        made = h("claims", *held["commitments"])
        require(held["entry"].part["claims"] == made, "the entry commits to something else")

    def openings() -> None:
        places = []
        for opening in held["openings"]:
            name = opening["field"]
            require(name in fields, "an unknown field")
            place = fields.index(name)
            made = h("claim", name.encode(), opening["salt"], opening["value"])
            require(made == held["commitments"][place], f"the opening of {name} does not fit")
            places.append(place)
            checks.shown[name] = opening["value"]
        require(places == sorted(set(places)), "openings out of order, or twice")

    def age() -> None:
        policy.require_age(held["key"], held["entry"].facts["time_ms"])

    return [form, pinned, evidence, entry, commitments, openings, age]
