"""Steps 7 and 8 of a check: what a holder has sealed is opened, if it has the one form of that."""

from __future__ import annotations

from typing import Final

from adyton.core.crypto import HPKE_OVERHEAD, HpkeKey
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.steps import Checklist, Step
from adyton.protocol.identity.requests import (
    SEALED_LEAST,
    Presented,
    SealedPresentation,
    sealed_size,
)

_WHAT: Final = "what was sealed"


def open_presentation(
    unverified: SealedPresentation,
    key: HpkeKey,
    chain_id: bytes,
    request: bytes,
    steps: Checklist,
) -> Presented:
    """Return what was sealed for a request.

    Trust: runs in the enclave; `unverified` comes from a stranger.

    Args:
        unverified: sealed to the intake key of its epoch.
        key: of that epoch.
        chain_id: of the network.
        request: name of the request that it is to answer.
        steps: has passed step 6; shows afterwards how far this came.

    Raises:
        CredentialError: `envelope`, `unopenable` or `presented`.
    """
    steps.at(Step.ENVELOPE)
    size = len(unverified.sealed) - HPKE_OVERHEAD
    if size < SEALED_LEAST or sealed_size(size) != size:
        raise refused(Reason.ENVELOPE, _WHAT)

    steps.at(Step.DECRYPTION)
    try:
        return unverified.open(key, chain_id, request)
    except MalformedError:
        raise refused(Reason.PRESENTED, _WHAT) from None
    except VerificationError:
        raise refused(Reason.UNOPENABLE, _WHAT) from None
