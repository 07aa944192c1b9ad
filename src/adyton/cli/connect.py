"""From settings to a session: which server, what is pinned for it, whether its platform is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adyton.cli.output import Output
from adyton.cli.settings import Settings
from adyton.core.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from adyton.client.certificate import CertificatePolicy
    from adyton.client.keystore import Keystore
    from adyton.client.records import Pin
    from adyton.client.session import Session
    from adyton.protocol.envelope import Invite


def open_session(settings: Settings, out: Output) -> Session:
    """Return a session with the server that is meant, which must be trusted already.

    Raises:
        UsageError: no server is named and not exactly one is trusted.
        PolicyError: `not_trusted`, or `simulated_refused`.
    """
    from adyton.attestation.policy import AppraisalPolicy
    from adyton.client.keystore import Keystore
    from adyton.client.opening import open_transport
    from adyton.client.session import Session

    keystore = Keystore(settings.home)
    pin = the_pin(keystore, settings)
    allow_platform(pin, settings, out)
    return Session(
        keystore,
        open_transport(pin.server, settings.home),
        AppraisalPolicy(allow_simulated=settings.allow_simulated),
        invite=_invite(keystore, pin),
    )


def the_pin(keystore: Keystore, settings: Settings) -> Pin:
    """Return the pin of the server that is meant: the one named, or the only one there is.

    Raises:
        UsageError: none is named, and there are several.
        PolicyError: `not_trusted`.
    """
    from adyton.client.transport import normal_url

    if settings.server is not None:
        server = normal_url(settings.server)
        pin = keystore.pin(server)
        if pin is None:
            raise PolicyError("not_trusted", f"no fingerprint is pinned for {server}")
        return pin
    pins = keystore.pins()
    if not pins:
        raise PolicyError("not_trusted", "no server is trusted yet")
    if len(pins) > 1:
        named = ", ".join(pin.server for pin in pins)
        raise UsageError("usage", f"several servers are trusted; name one with --server: {named}")
    return pins[0]


def allow_platform(pin: Pin, settings: Settings, out: Output) -> None:
    """Refuse a simulated platform that was not allowed, and warn of one that was.

    Raises:
        PolicyError: `simulated_refused`.
    """
    from adyton.protocol.genesis import Genesis

    if Genesis.decode(pin.genesis).configuration.platform != "simulated":
        return
    if not settings.allow_simulated:
        raise PolicyError("simulated_refused", f"{pin.server} runs on the simulated platform")
    out.warn_simulated()


def pinned_fingerprints(home: Path) -> frozenset[bytes]:
    """Return every fingerprint that is pinned in a client's directory; the directory is not made."""
    from adyton.client.keystore import Keystore

    if not (home / "pins").is_dir():
        return frozenset()
    return frozenset(pin.fingerprint for pin in Keystore(home).pins())


def certificate_policy(
    fingerprints: frozenset[bytes],
    settings: Settings,
    *,
    least_ordering: str = "single-host",
    max_age_s: int | None = None,
    allow_stale: bool = False,
) -> CertificatePolicy:
    """Return the policy under which certificates and chains are verified."""
    from adyton.client.certificate import CertificatePolicy
    from adyton.core import limits
    from adyton.protocol.words import PLATFORM_KINDS

    age_s = limits.EVIDENCE_AGE_S if max_age_s is None else max_age_s
    return CertificatePolicy(
        fingerprints=fingerprints,
        kinds=frozenset(PLATFORM_KINDS),
        allow_simulated=settings.allow_simulated,
        least_ordering=least_ordering,
        max_evidence_age_ms=age_s * 1000,
        allow_stale=allow_stale,
    )


def invite_path(home: Path, chain_id: bytes) -> Path:
    """Return where a client keeps its invitation to a chain."""
    return home / "chains" / chain_id.hex() / "invite"


def _invite(keystore: Keystore, pin: Pin) -> Invite | None:
    from adyton.protocol.envelope import Invite

    path = invite_path(keystore.home, pin.chain_id)
    return Invite.decode(path.read_bytes()) if path.exists() else None


def hex_bytes(text: str, size: int, what: str) -> bytes:
    """Return the bytes that hex digits stand for.

    Raises:
        UsageError: not so many hex digits.
    """
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != size or len(text) != 2 * size:
        raise UsageError("usage", f"{what} is {2 * size} hex digits")
    return value
