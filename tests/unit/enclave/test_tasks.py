"""Tasks: accepted at once, carried out later, recorded; what the client opens is what ran."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.protocol import boundary, task
from adyton.protocol.task import BlobRef, Content, Input, Task, seal_blob
from tests import task_kit
from tests.host_fixtures import contacted
from tests.host_simulator import MEASUREMENT, HostSimulator, SimulatedClient, public
from tests.task_kit import LIMITS, inline, python


@pytest.fixture
def runs(sandboxed: HostSimulator) -> SimulatedClient:
    """A client of the node that runs tasks."""
    return contacted(sandboxed)


def wait(seconds: float, condition: Callable[[], bool]) -> None:
    """Poll until `condition()` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_task_is_accepted_before_it_runs(runs: SimulatedClient) -> None:
    host = runs.host
    accepted = task_kit.submit(runs, python("print('hello')"), commit_=False)
    assert (accepted.response.code, accepted.response.result) == ("", b"")
    status = host.ask(boundary.Status(), boundary.StatusAnswer)
    assert (status.pending, status.running) == (1, 0)
    assert host.submitted == []  # not until its acceptance is stored
    host.ask(boundary.Committed(host.height), boundary.Done)
    ended = task_kit.end(runs, accepted)
    assert (ended.result.state, ended.result.stdout) == ("done", b"hello\n")
    assert host.ask(boundary.Status(), boundary.StatusAnswer).pending == 0


def test_result_run_info_and_claims_are_the_client_s_to_check(runs: SimulatedClient) -> None:
    code = "import sys; print(sys.argv[1:], sys.stdin.read(), open('in.txt').read()); sys.exit(3)"
    given = python(
        code,
        arguments=("one", "größer"),
        stdin=inline(b"from stdin"),
        inputs=(Input("in.txt", inline(b"from a file")),),
    )
    accepted = task_kit.submit(runs, given)
    ended = task_kit.end(runs, accepted)
    result, info = ended.result, ended.info
    assert result.stdout.decode() == "['one', 'größer'] from stdin from a file\n"
    assert (result.state, result.code, result.killed) == ("done", "", "")
    assert (result.exit_code, info.exit_code, result.signal) == (3, 3, None)
    held = {"code": code.encode(), "inputs": (("in.txt", b"from a file"),), "stdin": b"from stdin"}
    assert task_kit.claims(accepted, ended, **held) == ended.finish.claims  # type: ignore[arg-type]  # by name
    for other in ("code", "inputs", "stdin"):
        changed = {**held, other: b"x" if other != "inputs" else ()}
        assert task_kit.claims(accepted, ended, **changed) != ended.finish.claims  # type: ignore[arg-type]  # by name
    # Run information.
    given_bytes = (code, "from a file", "from stdin", "one", "größer")
    assert info.bytes_in == sum(len(text.encode()) for text in given_bytes)
    assert info.bytes_out == len(result.stdout)
    assert (info.limits, info.tier, info.measurement) == (LIMITS, "namespaces", MEASUREMENT)
    assert (info.epoch, info.attempt, ended.finish.attempt) == (0, 1, 1)
    assert info.memory_cap in ("cgroup", "rlimit")
    assert 0 < info.wall_us < 20_000_000
    assert info.cpu_us > 0
    assert info.peak_memory > 100_000


def test_the_account_shows_what_the_run_cost(runs: SimulatedClient) -> None:
    accepted = task_kit.submit(runs, python("pass"))
    item = runs.account().items[0]
    assert (item.request_id, item.task_hash) == (accepted.request.request_id, accepted.task_hash)
    assert (item.app, item.method, item.usage) == ("tasks", "submit", None)
    info = task_kit.end(runs, accepted).info
    usage = runs.account().items[0].usage
    assert usage is not None
    assert (usage.wall_us, usage.cpu_us) == (info.wall_us, info.cpu_us)
    assert (usage.bytes_in, usage.bytes_out) == (info.bytes_in, info.bytes_out)


def test_a_failing_script_keeps_both_streams_apart(runs: SimulatedClient) -> None:
    ended = task_kit.run(
        runs,
        python("import sys\nprint('said')\nsys.stderr.write('warned\\n')\nraise ValueError(7)"),
    )
    assert (ended.result.state, ended.result.exit_code) == ("done", 1)
    assert ended.result.stdout == b"said\n"
    assert ended.result.stderr.startswith(b"warned\n")
    assert b"ValueError: 7" in ended.result.stderr


def test_a_task_over_its_wall_time_is_killed_and_keeps_what_it_said(runs: SimulatedClient) -> None:
    short = replace(LIMITS, wall_s=1)
    ended = task_kit.run(
        runs, python("import time\nprint('begun', flush=True)\ntime.sleep(60)", limits=short)
    )
    assert (ended.result.state, ended.result.killed) == ("done", "wall-time")
    assert (ended.result.stdout, ended.result.exit_code) == (b"begun\n", None)
    assert ended.result.signal == 9
    assert 900_000 < ended.info.wall_us < 10_000_000


def test_a_shell_script_runs_by_its_shebang(runs: SimulatedClient) -> None:
    given = python("", file_name="run", code=inline(b"#!/bin/sh\necho from $0\n"))
    assert task_kit.run(runs, given).result.stdout.startswith(b"from ")


def test_files_in_out_come_back(runs: SimulatedClient) -> None:
    code = (
        "import os\nos.makedirs('out/deep')\n"
        "open('out/a.txt', 'w').write('a')\nopen('out/deep/b.bin', 'wb').write(bytes(3))\n"
        "open('beside.txt', 'w').write('not this')\nos.symlink('/etc/hostname', 'out/link')"
    )
    result = task_kit.run(runs, python(code)).result
    assert (result.exit_code, result.stderr) == (0, b"")
    assert [(item.path, item.content) for item in result.outputs] == [
        ("a.txt", b"a"),
        ("deep/b.bin", bytes(3)),
    ]
    assert result.refused_outputs == ("link",)


def test_an_output_under_a_path_too_long_to_send_is_named_and_left_out(
    runs: SimulatedClient,
) -> None:
    code = (
        "import os\nos.chdir('out')\nfor _ in range(5):\n    os.mkdir('d' * 250)\n"
        "    os.chdir('d' * 250)\nopen('f', 'w').write('x')"
    )
    result = task_kit.run(runs, python(code)).result
    assert (result.exit_code, result.stderr, result.outputs) == (0, b"", ())
    assert result.refused_outputs == (("d" * 250)[:200],)


def test_a_large_result_goes_by_a_blob(runs: SimulatedClient) -> None:
    code = f"open('out/big', 'wb').write(bytes({limits.MIB}))"
    accepted = task_kit.submit(runs, python(code))
    ended = task_kit.end(runs, accepted)
    assert ended.finish.result is None
    assert ended.finish.result_size > limits.MIB
    assert ended.result.outputs[0].content == bytes(limits.MIB)
    assert task_kit.claims(accepted, ended, code=code.encode()) == ended.finish.claims


def blob(client: SimulatedClient, content: bytes) -> Content:
    """A content that lies with the host."""
    ref, ciphertext = seal_blob(content, client.fresh())
    client.host.blobs[ref.id] = ciphertext
    return Content(None, ref)


def test_large_code_and_inputs_come_by_blobs_that_are_dropped_afterwards(
    runs: SimulatedClient,
) -> None:
    host = runs.host
    data = bytes(range(256)) * 4096  # one MiB
    code = b"import hashlib\nprint(len(open('data', 'rb').read()))\n" + b"#" * 300_000
    given = python("", code=blob(runs, code), inputs=(Input("data", blob(runs, data)),))
    held = set(host.blobs)
    accepted = task_kit.submit(runs, given)
    ended = task_kit.end(runs, accepted)
    assert ended.result.stdout == f"{len(data)}\n".encode()
    assert task_kit.claims(accepted, ended, code=code, inputs=(("data", data),)) == (
        ended.finish.claims
    )
    ids = {content.blob.id for content in given.contents() if content.blob}
    assert ids <= held
    wait(60, lambda: not ids & set(host.blobs))


def test_a_blob_stays_while_another_task_names_it(runs: SimulatedClient) -> None:
    """Whoever names it: a stranger's task must not be able to take it away, nor its owner's first one."""
    host = runs.host
    data = b"shared" * 1000
    shared = blob(runs, data)
    given = python("print(len(open('data', 'rb').read()))", inputs=(Input("data", shared),))
    tasks = [task_kit.submit(runs, given) for _ in range(3)]
    assert shared.blob is not None
    for accepted in tasks:
        assert task_kit.end(runs, accepted).result.stdout == b"6000\n"

    def gone() -> bool:
        return shared.blob is not None and shared.blob.id not in host.blobs

    # This host does not hold an end back until its block is stored: all may have been handed in while the others were
    # still open, and then it is the next one that has the blob dropped.
    try:
        wait(2, gone)
    except AssertionError:
        assert task_kit.run(runs, given).result.stdout == b"6000\n"
        wait(60, gone)


def test_a_blob_that_does_not_open_is_left_alone(runs: SimulatedClient) -> None:
    data = b"somebody's" * 1000
    theirs = blob(runs, data)
    assert theirs.blob is not None
    wrong = replace(theirs, blob=replace(theirs.blob, key=bytes(32)))
    ended = task_kit.run(runs, python("", inputs=(Input("data", wrong),)))
    assert (ended.result.state, ended.result.code) == ("failed", "input_unavailable")
    assert theirs.blob.id in runs.host.blobs


def test_two_tasks_run_at_once_and_end_in_any_order(runs: SimulatedClient) -> None:
    tasks = [task_kit.submit(runs, python(f"print({number})")) for number in range(4)]
    for number, accepted in reversed(list(enumerate(tasks))):
        assert task_kit.end(runs, accepted).result.stdout == f"{number}\n".encode()


# --- what is not accepted -------------------------------------------------------------------------


def refused(client: SimulatedClient, given: Task) -> str:
    """The code with which a task is refused; it leaves no pending one."""
    before = client.host.ask(boundary.Status(), boundary.StatusAnswer).pending
    request = client.request(task.APP, task.SUBMIT, given.encode())
    result = client.host.block(client.envelope(request))
    assert client.host.ask(boundary.Status(), boundary.StatusAnswer).pending == before
    return client.open(result, 0, request).code


@pytest.mark.parametrize(
    "limit",
    [
        {"wall_s": 61}, {"wall_s": 0}, {"memory": 513 * limits.MIB}, {"memory": 0},
        {"output": limits.MIB + 1}, {"outputs": 4 * limits.MIB + 1}, {"cpu_s": 0},
    ],
)  # fmt: skip
def test_limits_over_the_policy_are_refused(client: SimulatedClient, limit: dict[str, int]) -> None:
    assert refused(client, python("", limits=replace(LIMITS, **limit))) == "bad_argument"


@pytest.mark.parametrize("name", ["", ".", "..", "out", "a/b", "../x", "a\x00b", "ü" * 128])
def test_file_names_that_cannot_be_are_refused(client: SimulatedClient, name: str) -> None:
    assert refused(client, python("", file_name=name)) == "bad_argument"
    assert refused(client, python("", inputs=(Input(name, inline(b"")),))) == "bad_argument"


def test_two_files_of_one_name_are_refused(client: SimulatedClient) -> None:
    same = Input("code.py", inline(b""))
    assert refused(client, python("", inputs=(same,))) == "bad_argument"


def test_contents_that_are_both_or_neither_are_refused(client: SimulatedClient) -> None:
    ref = BlobRef(bytes(32), bytes(32), bytes(32), 1)
    for content in (Content(None, None), Content(b"", ref)):
        assert refused(client, python("", code=content)) == "bad_argument"
        assert refused(client, python("", stdin=content)) == "bad_argument"


def test_blobs_too_large_in_all_are_refused(client: SimulatedClient) -> None:
    ref = BlobRef(bytes(32), bytes(32), bytes(32), limits.BLOB)
    inputs = tuple(Input(f"{number}", Content(None, ref)) for number in range(3))
    assert refused(client, python("", inputs=inputs)) == "too_large"


def test_fields_over_their_bounds_are_refused(client: SimulatedClient) -> None:
    long = python("", name="x" * (limits.NAME + 1))
    assert refused(client, long) == "too_large"
    many = tuple("" for _ in range(limits.TASK_ARGUMENTS + 1))
    assert refused(client, python("", arguments=many)) == "too_large"
    assert refused(client, python("", arguments=("a\x00",))) == "bad_argument"


def test_more_pending_tasks_than_allowed_are_refused(
    own: HostSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adyton.core.limits.TASKS_PENDING", 2)
    client = contacted(own)
    accepted = [task_kit.submit(client, python("")) for _ in range(2)]
    assert refused(client, python("")) == "overloaded"
    task_kit.end(client, accepted[0])
    assert task_kit.submit(client, python("")).response.code == ""


def test_a_machine_that_cannot_confine_guests_says_so(client: SimulatedClient) -> None:
    accepted = task_kit.submit(client, python("print('not run')"))
    assert accepted.response.code == ""
    ended = task_kit.end(client, accepted)
    assert (ended.result.state, ended.result.code) == ("failed", "sandbox_unavailable")
    assert (ended.result.exit_code, ended.result.stdout) == (None, b"")
    assert (ended.info.tier, ended.info.wall_us) == ("none", 0)
    assert client.host.evidence().runner.attested.sandbox == "none"
    assert task_kit.claims(accepted, ended, code=b"print('not run')") == ended.finish.claims


def test_a_repeated_submission_runs_once(runs: SimulatedClient) -> None:
    accepted = task_kit.submit(runs, python("print(1)"))
    again = runs.host.block(accepted.envelope)
    resealed = runs.host.block(runs.seal(runs.sign(accepted.request)))
    assert public(again.entries[0]).kind == "void"
    assert runs.open(resealed, 0, accepted.request).original == accepted.task_hash
    task_kit.end(runs, accepted)
    assert runs.account().total == 1
    status = runs.host.ask(boundary.Status(), boundary.StatusAnswer)
    assert status.pending == 0


def test_the_directory_of_the_node_holds_no_plaintext(
    runs: SimulatedClient, tmp_path: Path
) -> None:
    secret = b"7c1f-plain-as-day"
    task_kit.run(runs, python(f"print({secret.decode()!r})"))
    for path in runs.host.directory.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes()
    assert not any(secret in value for value in runs.host.state.values())
    assert list(tmp_path.iterdir()) == []
