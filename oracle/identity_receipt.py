"""Receipts of verdicts on credentials: the nine steps of `docs/spec/identity.md`, but the range proof itself.

Whether a range proof holds, only a library for it can say, and there is none here: its header and its day are looked
at, and the step is shown as not checked.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from contract_receipt import MIB, receipt_steps
from evidence import BUNDLE
from ledger import KIB, ORDERINGS, PROOF, UINT32, receipt_of
from policy import Checks, Policy
from run_certificate import OPENING
from strict import Flag, Form, Many, Number, Octets, Text, Value, h, require

VERDICT = Form(
    "identity-receipt/1",
    2 * MIB,
    genesis=Octets(8192, exactly=False),
    recorder=BUNDLE,
    proof=PROOF,
    policy=Octets(64 * KIB, exactly=False),
    commitments=Many(16, Octets(32)),
    openings=Many(16, OPENING),
)
ASKED = Form(
    "identity-policy/1",
    64 * KIB,
    owner=Octets(32),
    salt=Octets(16),
    party=Octets(32),
    name=Text(200),
    age_over=Number(150),
    types=Many(16, Text(512)),
    issuers=Many(64, Octets(32)),
    claims=Many(16, Text(512)),
    feb29=Text(40, "1mar", "28feb"),
    offset_minutes=Number(1680),
    skew_s=Number(3600),
    binding_s=Number(86_400),
    expiry=Flag(),
    status=Flag(),
    pseudonym=Text(512),
    range_proof=Flag(),
    ordering=Text(40, *ORDERINGS),
    version=Number(UINT32),
)
RANGE = Form("range-proof/1", 1400, commitment=Octets(33), proof=Octets(1291))
FIELDS = ("party", "request", "policy", "epoch", "answer", "reason", "pseudonym", "range")
CLASSES = (
    *("untrusted_issuer", "expired", "revoked", "not_bound"),
    *("malformed", "wrong_request", "policy"),
)
VERDICT_STEPS = (
    "the bytes are the one encoding of a receipt",
    "genesis has a pinned fingerprint, and an accepted platform and ordering",
    "the evidence is the recorder's that signed, and holds",
    "the entry lies in this chain, by the pinned code, and was carried out",
    "it commits to these commitments",
    "each opening fits its commitment, in order, once",
    "what is opened agrees with itself, with the entry, and with the policy that is shown",
    "an opened range proof is about the policy's day; whether it holds is not checked here",
    "the key was not used too long after its evidence",
)


def verify_verdict(data: bytes, policy: Policy) -> Checks:
    """Verify the receipt of a verdict."""
    checks = Checks(VERDICT_STEPS)
    asked: dict[str, Value] = {}

    def agreement() -> None:
        held = VERDICT.read(data)
        proof = PROOF.fields_of(held["proof"])
        facts = receipt_of(proof["receipt"]).facts
        _require_agreement(checks.shown, facts["epoch"])
        if held["policy"]:
            asked.update(ASKED.read(held["policy"]), time_ms=facts["time_ms"])
            named = checks.shown.get("policy") == h("identity-policy", held["policy"])
            require(named, "another policy than was asked by")
            party = checks.shown.get("party", asked["party"])
            require(party == asked["party"], "the policy is of another party")

    def proven() -> None:
        if checks.shown.get("range"):
            _require_header(RANGE.read(checks.shown["range"])["proof"], asked)

    *steps, age = receipt_steps(VERDICT, FIELDS, data, policy, checks)
    for number, step in enumerate((*steps, agreement, proven, age), 1):
        checks.run(number, step)
    if checks.shown.get("range") and checks.steps[7]["state"] == "passed":
        checks.steps[7]["state"] = "not checked"
    return checks


def _require_agreement(shown: dict[str, Value], epoch: int) -> None:
    answer, reason = shown.get("answer"), shown.get("reason")
    require(answer in (None, b"", b"yes", b"no"), "neither yes nor no")
    if answer is not None and reason is not None:
        require((answer == b"yes") == (reason == b""), "answer and reason contradict each other")
    if answer and reason:
        require(reason.decode("utf-8", "replace") in CLASSES, "not one of the reasons")
    if answer in (b"", b"no"):
        told = shown.get("pseudonym") or shown.get("range")
        require(not told, "a pseudonym or a range proof without a yes")
    named = shown.get("epoch", b"") in (b"", str(epoch).encode())
    require(named, "another epoch than the entry's")


def _require_header(proof: bytes, asked: dict[str, Value]) -> None:
    day = 2**20 - int.from_bytes(proof[2:10], "big")
    require(proof[:2] == b"\x60\x0f", "a range proof of another shape")
    require(-(2**16) <= day <= 2**16, "a range proof about a day that is centuries away")
    if asked:
        require(day == _cutoff(asked), "the range proof is about another day than the policy's")


def _cutoff(asked: dict[str, Value]) -> int:
    """Return the last day on which somebody can be born who has reached the policy's age, days since 1970."""
    require(asked["age_over"] > 0, "a range proof for a policy without an age")
    offset = timedelta(minutes=asked["offset_minutes"] - 840)
    today = (datetime.fromtimestamp(asked["time_ms"] // 1000, UTC) + offset).date()
    year = today.year - asked["age_over"]
    last = today.day if (today.month, today.day) != (2, 29) or _is_leap(year) else 28
    born = date(year, today.month, last)
    falls_early = asked["feb29"] == "28feb" and (today.month, today.day) == (2, 28)
    if falls_early and not _is_leap(today.year) and _is_leap(year):
        born = date(year, 2, 29)  # whose birthday is today
    return (born - date(1970, 1, 1)).days


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
