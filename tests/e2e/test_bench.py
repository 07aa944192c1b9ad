"""The bench itself, end to end: a quick run of one group against a real server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adyton.core.errors import Error
from bench import processes, server, size
from bench.envelopes import Sealer, check
from bench.load import post_all
from bench.plan import Plan
from bench.summary import BenchError


@pytest.mark.bench
def test_a_quick_run_measures_and_checks_every_answer(tmp_path: Path) -> None:
    told = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench", "notary", "--quick", "--json", str(told)]
    done = subprocess.run(
        command,
        env=processes.environment(),
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    value = json.loads(told.read_text())
    assert value["failures"] == {}
    figures = {figure["name"]: figure for figure in value["figures"]}
    rate = figures["notary requests, 64 in flight"]
    assert rate["measured"] > 0
    assert rate["floor"]["value"] > 0
    assert rate["verdict"] in ("met", "missed")
    for side in ("enclave", "host"):
        assert figures[f"{side} CPU per notary request"]["measured"] > 0
    assert "notary requests, 64 in flight" in done.stdout
    assert "cores" in done.stdout.splitlines()[0]


@pytest.mark.bench
def test_a_large_ledger_is_measured(tmp_path: Path) -> None:
    figures = {
        figure.name: figure
        for figure in size.measure(Plan(tmp_path, runs=1, ledger=3000, lookups=20))
    }
    restart = figures["restart at 3,000 entries, 300 values"]
    log, state = (
        figures[f"of it the {part}"] for part in ("log, by the host", "state, by the enclave")
    )
    assert restart.measured > log.measured + state.measured > 0
    for figure in figures.values():
        assert figure.measured > 0
        assert figure.floor is not None
        assert figure.floor.value > 0
        assert figure.verdict == "-"  # the goals are those of a million entries
    assert figures["disk for an entry"].ratio is not None


def test_wrong_answers_are_no_figure(tmp_path: Path) -> None:
    with server.running(tmp_path / "data") as running:
        sealer = Sealer(running)
        sent = [sealer.seal() for _ in range(3)]
        bodies = [one.body for one in sent]
        first, second, third = post_all(running.port, bodies, 2, tmp_path, (running.pid,)).answers
        with pytest.raises(BenchError, match="1 of 1 requests were not answered by 200"):
            post_all(running.port, [b"no envelope"], 1, tmp_path)
        sealer.close()
    check(sealer, sent, [first, second, third])
    with pytest.raises(BenchError, match="another envelope"):
        check(sealer, sent, [first, third, second])
    with pytest.raises(BenchError, match="not as many"):
        check(sealer, sent, [first, second])
    with pytest.raises(BenchError, match="not distinct"):
        check(sealer, [sent[0], sent[0]], [first, first])
    altered = bytearray(second)
    altered[len(altered) // 2] ^= 1
    with pytest.raises(Error):
        check(sealer, sent, [first, bytes(altered), third])


def test_a_server_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a directory")
    with (
        pytest.raises(BenchError, match="Error"),
        server.running(tmp_path / "data"),
    ):
        pass
