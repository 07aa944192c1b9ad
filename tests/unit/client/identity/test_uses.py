"""Uses: opened by whom they are for, out of a chain that has other entries too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from adyton.client import Session
from adyton.client.contract_events import EventReader
from adyton.client.identity_dids import new_did
from adyton.client.identity_uses import UseReader
from adyton.core.crypto import HpkeKey
from adyton.protocol.contract import ContractEntry
from adyton.protocol.derived import seal_derived
from adyton.protocol.identity.answers import (
    USE_LEAST,
    YES,
    CredentialUse,
    IdentityEntry,
)
from adyton.protocol.padding import pad
from tests.unit.client.identity.conftest import Desk

EXEC_ID = b"\x42" * 32


def block(*bodies: bytes | None) -> Any:
    """Return what a reader takes of a verified block."""
    header = SimpleNamespace(height=7, time_ms=1000, exec_id=lambda _epoch, _index: EXEC_ID)
    parts = tuple(
        SimpleNamespace(kind="request", body=body, epoch=0, task_hash=bytes(32)) for body in bodies
    )
    return cast(Any, SimpleNamespace(header=header, parts=parts))


def sealed_to(public: bytes, desk: Desk, exec_id: bytes = EXEC_ID) -> bytes:
    use = CredentialUse(
        bytes(32), desk.party, "Kino Nord", desk.policy.hash(), 0, 7, 1000, YES, desk.issuer, "card"
    )
    padded = pad(use.encode(), least=USE_LEAST)
    return seal_derived(b"\x11" * 32, exec_id, 0, public, padded)


def test_uses_are_read_by_whom_they_are_for(session: Session, desk: Desk) -> None:
    own, _ = new_did(session)
    other = HpkeKey(b"\x33" * 32)
    reader = UseReader(session.pin.chain_id, [own])
    registered = IdentityEntry(desk.policy.encode(), ()).encode()
    mine = IdentityEntry(b"", (sealed_to(own.agreement[1], desk),)).encode()
    foreign = IdentityEntry(b"", (sealed_to(other.public, desk),)).encode()
    elsewhere = IdentityEntry(b"", (sealed_to(own.agreement[1], desk, bytes(32)),)).encode()
    call = ContractEntry(None, (), ()).encode()
    (seen,) = reader.read(block(None, registered, call, mine, foreign, elsewhere))
    assert (seen.did, seen.policy, seen.issuer) == (own.did, "Adults", "")
    assert (seen.use.party_name, seen.use.answer) == ("Kino Nord", YES)
    assert list(UseReader(session.pin.chain_id, []).read(block(mine))) == []
    # Who reads events of contracts is not stopped by entries of identity.
    assert list(EventReader(session.keystore.identity).read(block(mine, registered, call))) == []
