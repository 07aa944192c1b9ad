"""The targets, by name; each is a function of bytes that raises only where a promise is broken."""

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

TARGETS: Final[dict[str, Target]] = {
    target.name: target
    for module in (
        core,
        enclave,
        host,
        client,
        contracts,
        ethereum,
        credentials,
        identity,
        mqtt,
        wallet,
    )
    for target in module.TARGETS
}
