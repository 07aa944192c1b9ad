"""The keystore is private, whole, and shared between processes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from adyton.client.keystore import Keystore
from adyton.client.records import ACCEPTED, PENDING, Pin, RequestRecord, Tickets
from adyton.core.errors import UsageError

CHAIN = bytes(32)


def record(number: int, state: str = PENDING, name: str = "job") -> RequestRecord:
    identity = number.to_bytes(32, "big")
    return RequestRecord(
        request_id=identity, task_hash=bytes([number]) * 32, app="tasks", method="submit",
        name=name, created_ms=number, ordering="single-host", state=state, signed=b"s",
        envelope=b"e", exec_id=None, accepted=None, finished=None, claimed=None, code="",
    )  # fmt: skip


def test_the_identity_stays(tmp_path: Path) -> None:
    first = Keystore(tmp_path / "home").identity
    again = Keystore(tmp_path / "home").identity
    assert first.signing_key.public == again.signing_key.public
    assert first.result_key(CHAIN, bytes(32)) == again.result_key(CHAIN, bytes(32))
    assert first.result_key(CHAIN, bytes(32)) != first.response_key(CHAIN, bytes(32))
    assert Keystore(tmp_path / "other").identity.signing_key.public != first.signing_key.public


def test_files_are_private(tmp_path: Path) -> None:
    os.umask(0o022)
    keystore = Keystore(tmp_path / "home")
    keystore.put_pin(Pin("http://a:1", bytes(32), CHAIN, b"genesis"))
    store = keystore.chain(CHAIN)
    store.put_request(record(1))
    found = [tmp_path / "home", *(tmp_path / "home").rglob("*")]
    assert len(found) > 8
    for path in found:
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    "name", ["", "identity", "chains", f"chains/{'00' * 32}/chain.sqlite"], ids=lambda n: n[:10]
)
def test_what_others_may_use_is_refused(tmp_path: Path, name: str) -> None:
    Keystore(tmp_path / "home").chain(CHAIN).close()
    path = tmp_path / "home" / name
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(UsageError, match="keystore"):
        Keystore(tmp_path / "home").chain(CHAIN)


def test_a_link_in_the_place_of_the_identity_is_refused(tmp_path: Path) -> None:
    Keystore(tmp_path / "home")
    identity = tmp_path / "home" / "identity"
    identity.rename(tmp_path / "elsewhere")
    identity.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="keystore"):
        Keystore(tmp_path / "home")


@pytest.mark.parametrize("content", [b"", b"\x80", b"garbage" * 50])
def test_a_damaged_identity_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    Keystore(tmp_path / "home")
    (tmp_path / "home" / "identity").write_bytes(content)
    with pytest.raises(UsageError, match="keystore"):
        Keystore(tmp_path / "home")
    assert (tmp_path / "home" / "identity").read_bytes() == content


def test_a_damaged_store_is_refused(tmp_path: Path) -> None:
    Keystore(tmp_path / "home").chain(CHAIN).close()
    (tmp_path / "home" / "chains" / CHAIN.hex() / "chain.sqlite").write_bytes(b"x" * 5000)
    with pytest.raises(UsageError, match="damaged"):
        Keystore(tmp_path / "home").chain(CHAIN)


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    seed = bytes(range(32))
    keystore = Keystore(tmp_path / "home", entropy=lambda size: seed[:size])
    shown = repr(keystore) + repr(keystore.identity) + repr(vars(keystore))
    shown += repr(Tickets(seed, 0, (seed * 2,))) + repr(record(1))
    assert seed.hex() not in shown
    assert repr(seed) not in shown


def test_pins_and_requests_come_back(tmp_path: Path) -> None:
    keystore = Keystore(tmp_path / "home")
    pin = Pin("http://a:1", bytes(32), CHAIN, b"genesis")
    keystore.put_pin(pin)
    store = keystore.chain(CHAIN)
    for number in (2, 1, 3):
        store.put_request(record(number, name=f"job {number % 2}"))
    store.put_request(record(3, ACCEPTED, name="job 1"))
    store.close()
    again = Keystore(tmp_path / "home")
    assert again.pin("http://a:1") == pin
    assert again.pin("http://b:1") is None
    assert again.pins() == [pin]
    store = again.chain(CHAIN)
    assert [one.created_ms for one in store.requests()] == [1, 2, 3]
    assert store.find("job 1").state == ACCEPTED
    assert store.find("02" * 5).created_ms == 2
    with pytest.raises(UsageError, match="not_found"):
        store.find("job")
    store.drop_request(record(1).request_id)
    assert store.request(record(1).request_id) is None


def test_a_pin_that_is_being_written_is_none_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keystore = Keystore(tmp_path / "home")
    pin = Pin("http://a:1", bytes(32), bytes(32), b"genesis")
    seen: list[list[Pin]] = []
    sync = os.fsync
    with monkeypatch.context() as patch:

        def look(descriptor: int) -> None:
            patch.setattr(os, "fsync", sync)
            seen.append(Keystore(keystore.home).pins())
            sync(descriptor)

        patch.setattr(os, "fsync", look)
        keystore.put_pin(pin)
    (keystore.home / "pins" / ".killed.00").write_bytes(b"")
    assert seen == [[]]
    assert keystore.pins() == [pin]


def test_threads_take_each_ticket_once(tmp_path: Path) -> None:
    store = Keystore(tmp_path / "home").chain(CHAIN)
    tickets = tuple(bytes([number]) * 64 for number in range(60))
    store.put_tickets(Tickets(bytes(32), 0, tickets))
    taken: list[bytes] = []

    def take() -> None:
        own = Keystore(tmp_path / "home").chain(CHAIN)
        for _ in range(15):
            with own.locked():
                held = own.tickets()
                assert held is not None
                taken.append(held.tickets[0])
                own.put_tickets(Tickets(held.server_key, 0, held.tickets[1:]))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(tickets)


def test_two_first_starts_agree_on_one_identity(tmp_path: Path) -> None:
    script = (
        "import sys; from adyton.client.keystore import Keystore;"
        "print(Keystore(sys.argv[1]).identity.signing_key.public.hex())"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "home")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(3)]
    printed = {process.communicate()[0] for process in started}
    assert len(printed) == 1
    assert len(printed.pop()) == 65
