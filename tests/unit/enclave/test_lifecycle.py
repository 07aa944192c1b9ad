"""The lifecycle: every request in every stage, and what opens a chain or does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.enclave.dispatcher import Dispatcher
from adyton.enclave.sealing import Sealer
from adyton.protocol import boundary, reverse
from adyton.protocol.boundary import UntrustedMessage
from adyton.protocol.genesis import Configuration
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, Refused, configuration

STAGES = ("empty", "provisioned", "loaded", "serving", "draining", "halted")


def halt(host: HostSimulator) -> None:
    """Make the enclave halt, by a lie that it finds out in execution."""
    client = contacted(host)
    request = client.notarize()
    signed = client.sign(request)
    host.block(client.seal(signed))
    kept = dict(host.state)
    host.state = dict.fromkeys(host.state, b"")
    with pytest.raises(Refused):
        host.execute(client.seal(signed))
    host.state = kept


def reach(directory: Path, stage: str) -> HostSimulator:
    """A node whose enclave stands at `stage`."""
    host = HostSimulator(directory, sandbox=False)
    steps: list[Callable[[], object]] = [
        lambda: setattr(host, "dispatcher", Dispatcher(host.platform(), host)),
        host.provision,
        host.load,
        lambda: host.block(host.serve()),
        lambda: host.ask(boundary.Drain(), boundary.Done),
    ]
    at = STAGES.index(stage)
    for step in steps[: at + 1] if stage != "halted" else steps[:4]:
        step()
    if stage == "halted":
        halt(host)
    return host


def requests(host: HostSimulator) -> dict[str, tuple[UntrustedMessage, set[str]]]:
    """One request of each kind, and the stages where it is possible."""
    provision = boundary.Provision(host.config.encode(), True, host.time_ms, None)
    return {
        "provision": (provision, {"empty"}),
        "load": (boundary.LoadState(None), {"provisioned"}),
        "serve": (boundary.Serve(), {"loaded"}),
        "apply": (boundary.ApplyBlock(host.height + 1, host.time_ms, (), False), {"serving"}),
        "committed": (boundary.Committed(0), {"serving", "draining"}),
        "contact": (boundary.FirstContact(b"", host.time_ms), {"serving"}),
        "evidence": (boundary.ShowEvidence(bytes(32)), {"serving"}),
        "read": (boundary.Read(b"", host.time_ms), {"serving"}),
        "drain": (boundary.Drain(), {"serving"}),
        "status": (boundary.Status(), set(STAGES)),
    }


@pytest.mark.parametrize("stage", STAGES)
def test_every_request_is_refused_in_every_wrong_stage(tmp_path: Path, stage: str) -> None:
    host = reach(tmp_path, stage)
    rows = requests(host)
    assert len(rows) == len(boundary.HOST_REQUESTS)
    status = host.ask(boundary.Status(), boundary.StatusAnswer)
    assert status.lifecycle == stage
    for name, (message, stages) in rows.items():
        if stage in stages:
            continue
        with pytest.raises(Refused) as refused:
            host.ask(message, boundary.Done)
        expected = "enclave_down" if stage == "halted" else "wrong_state"
        assert refused.value.code == expected, name
    assert host.ask(boundary.Status(), boundary.StatusAnswer) == status


@pytest.mark.parametrize("garbage", [b"", b"\xff", b"\x80", b"\x81\x60", bytes(100)])
def test_bytes_that_are_no_request_change_nothing(host: HostSimulator, garbage: bytes) -> None:
    with pytest.raises(Refused) as refused:
        host.ask_raw(garbage, boundary.Done)
    assert refused.value.code == "malformed"
    assert host.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "serving"


def test_an_answer_is_no_request(host: HostSimulator) -> None:
    for message in (boundary.Done(), reverse.StateValue(None), reverse.StateGet(bytes(32))):
        with pytest.raises(Refused) as refused:
            host.ask_raw(message.encode(), boundary.Done)
        assert refused.value.code == "malformed"


def test_a_message_is_bounded_by_its_own_class(host: HostSimulator) -> None:
    padded = boundary.ShowEvidence(bytes(250)).encode()
    with pytest.raises(Refused) as refused:
        host.ask_raw(padded, boundary.Evidence)
    assert refused.value.code == "too_large"


@pytest.mark.parametrize("size", [0, 7])
def test_a_nonce_that_proves_nothing_is_refused(host: HostSimulator, size: int) -> None:
    with pytest.raises(Refused) as refused:
        host.evidence(bytes(size))
    assert refused.value.code == "bad_argument"


def test_evidence_answers_its_nonce(host: HostSimulator) -> None:
    shown = [host.evidence(bytes([number]) * 32) for number in range(2)]
    assert [bundle.recorder.nonce for bundle in shown] == [b"\x00" * 32, b"\x01" * 32]
    assert shown[0].recorder.attested == shown[1].recorder.attested
    assert shown[0].recorder.evidence != shown[1].recorder.evidence


# --- provisioning ---------------------------------------------------------------------------------


def provision(host: HostSimulator, config: bytes | Configuration, *, consent: bool = True) -> str:
    """The code with which provisioning is refused."""
    encoded = config if isinstance(config, bytes) else config.encode()
    host.dispatcher = Dispatcher(host.platform(), host)
    asked = boundary.Provision(encoded, consent, host.time_ms, host.sealed_root)
    with pytest.raises(Refused) as refused:
        host.ask(asked, boundary.Provisioned)
    assert host.ask(boundary.Status(), boundary.StatusAnswer).lifecycle == "empty"
    return refused.value.code


def test_the_simulated_platform_takes_explicit_consent(tmp_path: Path) -> None:
    host = HostSimulator(tmp_path, sandbox=False)
    assert provision(host, configuration(), consent=False) == "simulated_refused"
    host.start()
    assert host.genesis.allow_simulated
    # At each start anew.
    assert provision(host, configuration(), consent=False) == "simulated_refused"


POLICY = configuration().tasks


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (b"", "malformed"),
        (b"\xff", "malformed"),
        (replace(configuration(), platform="hardware"), "malformed"),
        (replace(configuration(), ordering="anchored"), "ordering_unavailable"),
        (replace(configuration(), time_source="bft"), "ordering_unavailable"),
        (replace(configuration(), admission="invite"), "bad_argument"),
        (replace(configuration(), invite_key=bytes(32)), "bad_argument"),
        (replace(configuration(), tasks=replace(POLICY, wall_s=0)), "bad_argument"),
        (replace(configuration(), tasks=replace(POLICY, workers=0)), "bad_argument"),
        (replace(configuration(), tasks=replace(POLICY, memory=0)), "bad_argument"),
        (replace(configuration(), tasks=replace(POLICY, workers=65)), "malformed"),
        (
            replace(configuration(), tasks=replace(POLICY, memory=limits.TASK_MEMORY + 1)),
            "malformed",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    tmp_path: Path, config: bytes | Configuration, code: str
) -> None:
    assert provision(HostSimulator(tmp_path), config) == code


def test_every_chain_is_new(tmp_path: Path) -> None:
    hosts = [HostSimulator(tmp_path, sandbox=False) for _ in range(2)]
    for host in hosts:
        host.start()
    one, two = hosts
    assert one.genesis.chain_id() != two.genesis.chain_id()
    intake = [host.evidence().epoch.record.intake_key for host in hosts]
    assert intake[0] != intake[1]
    assert one.sealed_root != two.sealed_root


@pytest.mark.parametrize(
    "change",
    [
        {"admission": "invite", "invite_key": bytes(32)},
        {"tasks": replace(POLICY, workers=2)},
        {"tasks": replace(POLICY, wall_s=61)},
    ],
)
def test_a_chain_keeps_its_configuration(own: HostSimulator, change: dict[str, object]) -> None:
    other = replace(own.config, **change)  # type: ignore[arg-type]  # fields by name
    assert provision(own, other) == "config_mismatch"


@pytest.mark.parametrize("place", [0, 15, 16, 200, -1])
def test_an_altered_sealed_root_is_refused(own: HostSimulator, place: int) -> None:
    sealed = bytearray(own.sealed_root or b"")
    sealed[place] ^= 1
    own.sealed_root = bytes(sealed)
    assert provision(own, own.config) == "sealed_invalid"


@pytest.mark.parametrize("sealed", [b"", b"\x00", bytes(15), bytes(600)])
def test_a_sealed_root_of_nothing_is_refused(own: HostSimulator, sealed: bytes) -> None:
    own.sealed_root = sealed
    assert provision(own, own.config) == "sealed_invalid"


def test_a_head_is_no_root(own: HostSimulator) -> None:
    own.sealed_root = own.head
    assert provision(own, own.config) == "sealed_invalid"


def test_a_root_sealed_on_another_device_is_refused(own: HostSimulator, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    elsewhere = HostSimulator(tmp_path / "other", sandbox=False)
    elsewhere.sealed_root = own.sealed_root
    assert provision(elsewhere, own.config) == "sealed_invalid"


def test_a_root_sealed_by_other_code_is_refused(own: HostSimulator) -> None:
    own.measurement = bytes(48)
    assert provision(own, own.config) == "sealed_invalid"


@pytest.mark.parametrize("change", [{"measurement": bytes(48)}, {"simulated_root": bytes(32)}])
def test_a_genesis_of_other_code_or_platform_is_refused_though_it_opens(
    own: HostSimulator, change: dict[str, bytes]
) -> None:
    sealer = Sealer(own.platform().sealing_secret())
    root = sealer.open_root(own.sealed_root or b"")
    genesis = replace(own.genesis, **change)  # type: ignore[arg-type]  # fields by name
    own.sealed_root = sealer.seal_root(replace(root, genesis=genesis.encode()))
    assert provision(own, own.config) == "sealed_invalid"


# --- heights and times ----------------------------------------------------------------------------


@pytest.mark.parametrize("step", [-1, 0, 2, 1000])
def test_only_the_next_height_is_executed(host: HostSimulator, step: int) -> None:
    client = contacted(host)
    request = client.notarize()
    envelope = client.envelope(request)
    before = host.ask(boundary.Status(), boundary.StatusAnswer)
    asked = boundary.ApplyBlock(host.height + step, host.time_ms, (envelope,), False)
    with pytest.raises(Refused) as refused:
        host.ask(asked, boundary.BlockResult)
    assert refused.value.code == "wrong_height"
    assert host.ask(boundary.Status(), boundary.StatusAnswer) == before
    # Nothing of the refused block stayed: the request is new to the next one.
    assert client.open(host.block(envelope), 0, request).code == ""


def test_time_never_decreases(host: HostSimulator) -> None:
    asked = boundary.ApplyBlock(host.height + 1, host.time_ms - 1, (), False)
    with pytest.raises(Refused) as refused:
        host.ask(asked, boundary.BlockResult)
    assert refused.value.code == "time_decreased"
    host.time_ms -= 1
    host.block()  # at the very time of the last block


def test_a_block_that_was_not_executed_cannot_be_stored(host: HostSimulator) -> None:
    with pytest.raises(Refused) as refused:
        host.ask(boundary.Committed(host.height + 1), boundary.Done)
    assert refused.value.code == "wrong_height"


def test_an_empty_block_moves_height_and_time_alone(host: HostSimulator) -> None:
    before = host.ask(boundary.Status(), boundary.StatusAnswer)
    result = host.block()
    assert (result.entries, result.writes) == ((), ())
    after = host.ask(boundary.Status(), boundary.StatusAnswer)
    assert after == replace(before, height=before.height + 1)
