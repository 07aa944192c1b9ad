"""`adyton run` and what belongs to it, through a real server."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.command import Client


def _script(directory: Path, text: str, name: str = "task.py") -> str:
    path = directory / name
    path.write_text(text)
    return str(path)


def test_the_json_of_a_run(client: Client, tmp_path: Path) -> None:
    script = _script(
        tmp_path,
        "import sys\n"
        "print('out', sys.argv[1:], sys.stdin.read())\n"
        "print('err', file=sys.stderr)\n"
        "open('out/a.txt', 'w').write(open('in.txt').read().upper())\n"
        "sys.exit(3)\n",
    )
    (tmp_path / "in.txt").write_text("data")
    (tmp_path / "stdin.txt").write_text("typed")
    out = tmp_path / "results"
    done = client.run(
        *("run", script, "one", "two words", "--input", str(tmp_path / "in.txt")),
        *("--stdin", str(tmp_path / "stdin.txt"), "--out", str(out), "--name", "first", "--json"),
    )
    assert done.returncode == 3
    shown: dict[str, Any] = json.loads(done.stdout)
    assert set(shown) == {
        *("task", "state", "exit_code", "stdout", "stderr", "outputs", "run_info", "certificate"),
    }
    assert shown["stdout"] == "out ['one', 'two words'] typed\n"
    assert shown["stderr"] == "err\n"
    assert (shown["state"], shown["exit_code"]) == ("done", 3)
    assert (out / "a.txt").read_text() == "DATA"
    info = shown["run_info"]
    assert info["wall_us"] > 0
    assert info["peak_memory"] > 0
    assert info["bytes_in"] == len(Path(script).read_bytes()) + len(
        "data" + "typed" + "onetwo words"
    )
    assert info["bytes_out"] == len(shown["stdout"] + shown["stderr"] + "DATA")
    assert (info["exit_code"], info["tier"], info["epoch"], info["attempt"]) == (
        3,
        "namespaces",
        0,
        1,
    )
    assert len(info["measurement"]) == 96
    assert client.run("verify", shown["certificate"]).returncode == 0


def test_shell_scripts_and_binaries_run(client: Client, tmp_path: Path) -> None:
    shell = _script(tmp_path, '#!/bin/sh\necho "$1"; cat; echo no >&2; exit 9\n', "task")
    done = client.run("run", shell, "argument", "--stdin", "-", stdin="standard input")
    assert (done.returncode, done.stdout) == (9, "argument\nstandard input")
    assert "no\n" in done.stderr
    binary = tmp_path / "echo"
    shutil.copy("/bin/echo", binary)
    assert client.ok("run", str(binary), "from a binary") == "from a binary\n"


def test_arguments_with_dashes_go_to_the_task(client: Client, tmp_path: Path) -> None:
    script = _script(tmp_path, "import sys; print(sys.argv[1:])")
    assert client.ok("run", script, "--", "--json", "-x") == "['--json', '-x']\n"


def test_large_inputs_and_outputs(client: Client, tmp_path: Path) -> None:
    script = _script(
        tmp_path,
        "data = open('big.bin', 'rb').read()\n"
        "print(len(data))\n"
        "open('out/back.bin', 'wb').write(data[::-1])\n",
    )
    big = bytes(range(256)) * 8 * 1024  # 2 MiB: travels as a blob, both ways
    (tmp_path / "big.bin").write_bytes(big)
    out = tmp_path / "results"
    command = ("run", script, "--input", str(tmp_path / "big.bin"), "--out", str(out))
    assert client.ok(*command) == f"{len(big)}\n"
    assert (out / "back.bin").read_bytes() == big[::-1]


def test_a_limit_ends_a_task(client: Client, tmp_path: Path) -> None:
    script = _script(tmp_path, "print('begun', flush=True)\nwhile True: pass\n")
    done = client.run("run", script, "--timeout", "1", "--json")
    shown = json.loads(done.stdout)
    assert done.returncode not in (0, 125)
    assert shown["stdout"] == "begun\n"
    memory = _script(tmp_path, "x = bytearray(10**9)\nprint('never')\n", "memory.py")
    done = client.run("run", memory, "--memory", "64")
    assert done.returncode not in (0, 125)
    assert "never" not in done.stdout


def test_no_wait_then_results(client: Client, tmp_path: Path) -> None:
    script = _script(tmp_path, "print(6 * 7)")
    accepted = client.json("run", script, "--no-wait", "--name", "later")
    assert accepted["state"] == "accepted"
    shown = client.json("results", accepted["task"])
    assert (shown["task"], shown["stdout"], shown["exit_code"]) == (accepted["task"], "42\n", 0)
    assert client.json("results", "later")["task"] == accepted["task"]
    table = tmp_path / "tasks.csv"
    client.ok("tasks", "--csv", str(table))
    (row,) = csv.DictReader(table.open())
    assert accepted["task"] in row.values()
    assert "later" in row.values()


def test_a_lost_list_is_recovered_and_results_are_read_again(
    client: Client, tmp_path: Path
) -> None:
    shown = client.json("run", _script(tmp_path, "print('kept')"))
    for store in client.home.rglob("*"):
        if store.is_file() and "chains" in store.parts and "certificates" not in store.parts:
            store.unlink()
    client.ok("tasks", "--recover")
    again = client.json("results", shown["task"])
    assert again["stdout"] == "kept\n"


def test_equal_tasks_of_two_clients_never_meet(
    new_client: Callable[[str], Client], tmp_path: Path
) -> None:
    script = _script(tmp_path, "print('same')")
    one, two = new_client("one"), new_client("two")
    first, second = (who.json("run", script, "--name", "same") for who in (one, two))
    assert first["task"] != second["task"]
    assert first["stdout"] == second["stdout"] == "same\n"
    done = one.run("results", second["task"])
    assert done.returncode != 0
    assert "not_found" in done.stderr


def test_a_missing_file_is_said_plainly(client: Client) -> None:
    done = client.run("run", "no-such-file.py")
    assert done.returncode == 125
    assert "no-such-file.py" in done.stderr


def test_more_ordering_than_one_host_has_is_refused(client: Client, tmp_path: Path) -> None:
    done = client.run("run", _script(tmp_path, "print(1)"), "--ordering", "anchored")
    assert done.returncode == 125
    assert "ordering_unavailable" in done.stderr
