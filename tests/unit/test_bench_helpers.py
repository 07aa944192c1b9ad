"""What the bench reads of the machine and of profiles, and which groups it takes."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adyton.core.encoding import encode
from bench import __main__ as command
from bench import costs, machine, processes, sampler, work
from bench.sampler import Sampler
from bench.summary import BenchError


def test_the_cpu_time_of_a_process_grows_while_it_works() -> None:
    before = processes.cpu_seconds(os.getpid())
    deadline = time.process_time() + 0.1
    while time.process_time() < deadline:
        hashlib.sha256(bytes(10_000)).digest()
    assert 0.05 <= processes.cpu_seconds(os.getpid()) - before < 60


def test_children_of_any_thread_are_found() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in processes.children(os.getpid())
    finally:
        child.communicate(b"\n")
    assert child.pid not in processes.children(os.getpid())


def test_a_child_that_ends_without_a_word_is_an_error() -> None:
    child = processes.start("bench.load_child", [], log=None)
    with pytest.raises(BenchError, match="ended with status 1"):
        processes.read_line(child)
    processes.end(child)


def test_the_file_system_is_the_innermost_mount(tmp_path: Path) -> None:
    assert machine.file_system(Path("/proc/self")) == "proc"
    assert machine.file_system(tmp_path) != "unknown"


def test_scratch_data_is_never_in_memory() -> None:
    assert machine.file_system(machine.scratch_parent()) not in ("tmpfs", "ramfs")


def test_the_machine_is_told_in_one_line(tmp_path: Path) -> None:
    line = machine.describe(tmp_path)
    assert "\n" not in line
    assert f"{len(os.sched_getaffinity(0))} cores, CPython" in line


def test_samples_are_sorted_by_what_the_time_was_spent_on(tmp_path: Path) -> None:
    samples = Sampler()
    samples.start()
    deadline = time.monotonic() + 60
    while samples.samples.total() < 50 and time.monotonic() < deadline:
        encode([bytes(1000)] * 50)
    samples.stop()
    samples.save(tmp_path / "samples")
    kept = sampler.load(tmp_path / "samples")
    assert kept == samples.samples
    shares = costs.shares(kept)
    assert shares["CBOR"] > 0.2
    assert sum(shares.values()) == pytest.approx(1)
    assert "CBOR" in costs.told(shares)


def test_costs_have_names_and_waiting_is_none() -> None:
    assert costs.centre(("/a/adyton/core/crypto.py", "HpkeKey.open")) == "HPKE open"
    assert costs.centre(("/a/adyton/core/crypto.py", "verify_raw")) == "Ed25519 verify"
    assert costs.centre(("/a/adyton/enclave/state.py", "State.get")) == "state"
    assert costs.centre(("/a/adyton/enclave/state_tree.py", "StateTree.root")) == "Merkle trees"
    assert costs.centre(("/a/elsewhere.py", "f")) == costs.OTHER
    samples = {("/lib/asyncio/runners.py", "Runner.run"): 90, ("/a/elsewhere.py", "f"): 10}
    assert costs.shares(samples) == {costs.OTHER: 1.0}


def test_work_is_unique_and_its_output_is_what_the_script_says(tmp_path: Path) -> None:
    one, other = work.make(), work.make()
    assert (one.label, one.content) != (other.label, other.content)
    (tmp_path / "out").mkdir()
    (tmp_path / work.INPUT_NAME).write_bytes(one.content)
    command_line = [sys.executable, "-I", "-S", "-", one.label]
    done = subprocess.run(command_line, input=work.CODE, capture_output=True, cwd=tmp_path)
    assert done.stdout == one.stdout
    assert (tmp_path / "out/sorted.txt").read_bytes() == one.output


def test_groups_are_chosen_by_name() -> None:
    assert command.chosen([], False) == command.chosen([], True) == [*command.GROUPS]
    assert command.chosen(["hello"], True) == ["hello", "profile"]
    assert command.chosen(["receipt", "hello", "receipt"], False) == ["receipt", "hello"]
    with pytest.raises(BenchError, match="no group nothing"):
        command.chosen(["nothing"], False)


def test_an_unknown_group_ends_with_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["nothing"]) == 2
    assert "no group nothing" in capsys.readouterr().err
