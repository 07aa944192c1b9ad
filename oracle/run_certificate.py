"""Run certificates: the eleven steps of `docs/spec/certificate.md`."""

from __future__ import annotations

from evidence import BUNDLE, Key, appraise
from ledger import PROOF, Chain, Entry, chain_of, key_id, receipt_of, verify_entry
from policy import Checks, Policy
from strict import (
    Form,
    Many,
    Maybe,
    Number,
    Octets,
    Text,
    Value,
    decode,
    encode,
    h,
    lp,
    require,
    verify_signature,
)

MIB = 1024**2
FIELDS = (
    "code", "inputs", "arguments", "stdin", "limits", "exit_code", "stdout", "stderr", "outputs",
    "run_info",
)  # fmt: skip
OPENING = Form(
    "opening/1",
    80 * MIB,
    field=Text(32),
    salt=Octets(32),
    value=Octets(64 * MIB, exactly=False),
)
CERTIFICATE = Form(
    "run-certificate/1",
    80 * MIB,
    genesis=Octets(8192, exactly=False),
    evidence=Many(4, BUNDLE),
    accepted=PROOF,
    finished=PROOF,
    commitments=Many(16, Octets(32)),
    openings=Many(16, OPENING),
)
FINISH = Form(
    "finish/1",
    MIB // 2,
    chain_id=Octets(32),
    task_hash=Octets(32),
    exec_id=Octets(32),
    attempt=Number(2**32 - 1),
    runner_key=Octets(32),
    epoch=Number(2**32 - 1),
    result=Maybe(Octets(MIB // 2, exactly=False)),
    result_blob=Maybe(Octets(32)),
    result_size=Number(),
    run_info=Octets(8192, exactly=False),
    claims=Octets(32),
    private=Octets(1024, exactly=False),
)
SIGNED_FINISH = Form("signed-finish/1", MIB // 2, finish=FINISH, signature=Octets(64))
RUN_STEPS = (
    "the bytes are the one encoding of a certificate",
    "genesis has a pinned fingerprint",
    "platform and ordering are accepted",
    "the evidence is of exactly the keys that signed, and holds",
    "the acceptance lies in a block of this chain, signed by an attested recorder",
    "the end lies in a later block of this chain, signed by an attested recorder",
    "both are of the pinned code and of one task, which was accepted",
    "an attested runner signed the end of this very execution",
    "the commitments are those that runner and ledger name",
    "each opening fits its commitment",
    "no key was used too long after its evidence",
)


class Run:
    """The verification of one run certificate."""

    def __init__(self, data: bytes, policy: Policy) -> None:
        self.data, self.policy = data, policy
        self.checks = Checks(RUN_STEPS)
        self.keys: dict[tuple[str, bytes], Key] = {}
        self.certificate: dict[str, Value]
        self.accepted_proof: dict[str, Value]
        self.finished_proof: dict[str, Value]
        self.finish: dict[str, Value]
        self.chain: Chain
        self.accepted: Entry
        self.finished: Entry

    def verify(self) -> Checks:
        """Run all steps."""
        steps = (
            self._form, self._pinned, self._accepted_kind, self._evidence, self._acceptance,
            self._end, self._one_task, self._runner, self._commitments, self._openings, self._age,
        )  # fmt: skip
        for number, step in enumerate(steps, 1):
            self.checks.run(number, step)
        return self.checks

    def _form(self) -> None:
        self.certificate = CERTIFICATE.read(self.data)
        self.accepted_proof = PROOF.fields_of(self.certificate["accepted"])
        self.finished_proof = PROOF.fields_of(self.certificate["finished"])

    def _pinned(self) -> None:
        self.chain = chain_of(self.certificate["genesis"])
        self.policy.require_pinned(self.chain)

    def _accepted_kind(self) -> None:
        self.policy.require_accepted(self.chain)

    def _evidence(self) -> None:
        part = decode(self.finished_proof["public"])
        body: Value = part[8] if type(part) is list and len(part) == 9 else None
        require(type(body) is bytes, "there is no statement of the task's end")
        signed = SIGNED_FINISH.read(body)
        self.finish = FINISH.fields_of(signed["finish"])
        used = [
            ("recorder", receipt_of(self.accepted_proof["receipt"]).key_id),
            ("recorder", receipt_of(self.finished_proof["receipt"]).key_id),
            ("runner", key_id(self.finish["runner_key"])),
        ]
        wanted = list(dict.fromkeys(used))
        shown = self.certificate["evidence"]
        require(len(shown) == len(wanted), "not exactly the keys that signed")
        for bundle, (role, named) in zip(shown, wanted, strict=True):
            key = appraise(bundle, self.chain, role, self.policy.now_ms)
            require(
                key_id(key.public) == named,
                "evidence of a key that did not sign, or in another order",
            )
            self.keys[role, named] = key

    def _recorders(self) -> dict[bytes, bytes]:
        return {name: key.public for (role, name), key in self.keys.items() if role == "recorder"}

    def _acceptance(self) -> None:
        self.accepted = verify_entry(self.accepted_proof, self._recorders(), self.chain)
        require(self.accepted.part["kind"] == "request", "not an acceptance")

    def _end(self) -> None:
        self.finished = verify_entry(self.finished_proof, self._recorders(), self.chain)
        require(self.finished.part["kind"] == "finish", "not an end")
        before = [entry.facts["first"] + entry.index for entry in (self.accepted, self.finished)]
        later = (
            before[0] < before[1] and self.accepted.facts["height"] <= self.finished.facts["height"]
        )
        require(later, "the end does not follow the acceptance")

    def _one_task(self) -> None:
        accepted, finished = self.accepted.part, self.finished.part
        same = accepted["task_hash"] is not None and accepted["task_hash"] == finished["task_hash"]
        for part in (accepted, finished):
            pinned = part["measurement"] == self.chain.genesis["measurement"]
            require(pinned, "executed by other code")
        require(same, "acceptance and end are of two tasks")
        require(accepted["code"] == "", f"the task was refused: {accepted['code']}")

    def _runner(self) -> None:
        signed = SIGNED_FINISH.read(self.finished.part["body"])
        key = self.keys["runner", key_id(self.finish["runner_key"])]
        require(key.public == self.finish["runner_key"], "another runner's key")
        message = lp(b"adyton/1/sign/finish", encode(signed["finish"]))
        verify_signature(key.public, signed["signature"], message)
        require(self.finish["chain_id"] == self.chain.chain_id, "an end of another chain")
        require(self.finish["task_hash"] == self.accepted.part["task_hash"], "of another task")
        require(self.finish["exec_id"] == self.accepted.exec_id(), "of another execution")

    def _commitments(self) -> None:
        commitments = self.certificate["commitments"]
        require(len(commitments) == len(FIELDS), "not a commitment for each field")
        claims = h("claims", *commitments)
        require(claims == self.finish["claims"] == self.finished.part["claims"], "other claims")

    def _openings(self) -> None:
        last = -1
        for value in self.certificate["openings"]:
            opening = OPENING.fields_of(value)
            field = opening["field"]
            require(field in FIELDS, f"an unknown field {field!r}")
            place = FIELDS.index(field)
            require(place > last, "openings out of order, or twice")
            last = place
            made = h("claim", field.encode(), opening["salt"], opening["value"])
            require(
                made == self.certificate["commitments"][place],
                f"the opening of {field} does not fit",
            )
            self.checks.shown[field] = opening["value"]

    def _age(self) -> None:
        for proof, entry in (
            (self.accepted_proof, self.accepted),
            (self.finished_proof, self.finished),
        ):
            key = self.keys["recorder", receipt_of(proof["receipt"]).key_id]
            self.policy.require_age(key, entry.facts["time_ms"])
        runner = self.keys["runner", key_id(self.finish["runner_key"])]
        self.policy.require_age(runner, self.finished.facts["time_ms"])
