"""Tasks: what cannot lie in a working directory is refused; results open for one run alone."""

from dataclasses import replace
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.crypto import SigningKey
from adyton.core.errors import Error, MalformedError, PolicyError, UsageError, VerificationError
from adyton.protocol import task
from adyton.protocol.claims import content_digest
from adyton.protocol.genesis import TaskPolicy
from adyton.protocol.task import BlobRef, Content, Finish, Input, SignedFinish, Task, TaskLimits

RUNNER = SigningKey(b"runner".ljust(32, b"."))
LIMITS = TaskLimits(60, 60, 1 << 28, 1 << 20, 1 << 20)
POLICY = TaskPolicy(60, 1 << 28, 1 << 20, 1 << 20, 2)
INLINE = Content(b"print(1)", None)
TASK = Task("a name", 5, "main.py", INLINE, ("-v",), None, (Input("data.csv", INLINE),), LIMITS)
KEY, EXEC_ID = b"k" * 32, b"e" * 32


def blob(size: int) -> Content:
    return Content(None, BlobRef(bytes(32), bytes(32), bytes(32), size))


def test_a_good_task_is_taken() -> None:
    TASK.require_valid()
    Task.decode(TASK.encode()).require_valid()
    replace(TASK, stdin=Content(b"", None), inputs=(), arguments=()).require_valid()


BAD_NAMES = ["", ".", "..", "out", "a/b", "/etc/passwd", "../x", "a\x00b", "\x00", "ü" * 128]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_base_name_is_refused(name: str) -> None:
    for wrong in (
        replace(TASK, file_name=name),
        replace(TASK, inputs=(Input(name, INLINE),)),
        replace(TASK, inputs=(Input("good", INLINE), Input(name, INLINE))),
    ):
        with pytest.raises(MalformedError):
            wrong.require_valid()


def test_the_longest_name_is_taken() -> None:
    replace(TASK, file_name="a" * 255).require_valid()
    replace(TASK, file_name="ü" * 127).require_valid()
    for name in ("...", "out.txt", "-rf", " ", "OUT", "a\nb"):
        replace(TASK, file_name=name).require_valid()


def test_two_files_of_one_name_are_refused() -> None:
    for inputs in (
        (Input("main.py", INLINE),),
        (Input("a", INLINE), Input("a", INLINE)),
    ):
        with pytest.raises(MalformedError):
            replace(TASK, inputs=inputs).require_valid()


def test_an_argument_with_nul_is_refused() -> None:
    with pytest.raises(MalformedError):
        replace(TASK, arguments=("ok", "a\x00b")).require_valid()


@pytest.mark.parametrize("wrong", [Content(None, None), Content(b"x", blob(1).blob)])
def test_a_content_that_is_both_or_neither_is_refused(wrong: Content) -> None:
    for bad in (
        replace(TASK, code=wrong),
        replace(TASK, stdin=wrong),
        replace(TASK, inputs=(Input("a", wrong),)),
    ):
        with pytest.raises(MalformedError):
            bad.require_valid()


def test_more_than_a_task_may_bring_is_refused() -> None:
    half = limits.BLOB_BYTES_PER_TASK // 2
    replace(TASK, code=blob(half), inputs=(Input("a", blob(half)),)).require_valid()
    with pytest.raises(Error) as refused:
        replace(
            TASK, code=blob(half), stdin=Content(b"x", None), inputs=(Input("a", blob(half)),)
        ).require_valid()
    assert refused.value.code == "too_large"
    assert isinstance(refused.value, (MalformedError, UsageError))


def test_content() -> None:
    assert INLINE.digest() == content_digest(b"print(1)")
    assert INLINE.size() == 8
    assert blob(7).digest() == bytes(32)
    assert blob(7).size() == 7


@pytest.mark.parametrize("field", ["wall_s", "memory", "output", "outputs"])
def test_limits_beyond_the_policy_are_refused(field: str) -> None:
    LIMITS.require_within(POLICY)
    most = getattr(POLICY, field)
    for wrong in (0, most + 1):
        changed: dict[str, Any] = {field: wrong}
        with pytest.raises(PolicyError) as refused:
            replace(LIMITS, **changed).require_within(POLICY)
        assert field in refused.value.message
    least: dict[str, Any] = {field: 1}
    replace(LIMITS, **least).require_within(POLICY)


def test_no_processor_time_is_refused() -> None:
    with pytest.raises(PolicyError):
        replace(LIMITS, cpu_s=0).require_within(POLICY)


def test_a_blob_opens_under_its_own_key_and_is_what_was_signed() -> None:
    ref, ciphertext = task.seal_blob(b"content", KEY)
    assert ref.open(ciphertext) == b"content"
    assert ref.id == task.blob_id(ciphertext)
    assert len(ciphertext) == 7 + 16
    with pytest.raises(VerificationError):
        replace(ref, key=bytes(32)).open(ciphertext)
    for at in range(len(ciphertext)):
        with pytest.raises(VerificationError):
            ref.open(ciphertext[:at] + bytes([ciphertext[at] ^ 1]) + ciphertext[at + 1 :])
    for wrong in (replace(ref, size=6), replace(ref, digest=bytes(32))):
        with pytest.raises(MalformedError):
            wrong.open(ciphertext)


PAIRS = [(task.seal_result, task.open_result), (task.seal_run_info, task.open_run_info)]


@pytest.mark.parametrize(("seal", "open_"), PAIRS)
def test_a_result_opens_for_its_key_execution_attempt_and_runner_alone(
    seal: Any, open_: Any
) -> None:
    sealed = seal(b"encoded", KEY, EXEC_ID, 1, RUNNER.public)
    assert open_(sealed, KEY, EXEC_ID, 1, RUNNER.public) == b"encoded"
    for wrong in (
        (bytes(32), EXEC_ID, 1, RUNNER.public),
        (KEY, bytes(32), 1, RUNNER.public),
        (KEY, EXEC_ID, 2, RUNNER.public),
        (KEY, EXEC_ID, 1, bytes(32)),
    ):
        with pytest.raises(VerificationError):
            open_(sealed, *wrong)
    with pytest.raises(VerificationError):
        open_(sealed[:-1], KEY, EXEC_ID, 1, RUNNER.public)


def test_a_result_is_not_run_information() -> None:
    sealed = task.seal_result(b"encoded", KEY, EXEC_ID, 1, RUNNER.public)
    with pytest.raises(VerificationError):
        task.open_run_info(sealed, KEY, EXEC_ID, 1, RUNNER.public)
    other = task.seal_run_info(b"encoded", KEY, EXEC_ID, 1, RUNNER.public)
    with pytest.raises(VerificationError):
        task.open_result(other, KEY, EXEC_ID, 1, RUNNER.public)


def test_small_results_are_of_one_size() -> None:
    sizes = {len(task.seal_result(bytes(n), KEY, EXEC_ID, 1, RUNNER.public)) for n in range(253)}
    assert sizes == {limits.RESULT_MIN + 16}


FINISH = Finish(
    b"c" * 32,
    b"t" * 32,
    EXEC_ID,
    1,
    RUNNER.public,
    0,
    b"result",
    None,
    256,
    b"info",
    b"q" * 32,
    b"",
)


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": bytes(32)},
        {"task_hash": bytes(32)},
        {"exec_id": bytes(32)},
        {"attempt": 2},
        {"runner_key": SigningKey(bytes(32)).public},
        {"epoch": 1},
        {"result": None},
        {"result": b"other"},
        {"result_blob": bytes(32)},
        {"result_size": 512},
        {"run_info": b""},
        {"claims": bytes(32)},
        {"private": b"x"},
    ],
)
def test_an_altered_finish_is_refused(change: dict[str, Any]) -> None:
    signed = SignedFinish.sign(FINISH, RUNNER)
    assert SignedFinish.decode(signed.encode()).verify() == FINISH
    with pytest.raises(VerificationError):
        replace(signed, finish=replace(FINISH, **change)).verify()


def test_a_finish_signed_by_another_key_than_it_names_is_refused() -> None:
    with pytest.raises(VerificationError):
        SignedFinish.sign(FINISH, SigningKey(bytes(32))).verify()
