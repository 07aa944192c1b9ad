"""Claims: salted commitments that open one by one, and to one value each."""

import pytest

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import derive, digest
from adyton.core.encoding import decode, encode
from adyton.core.errors import InvariantError, VerificationError
from adyton.protocol.claims import (
    NOTARY_FIELDS,
    TASK_FIELDS,
    claims_digest,
    commit,
    commitment,
    content_digest,
    named_digests,
    salt,
    verify_opening,
)
from adyton.protocol.task import RunInfo, TaskLimits, TaskOutput, TaskResult
from adyton.protocol.task_claims import task_claim_values, task_claim_values_from_digests

KEY = b"k" * 32
EXEC_ID = b"e" * 32
VALUES = {field: field.encode() * 2 for field in TASK_FIELDS}
COMMITMENTS = commit(TASK_FIELDS, VALUES, KEY, EXEC_ID)
LIMITS = TaskLimits(1, 2, 3, 4, 5)
RUN_INFO = RunInfo(1, 2, 3, 4, 5, 0, LIMITS, "namespaces", "rlimit", bytes(48), 0, 1)


def open_one(field: str, **changed: bytes) -> None:
    opening = {"salt_": salt(KEY, EXEC_ID, field), "value": VALUES[field], **changed}
    verify_opening(TASK_FIELDS, COMMITMENTS, field, **opening)


def test_every_field_opens() -> None:
    for field in TASK_FIELDS:
        open_one(field)


def test_another_value_salt_or_field_is_refused() -> None:
    for field in TASK_FIELDS:
        with pytest.raises(VerificationError):
            open_one(field, value=b"other")
        with pytest.raises(VerificationError):
            open_one(field, salt_=bytes(32))
        with pytest.raises(VerificationError):
            open_one(field, salt_=salt(KEY, bytes(32), field))
        with pytest.raises(VerificationError):
            open_one(field, salt_=salt(bytes(32), EXEC_ID, field))


def test_the_opening_of_one_field_is_not_that_of_another() -> None:
    for field in TASK_FIELDS:
        for other in TASK_FIELDS:
            if other != field:
                with pytest.raises(VerificationError):
                    verify_opening(
                        TASK_FIELDS, COMMITMENTS, other, salt(KEY, EXEC_ID, field), VALUES[field]
                    )


def test_an_unknown_field_or_a_wrong_count_is_refused() -> None:
    with pytest.raises(VerificationError):
        verify_opening(TASK_FIELDS, COMMITMENTS, "file", bytes(32), b"")
    for wrong in (COMMITMENTS[:-1], (*COMMITMENTS, bytes(32)), ()):
        with pytest.raises(VerificationError):
            verify_opening(TASK_FIELDS, wrong, "code", salt(KEY, EXEC_ID, "code"), VALUES["code"])


def test_the_formulas_of_the_specification() -> None:
    made = derive(KEY, Context.KDF_CLAIM_SALT, EXEC_ID, b"stdout")
    assert salt(KEY, EXEC_ID, "stdout") == made
    assert commitment("stdout", made, b"x") == digest(Context.CLAIM, b"stdout", made, b"x")
    assert claims_digest([b"a", b"b"]) == digest(Context.CLAIMS, b"a", b"b")
    assert content_digest(b"x") == digest(Context.CONTENT, b"x")
    assert decode(named_digests([("n", b"x")]), max_bytes=100) == [["n", content_digest(b"x")]]


def test_the_digest_covers_order_and_count() -> None:
    one, other = bytes(32), b"\x01" * 32
    lists = [[], [one], [one, other], [other, one], [one + other]]
    assert len({claims_digest(items) for items in lists}) == len(lists)


def test_two_runs_of_the_same_values_look_unrelated() -> None:
    again = commit(TASK_FIELDS, VALUES, KEY, bytes(32))
    assert not set(again) & set(COMMITMENTS)
    assert len(set(COMMITMENTS)) == len(TASK_FIELDS)


def test_claims_cover_exactly_their_fields() -> None:
    for values in ({}, {**VALUES, "file": b""}, {k: v for k, v in VALUES.items() if k != "code"}):
        with pytest.raises(InvariantError):
            commit(TASK_FIELDS, values, KEY, EXEC_ID)
    assert len(commit(NOTARY_FIELDS, {"file": b"d"}, KEY, EXEC_ID)) == 1


def test_runner_and_client_compute_the_same_values() -> None:
    result = TaskResult(
        "done", "", 0, None, "", b"out", b"err", (TaskOutput("m.json", b"{}"),), ("link",)
    )
    full = task_claim_values(
        code=b"print(1)",
        inputs=[("a.csv", b"1"), ("b.csv", b"2")],
        arguments=["-v", "ü"],
        stdin=b"in",
        limits=LIMITS,
        result=result,
        run_info=RUN_INFO,
    )
    assert tuple(full) == TASK_FIELDS
    assert full == task_claim_values_from_digests(
        code_digest=content_digest(b"print(1)"),
        inputs_value=named_digests([("a.csv", b"1"), ("b.csv", b"2")]),
        arguments=["-v", "ü"],
        stdin_digest=content_digest(b"in"),
        limits=LIMITS,
        result=result,
        run_info=RUN_INFO,
    )
    assert full["exit_code"] == encode(0)
    assert full["stdout"] == b"out"
    assert full["stderr"] == b"err"
    assert full["arguments"] == encode(["-v", "ü"])
    assert full["outputs"] == named_digests([("m.json", b"{}")])
    assert full["limits"] == LIMITS.encode()
    assert full["run_info"] == RUN_INFO.encode()


def test_inputs_cannot_be_confused() -> None:
    made = {
        named_digests(contents)
        for contents in (
            [],
            [("a", b"1")],
            [("a", b"1"), ("b", b"2")],
            [("b", b"2"), ("a", b"1")],
            [("a", b"2"), ("b", b"1")],
            [("ab", b"12")],
        )
    }
    assert len(made) == 6
    assert len(TASK_FIELDS) <= 16 < limits.TASK_INPUTS
