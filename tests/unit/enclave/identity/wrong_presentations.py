"""Presentations that are wrong in one thing: sealed by the test itself, or bound, signed and shown otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adyton.core.contexts import Context
from adyton.core.crypto import hpke_seal
from adyton.protocol.envelope import epoch_bytes
from adyton.protocol.identity.requests import Present, PresentationRequest, SealedPresentation
from tests.credential_kit import HOLDER_KEY, ISSUER_KEY, digest, jws
from tests.identity_kit import World
from tests.identity_told import Told


def sealed(world: World, make: Callable[[World, PresentationRequest], bytes]) -> Told:
    """Have something of the test's own sealing checked."""
    request = world.ask()
    return world.party.present(Present(request, SealedPresentation(0, make(world, request))))


def seal(world: World, request: PresentationRequest, plain: bytes, **changed: Any) -> bytes:
    """Seal bytes as a presentation."""
    intake = changed.get("intake", world.host.evidence().epoch.record.intake_key)
    name = changed.get("name", request.name())
    info = (changed.get("chain_id", request.chain_id), epoch_bytes(changed.get("epoch", 0)), name)
    return hpke_seal(intake, plain, changed.get("context", Context.HPKE_PRESENTATION), *info)


def changed_bound(world: World, presentation: str, payload: dict[str, Any], **header: Any) -> str:
    """Return a presentation with another key binding."""
    head, _, _ = presentation.rpartition("~")
    head += "~"
    values = {"iat": world.now_s, "sd_hash": digest(head), **payload}
    values = {name: value for name, value in values.items() if value is not None}
    return head + jws({"alg": "ES256", "typ": "kb+jwt", **header}, values, HOLDER_KEY)


def rebound(world: World, payload: dict[str, Any], **header: Any) -> Told:
    request = world.ask()
    given = {"aud": request.audience, "nonce": request.nonce, **payload}
    text = changed_bound(world, world.bound(request), given, **header)
    return world.party.present(world.seal(request, text))


def unchecked(world: World, text: Callable[[str], str]) -> Told:
    """Have a presentation checked whose text was changed."""
    request = world.ask()
    return world.party.present(world.seal(request, text(world.bound(request))))


def bare(world: World, payload: dict[str, Any], typ: str = "dc+sd-jwt") -> Told:
    """Have a credential checked that the issuer has signed as it stands."""
    head = jws({"alg": "ES256", "typ": typ}, {"exp": world.now_s + 100, **payload}, ISSUER_KEY)
    return unchecked(world, lambda text: f"{head}~{text.rpartition('~')[2]}")
