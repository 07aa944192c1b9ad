"""All targets, of every part of the product."""

from __future__ import annotations

from typing import Final

from fuzz.target import Target
from fuzz.targets import (
    client,
    contracts,
    core,
    credentials,
    enclave,
    ethereum,
    host,
    identity,
    mqtt,
    wallet,
)

TARGETS: Final[tuple[Target, ...]] = (
    *core.TARGETS,
    *enclave.TARGETS,
    *host.TARGETS,
    *client.TARGETS,
    *contracts.TARGETS,
    *ethereum.TARGETS,
    *credentials.TARGETS,
    *identity.TARGETS,
    *mqtt.TARGETS,
    *wallet.TARGETS,
)
