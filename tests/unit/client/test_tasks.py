"""Tasks through an honest server: submitted, awaited, opened, verified."""

from pathlib import Path

import pytest

from adyton.client import (
    Session,
    TaskExecutor,
    fetch,
    list_account,
    prepare_task,
    run_task,
    save_outputs,
    submit,
)
from adyton.client.records import ACCEPTED, FINISHED, PENDING
from adyton.core import limits
from adyton.core.errors import MalformedError, PolicyError, UnavailableError, UsageError
from adyton.protocol.claims import TASK_FIELDS
from adyton.protocol.task import Task
from tests.adversary.lying_server import one_at_a_time
from tests.adversary.server_simulator import ServerSimulator, open_session
from tests.ledger_builder import TASK_LIMITS

CODE = b"print(42)\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_bytes(CODE)
    return path


def test_a_file_goes_in_and_a_result_comes_out(
    tmp_path: Path, session: Session, script: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(b"1,2")
    done = run_task(
        session, script, arguments=["--x"], inputs=[data], stdin=b"!", wall_s=5, timeout_s=60
    )
    assert done.result.stdout == (CODE + b"1,2!")[::-1]
    assert done.exit_code == 3
    assert set(done.values) == set(TASK_FIELDS)
    assert done.run_info.limits.wall_s == 5
    (saved,) = save_outputs(done.result.outputs, tmp_path / "out")
    assert saved.read_bytes() == b"{}"
    assert done.record.state == FINISHED
    assert done.record.name == "script.py"


def test_a_finished_task_is_opened_again_from_what_is_kept(
    tmp_path: Path, server: ServerSimulator, session: Session, script: Path
) -> None:
    done = run_task(session, script, timeout_s=60)
    session.close()
    server.calls.clear()
    again = open_session(tmp_path / "home", server, trust=False)
    record = again.store.find("script.py")
    assert fetch(again, record, timeout_s=0).result == done.result
    assert server.calls == []


def test_several_tasks_at_once(tmp_path: Path, server: ServerSimulator, session: Session) -> None:
    one_at_a_time(server)
    scripts = []
    for number in range(6):
        scripts.append(tmp_path / f"{number}.py")
        scripts[-1].write_bytes(b"%d" % number)
    with TaskExecutor(session, at_once=3) as executor:
        futures = [executor.submit(script, timeout_s=60) for script in scripts]
        absent = executor.submit(tmp_path / "absent.py")
        outputs = [future.result(timeout=60).result.stdout for future in futures]
    assert outputs == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert isinstance(absent.exception(), UsageError)


def test_large_contents_travel_as_blobs(
    tmp_path: Path, server: ServerSimulator, session: Session, script: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(400_000) + b"end")
    server.large_result = True
    done = run_task(session, script, inputs=[large], timeout_s=60)
    assert done.result.stdout.endswith(CODE[::-1])
    assert len(done.result.stdout) == 400_003 + len(CODE)
    assert len(server.blobs) == 2
    assert not any(large.read_bytes()[-20:] in blob for blob in server.blobs.values())


def test_an_unfinished_task_is_a_timeout_and_stays(
    server: ServerSimulator, session: Session
) -> None:
    server.finish_at_once = False
    prepared = prepare_task("a.py", CODE, task_limits=TASK_LIMITS, created_ms=1)
    record = submit(session, prepared)
    assert record.state == ACCEPTED
    with pytest.raises(UnavailableError, match="timeout"):
        fetch(session, record, timeout_s=0)
    assert fetch(session, record, timeout_s=60).exit_code == 3


def test_a_pending_task_is_settled_when_it_is_fetched(
    server: ServerSimulator, session: Session
) -> None:
    prepared = prepare_task("a.py", CODE, task_limits=TASK_LIMITS, created_ms=1)
    server.drops += ["POST /task"] * 50
    with pytest.raises(UnavailableError):
        submit(session, prepared)
    server.drops.clear()
    (record,) = session.store.requests()
    assert record.state == PENDING
    assert fetch(session, record, timeout_s=60).record.state == FINISHED
    assert len(server.seen) == 1


def test_results_are_read_again_after_the_list_was_lost(
    server: ServerSimulator, session: Session, script: Path
) -> None:
    done = run_task(session, script, timeout_s=60)
    session.store.drop_request(done.record.request_id)
    (record,) = list_account(session)
    assert record.state == ACCEPTED
    again = fetch(session, record, timeout_s=60)
    assert again.result == done.result
    assert again.values == {}


def test_two_clients_with_the_same_task_never_meet(
    tmp_path: Path, server: ServerSimulator, session: Session, script: Path
) -> None:
    other = open_session(tmp_path / "other", server)
    one, two = run_task(session, script, timeout_s=60), run_task(other, script, timeout_s=60)
    assert one.record.task_hash != two.record.task_hash
    assert one.result_key != two.result_key
    assert one.finish.claims != two.finish.claims


def test_what_fits_the_envelope_travels_inside() -> None:
    size = limits.INLINE - 30 * limits.KIB
    prepared = prepare_task("a.py", bytes(size), task_limits=TASK_LIMITS, created_ms=1)
    assert prepared.blobs == ()
    full = prepare_task(
        "a.py",
        bytes(size),
        task_limits=TASK_LIMITS,
        created_ms=1,
        inputs=[("b", bytes(limits.INLINE)), ("c", b"small")],
    )
    assert len(full.blobs) == 1
    assert len(full.task.encode()) < limits.ARGUMENTS_BYTES
    assert Task.decode(full.task.encode()) == full.task


@pytest.mark.parametrize("names", [("a.py",), ("x/y",), ("out",), ("",), ("b", "b")])
def test_inputs_that_cannot_lie_together_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(MalformedError, match="bad_argument"):
        prepare_task(
            "a.py",
            CODE,
            task_limits=TASK_LIMITS,
            created_ms=1,
            inputs=[(name, b"") for name in names],
        )


def test_more_than_the_chain_grants_is_refused(session: Session, script: Path) -> None:
    with pytest.raises(PolicyError, match="wall_s"):
        run_task(session, script, wall_s=10_000)
    with pytest.raises(UsageError, match="cannot be read"):
        run_task(session, script.with_name("absent.py"))
