"""The vectors of epochs: a proposal of the next one, and a refusal at each step."""

from dataclasses import replace
from typing import Any

from adyton.core.contexts import Context
from adyton.enclave.keys import intake_key
from adyton.protocol.epoch import (
    EpochProposal,
    SignedEpochProposal,
    next_secret,
    proposal_info,
    secret_digest,
)
from tests.unit.attestation.forge import RECORDER
from tools.spec_case import Case
from tools.spec_world import CHAIN_ID, EPOCH_SECRET, GENESIS, KEYS, STRANGER, World

_FRESH = b"\x23" * 32
_DUE = GENESIS.configuration.epochs.blocks


def epoch_cases(world: World) -> list[Case]:
    """Return the vectors, one for each step at least."""
    info = proposal_info(CHAIN_ID, 0, 1)
    sealed = world.once.seal("epoch proposal", KEYS.node, _FRESH, Context.HPKE_EPOCH, *info)
    other = world.once.seal(
        "epoch proposal, other", KEYS.node, bytes(32), Context.HPKE_EPOCH, *info
    )
    secret = next_secret(EPOCH_SECRET, _FRESH, CHAIN_ID, 1)
    good = EpochProposal(
        CHAIN_ID,
        0,
        1,
        sealed,
        secret_digest(secret, CHAIN_ID, 1),
        intake_key(secret, CHAIN_ID, 1).public,
        RECORDER.public,
    )
    signed = SignedEpochProposal.sign(good, RECORDER)
    bytes_of = signed.encode()

    def case(
        name: str, made: bytes, code: str = "", step: int | None = None, **changed: Any
    ) -> Case:
        given: dict[str, Any] = {"proposal": made.hex(), "height": _DUE}
        return Case(name, "accept_epoch", given | changed, code, step)

    def changed(**fields: Any) -> bytes:
        return SignedEpochProposal.sign(replace(good, **fields), RECORDER).encode()

    forged = SignedEpochProposal(good, STRANGER.sign(Context.SIGN_EPOCH_PROPOSAL, good.encode()))
    return [
        case("a proposal", bytes_of),
        case("a proposal that comes late", bytes_of, height=_DUE + 50),
        case("a proposal and a byte", bytes_of + b"\x00", "malformed"),
        case("signed by another key than it names", forged.encode(), "bad_signature"),
        case("for another chain", changed(chain_id=bytes(32)), "wrong_chain", 1),
        case("for another incarnation", changed(incarnation=1), "wrong_chain", 1),
        case("of the current epoch", changed(epoch=0), "wrong_epoch", 2),
        case("of the epoch after the next", changed(epoch=2), "wrong_epoch", 2),
        case("a second one", bytes_of, "wrong_epoch", 2, before=[[bytes_of.hex(), _DUE]]),
        case("an early one", bytes_of, "not_yet_valid", 3, height=_DUE - 1),
        case("altered bytes", changed(sealed=bytes(80)), "unopenable", 4),
        case("other fresh bytes", changed(sealed=other), "unopenable", 5),
        case("another secret's digest", changed(secret_digest=bytes(32)), "unopenable", 5),
        case("another intake key", changed(intake_key=RECORDER.public), "unopenable", 5),
    ]  # fmt: skip
