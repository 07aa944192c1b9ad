"""How large what a holder seals is: one of five sizes, whatever is in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.core import limits
from adyton.core.crypto import HPKE_OVERHEAD, HpkeKey
from adyton.core.errors import VerificationError
from adyton.protocol.identity.requests import (
    SEALED_LEAST,
    PresentationRequest,
    Presented,
    SealedPresentation,
    sealed_size,
)

KEY = HpkeKey(b"\x11" * 32)
REQUEST = PresentationRequest(bytes(32), bytes(32), bytes(32), bytes(32), 0, 1, bytes(16))
LARGEST = Presented("x" * (limits.PRESENTATION - 2048), "d" * limits.DID)


def sealed(presented: Presented) -> SealedPresentation:
    return SealedPresentation.seal(presented, KEY.public, REQUEST, 0)


def test_it_is_one_of_five() -> None:
    sizes = {
        len(sealed(Presented("x" * length, "")).sealed) - HPKE_OVERHEAD
        for length in range(0, len(LARGEST.presentation), 499)
    }
    assert sizes == {SEALED_LEAST << step for step in range(5)}
    assert len(sealed(LARGEST).sealed) - HPKE_OVERHEAD == limits.PRESENTATION
    assert [sealed_size(size) for size in (0, 1, 4096, 4097, 8192, 8193)] == [
        4096, 4096, 4096, 8192, 8192, 16384,
    ]  # fmt: skip


@pytest.mark.parametrize("presented", [Presented("x", "d"), Presented("x" * 9000, ""), LARGEST])
def test_it_opens_to_what_it_was(presented: Presented) -> None:
    made = sealed(presented)
    assert made.open(KEY, REQUEST.chain_id, REQUEST.name()) == presented
    with pytest.raises(VerificationError):
        made.open(KEY, REQUEST.chain_id, replace(REQUEST, epoch=1).name())
