"""The host's small parts: failures, waiters, invitations, configuration, data directory."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from adyton.core import errors
from adyton.core.crypto import SigningKey
from adyton.core.errors import (
    CODES,
    Error,
    InvariantError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.host.api.problems import problem_body, status_of
from adyton.host.config import DEFAULT_TASKS, ServeSettings, fixed_at_genesis, load_fixed
from adyton.host.datadir import DataDirectory
from adyton.host.failures import error_from, error_of_code, failure_of
from adyton.host.invites import issue_invite, load_invite_key, make_invite, make_invite_key
from adyton.host.metrics import Metrics
from adyton.host.store import Store
from adyton.host.waiters import Waiters
from adyton.protocol.boundary import Failure
from adyton.protocol.genesis import Genesis, TaskPolicy


@pytest.mark.parametrize(
    "error",
    [
        errors.UsageError("bad_argument", "x"),
        errors.MalformedError("malformed", "x"),
        errors.ReceiptError("receipt_invalid", "x"),
        errors.PolicyError("expired", "x"),
        errors.UnavailableError("overloaded", "x"),
        errors.InvariantError("invariant", "x"),
    ],
)
def test_errors_cross_the_channel(error: Error) -> None:
    again = error_from(Failure.decode(failure_of(error).encode()))
    assert (type(again), again.code, again.message) == (type(error), error.code, error.message)


def test_errors_with_more_arguments_become_their_base() -> None:
    sealed = failure_of(errors.EvidenceError("evidence_stale", 3, "too old"))
    again = error_from(sealed)
    assert type(again) is VerificationError
    assert again.code == "evidence_stale"


@pytest.mark.parametrize("failure", [("SystemExit", "malformed"), ("UsageError", "no_such_code")])
def test_an_unknown_failure_is_an_invariant(failure: tuple[str, str]) -> None:
    assert isinstance(error_from(Failure(*failure, "x")), InvariantError)


def test_every_code_has_an_error() -> None:
    for code in CODES:
        assert error_of_code(code).code == code
    assert isinstance(error_of_code("no_such_code"), InvariantError)


def test_waiters_are_woken_by_their_task_alone() -> None:
    async def scenario() -> None:
        waiters = Waiters(most=2)
        with waiters.waiting(b"a") as one, waiters.waiting(b"b") as two:
            with pytest.raises(UnavailableError) as caught, waiters.waiting(b"c"):
                pass
            assert caught.value.code == "overloaded"
            waiters.wake(b"a")
            waiters.wake(b"a")
            assert (one.done(), two.done()) == (True, False)
            waiters.close()
            assert two.done()
        assert waiters.count == 0
        with waiters.waiting(b"a") as late:
            assert late.done()

    asyncio.run(scenario())


def test_an_invitation_holds_for_its_client(tmp_path: Path) -> None:
    key = make_invite_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "invite.key").stat().st_mode) == 0o600
    assert make_invite_key(tmp_path).public == load_invite_key(tmp_path).public == key.public
    invite = make_invite(bytes(32), 7, chain_id=b"c" * 32, key=key, now_ms=1_000)
    assert invite.not_after_ms == 1_000 + 7 * 24 * 3600 * 1000
    invite.verify(key.public)
    with pytest.raises(VerificationError):
        invite.verify(SigningKey(bytes(32)).public)


@pytest.mark.parametrize(("client_key", "days"), [(b"short", 1), (bytes(32), 0), (bytes(32), 9999)])
def test_an_impossible_invitation_is_refused(client_key: bytes, days: int) -> None:
    with pytest.raises(UsageError):
        make_invite(client_key, days, chain_id=bytes(32), key=SigningKey(bytes(32)), now_ms=0)


def test_a_missing_or_damaged_invite_key_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no key"):
        load_invite_key(tmp_path)
    (tmp_path / "invite.key").write_bytes(b"short")
    with pytest.raises(UsageError, match="damaged"):
        load_invite_key(tmp_path)


def test_invitations_are_for_the_chain_of_the_directory(tmp_path: Path) -> None:
    data = tmp_path.absolute()
    with pytest.raises(UsageError, match="no key"):
        issue_invite(data, bytes(32), 1, now_ms=0)
    fixed = fixed_at_genesis(ServeSettings(data, admission="invite"))
    with pytest.raises(UsageError, match="cannot be read"):
        issue_invite(data, bytes(32), 1, now_ms=0)
    store = Store(data / "ledger.sqlite")
    with pytest.raises(UsageError, match="not made"):
        issue_invite(data, bytes(32), 1, now_ms=0)
    genesis = Genesis(fixed.configuration, bytes(48), None, True, bytes(32), 0)
    store.keep_root(genesis.encode(), b"sealed")
    invite = issue_invite(data, bytes(32), 1, now_ms=5)
    assert invite.chain_id == genesis.chain_id()
    invite.verify(load_invite_key(data).public)
    (data / "invite.key").write_bytes(bytes(32))
    with pytest.raises(UsageError, match="does not admit"):
        issue_invite(data, bytes(32), 1, now_ms=0)
    store.close()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UsageError("bad_argument", "x"), 400),
        (errors.UsageError("not_found", "x"), 404),
        (errors.MalformedError("malformed", "x"), 400),
        (errors.MalformedError("too_large", "x"), 413),
        (errors.VerificationError("bad_signature", "x"), 403),
        (errors.ReceiptError("receipt_invalid", "x"), 403),
        (errors.RollbackError("rollback", "x"), 409),
        (errors.ForkError("fork", "x"), 409),
        (errors.PolicyError("expired", "x"), 403),
        (errors.PolicyError("wrong_epoch", "x"), 409),
        (errors.GuestError("sandbox_failed", "x"), 422),
        (errors.UnavailableError("overloaded", "x"), 503),
        (errors.InvariantError("invariant", "x"), 503),
        (errors.Error("malformed", "x"), 503),
    ],
)
def test_every_class_has_its_status(error: Error, status: int) -> None:
    assert status_of(error) == status
    body = json.loads(problem_body(error, status))
    assert (body["status"], body["code"], body["detail"]) == (status, error.code, "x")


def test_the_configuration_is_fixed_at_the_first_start(tmp_path: Path) -> None:
    first = fixed_at_genesis(ServeSettings(tmp_path, admission="invite"))
    assert first.allow_simulated
    assert first.configuration.invite_key == load_invite_key(tmp_path).public
    assert first.configuration.tasks == DEFAULT_TASKS
    assert fixed_at_genesis(ServeSettings(tmp_path)) == first == load_fixed(tmp_path)
    assert fixed_at_genesis(ServeSettings(tmp_path, admission="invite", port=1)) == first


@pytest.mark.parametrize(
    "asked",
    [
        {"admission": "invite"},
        {"tasks": TaskPolicy(1, 1, 1, 1, 1)},
        {"platform": "other"},
        {"allow_simulated": False},
        {"extras": ("zk",)},
    ],
)
def test_another_configuration_is_refused(tmp_path: Path, asked: dict[str, object]) -> None:
    fixed_at_genesis(ServeSettings(tmp_path))
    with pytest.raises(UsageError, match="fixed at genesis") as caught:
        fixed_at_genesis(ServeSettings(tmp_path, **asked))  # type: ignore[arg-type]  # one field of any type
    assert caught.value.code == "config_mismatch"


def test_extras_are_fixed_with_the_rest(tmp_path: Path) -> None:
    first = fixed_at_genesis(ServeSettings(tmp_path, extras=("zk", "zk")))
    assert first.extras == ("zk",)
    assert fixed_at_genesis(ServeSettings(tmp_path)) == first == load_fixed(tmp_path)
    assert fixed_at_genesis(ServeSettings(tmp_path, extras=("zk",))) == first
    plain = tmp_path / "plain"
    plain.mkdir()
    assert fixed_at_genesis(ServeSettings(plain)).extras == ()
    with pytest.raises(UsageError, match="there are zk"):
        fixed_at_genesis(ServeSettings(tmp_path / "other", extras=("zkp",)))


def test_a_word_outside_the_vocabulary_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(Error):
        fixed_at_genesis(ServeSettings(tmp_path, admission="everybody"))
    assert not (tmp_path / "config").exists()
    with pytest.raises(UsageError, match="no server"):
        load_fixed(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"admission": "everybody"},
        {"tasks": None},
        {"invite_key": "xyz"},
        {"more": 1},
        {"extras": []},
        {"extras": ["zkp"]},
        {"extras": ["zk", "zk"]},
        {"extras": 5},
        {"allow_simulated": 1.5, "platform": 3},
    ],
)
def test_a_damaged_configuration_is_refused(tmp_path: Path, damage: dict[str, object]) -> None:
    fixed_at_genesis(ServeSettings(tmp_path))
    path = tmp_path / "config"
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    with pytest.raises(UsageError) as caught:
        load_fixed(tmp_path)
    assert caught.value.code == "config_mismatch"
    path.write_text("[")
    with pytest.raises(UsageError):
        load_fixed(tmp_path)


def test_one_server_at_a_time_uses_a_data_directory(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data"
    with DataDirectory(path) as held:
        assert stat.S_IMODE(held.path.stat().st_mode) == 0o700
        with pytest.raises(UnavailableError, match="another server"), DataDirectory(path):
            pass
    with DataDirectory(path):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        DataDirectory(tmp_path / "file")


def test_metrics_tell_counts_by_route() -> None:
    metrics = Metrics()
    metrics.answered("/task", 200)
    metrics.answered("/task", 200)
    metrics.answered("/blob/{id}", 404)
    text = metrics.text().decode()
    assert 'adyton_http_answers_total{route="/task",status="200"} 2.0' in text
    assert 'route="/blob/{id}",status="404"} 1.0' in text
