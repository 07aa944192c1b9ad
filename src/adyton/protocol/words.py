"""The closed vocabularies of the protocol."""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core.errors import PolicyError
from adyton.core.fields import OneOf

PLATFORM_KINDS: Final = ("simulated",)
ORDERING_LEVELS: Final = ("single-host", "anchored", "bft")  # weakest first
TIME_SOURCES: Final = ("host", "bft")
ADMISSIONS: Final = ("open", "invite")
ENTRY_KINDS: Final = ("start", "request", "finish", "epoch", "void")
ROLES: Final = ("recorder", "runner")
SANDBOX_TIERS: Final = ("namespaces", "none")

PlatformKind = Annotated[str, OneOf.of(*PLATFORM_KINDS)]
Ordering = Annotated[str, OneOf.of(*ORDERING_LEVELS)]
TimeSource = Annotated[str, OneOf.of(*TIME_SOURCES)]
Admission = Annotated[str, OneOf.of(*ADMISSIONS)]
EntryKind = Annotated[str, OneOf.of(*ENTRY_KINDS)]
Role = Annotated[str, OneOf.of(*ROLES)]
SandboxTier = Annotated[str, OneOf.of(*SANDBOX_TIERS)]


def require_ordering(offered: str, least: str) -> None:
    """Refuse a request that asks for more than the chain offers.

    Raises:
        PolicyError: `offered` is weaker than `least`.
    """
    if ORDERING_LEVELS.index(offered) < ORDERING_LEVELS.index(least):
        raise PolicyError("ordering_unavailable", f"this chain orders by {offered}, not by {least}")
