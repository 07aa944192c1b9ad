"""What everybody sees of a request to check a presentation: the same, whatever came of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adyton.protocol.credentials import base64url
from adyton.protocol.identity.answers import USE_SEALED, Answer, IdentityEntry, Verdict
from adyton.protocol.identity.requests import METHODS, PRESENT, Present, SealedPresentation
from adyton.protocol.padding import pad
from tests import replica
from tests.credential_kit import HOLDER_KEY
from tests.host_simulator import HostSimulator, public
from tests.identity_kit import ADULT, AGREEMENT, BIRTHDATE, World
from tests.identity_told import Told
from tests.recorded_blocks import Recorded
from tests.unit.enclave.test_determinism import replayed
from tests.unit.enclave.test_secrecy import WatchingHost, assert_unseen

PROOF = [ADULT, ("birthdate",), ("document_number",)]


def with_everything(world: World) -> Told:
    world.use_policy(range_proof=True, pseudonym="document_number")
    return world.presented(disclosed=PROOF, did=world.did)


def used_before(world: World) -> Told:
    told = world.presented(did=world.did)
    return world.party.present(Present.decode(told.request.arguments))


CASES: dict[str, Callable[[World], Told]] = {
    "yes": lambda world: world.presented(did=world.did),
    "yes, to nobody": lambda world: world.presented(),
    "yes, proven": with_everything,
    "no": lambda world: world.presented(world.issued(exp=5), did=world.did),
    "no, at the last step": lambda world: world.presented(
        world.issued(age_equal_or_over={"18": False}), did=world.did
    ),
    "no, used": used_before,
    "not opened": lambda world: world.stranger.present(world.seal(world.ask(), "")),
    "no request": lambda world: world.party.present(b""),
    "unopenable": lambda world: world.party.present(
        Present(world.ask(), SealedPresentation(0, bytes(4096 + 48)))
    ),
}


def seen(told: Told) -> Any:
    """What an entry shows, as far as it is not drawn anew each time."""
    body = IdentityEntry.decode(told.part.body or b"")
    part = told.part
    return (
        part.kind, part.code, part.epoch, part.measurement, len(part.claims or b""),
        len(part.sealed or b""), body.record, tuple(len(use) for use in body.sealed_uses),
        len(part.encode()), len(told.result),
    )  # fmt: skip


def test_every_request_to_check_leaves_the_same(own_world: World) -> None:
    own_world.holder.register(own_world.did_record())
    shown = {name: seen(make(own_world)) for name, make in CASES.items()}
    assert len(set(shown.values())) == 1, shown
    assert shown["yes"][7] == (USE_SEALED,)


def test_the_state_that_a_check_leaves_has_one_size(own_world: World) -> None:
    """Why it failed could else be seen from the size of its checklist."""
    own_world.holder.register(own_world.did_record())
    sizes = {}
    for name in ("yes", "yes, proven", "no", "no, at the last step", "unopenable"):
        told = CASES[name](own_world)
        sizes[name] = sorted(len(value or b"") for _, value in told.block.writes)
    assert len({tuple(size) for size in sizes.values()}) == 1, sizes


def test_the_largest_answer_has_the_size_of_all() -> None:
    verdict = Verdict(
        bytes(32), bytes(32), bytes(32), 2**32 - 1, "yes", "", bytes(32), bytes(1344), 2**32 - 1
    )
    assert len(pad(Answer("", "", verdict.encode()).encode(), least=2048)) == 2048
    assert len(pad(Answer("c" * 40, "r" * 1024, b"").encode(), least=2048)) == 2048


def test_nothing_of_a_credential_leaves_the_enclave(tmp_path: Path) -> None:
    """Not the birthday, not the name, not the credential: in no block, value, log, answer or error."""
    host = WatchingHost(tmp_path, sandbox=False)
    host.start()
    world = World(host)
    world.holder.register(world.did_record())
    world.issuer.bring(world.issuer_name, world.status_list())
    name = "Wolfeschlegelsteinhausen"
    status = {"status_list": {"idx": 0, "uri": "https://passport.example/lists/1"}}
    changes: tuple[dict[str, Any], ...] = (
        {}, {"exp": 5}, {"document_number": ["x"]}, {"birthdate": "1990-02-30"}, {"vct": name},
    )  # fmt: skip
    credentials = []
    world.use_policy(range_proof=True, pseudonym="document_number")
    for claims in changes:
        credentials.append(world.issued(given_name=name, status=status, **claims))
        told = world.presented(credentials[-1], [*PROOF, ("given_name",)], did=world.did)
        host.seen += [told.answer.encode(), repr((told, told.verdict, told.answer)).encode()]
        host.seen.append(world.developer.checklist(told.verdict.request).encode())
        host.seen.append(told.opened_use(AGREEMENT, b"\x66" * 32).encode())
    host.stop()
    seen = [*host.seen, *host.state.values(), *(block.encode() for block in host.blocks)]
    secrets = {
        "birthday": f'"birthdate","{BIRTHDATE}'.encode(),
        "name": name.encode(),
        "number": b'document_number","L01X00T47',
        "credential": credentials[0][200:240].encode(),
        "holder's key": base64url.decode(HOLDER_KEY.public.members["x"], "x"),
    }
    assert_unseen([part for part in seen if b"did:adyton" not in part], secrets)
    assert BIRTHDATE.encode() not in b"".join(seen)
    # Were it there, the search would find it.
    for secret in secrets.values():
        with pytest.raises(AssertionError):
            assert_unseen([*host.seen, base64.urlsafe_b64encode(b"x" + secret)], secrets)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(method=st.sampled_from(METHODS), arguments=st.binary(max_size=300))
def test_no_bytes_halt_the_enclave(world: World, method: str, arguments: bytes) -> None:
    request = world.party.request(method, arguments)
    block = world.host.block(world.party.client.envelope(request))
    assert world.party.client.open(block, 0, request).code == (
        "" if method == PRESENT else "malformed"
    )


def test_two_enclaves_leave_the_same_bytes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Their clocks, entropy, environment and order of hashes differ."""
    host = HostSimulator(tmp_path_factory.mktemp("replayed"), sandbox=False)
    start = host.start()
    made = Recorded(host)
    made.note(start, (public(start.entries[0]).body or b"",), False)
    plain = host.block

    def noted(*transactions: bytes, drop: bool = False) -> Any:
        result = plain(*transactions, drop=drop)
        made.note(result, transactions, drop)
        return result

    host.block = noted  # type: ignore[method-assign]  # every block of this test is recorded
    world = World(host)
    world.holder.register(world.did_record())
    world.issuer.bring(world.issuer_name, world.status_list())
    for case in CASES.values():
        case(world)
    world.presented(world.at_status(1), did=world.did)
    host.stop()
    recording = replica.record(host, made.blocks)
    one = replayed(recording, {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati"}, "0", "00")
    two = replayed(recording, {"PYTHONHASHSEED": "42", "TZ": "UTC"}, str(4 * 10**12), "a5c3")
    written = json.loads(json.dumps(made.told))
    assert len(written) > 15
    assert one == written
    assert two == written
