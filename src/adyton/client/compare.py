"""Two clients' heads of one chain: the same, one further on in the same history, or two histories.

Each was verified by whoever made it; together they show what neither can see alone, a server that
shows each client a history of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from adyton.client.accusation import accuse
from adyton.client.checkpoint_order import by_order, contradiction, same_block
from adyton.client.server_api import ServerApi
from adyton.client.signers import Signers
from adyton.core.errors import (
    ConflictError,
    ForkError,
    ReceiptError,
    RollbackError,
    UnavailableError,
    VerificationError,
)
from adyton.core.merkle import verify_consistency
from adyton.protocol.conflict import ChainHead
from adyton.protocol.ledger import Checkpoint

SIGNATURES: Final = "signatures"
COPY: Final = "copy"
SERVER: Final = "server"
_ATTEMPTS: Final = 2  # one bad proof may be an accident of the way
_UNJOINED: Final = "the server cannot show that both heads are of one history"


@dataclass(frozen=True)
class Comparison:
    """Two heads of one history.

    Attributes:
        relation: of the first to the second: `same`, `ahead` or `behind`.
        shown_by: what shows it: `signatures` alone, the client's own `copy`, or the `server`.
    """

    one: Checkpoint
    other: Checkpoint
    relation: str
    shown_by: str


def verified_head(unverified: ChainHead, signers: Signers) -> Checkpoint:
    """Return the checkpoint of a head that a recorder of this chain signed.

    Trust: the head comes from anybody.

    Raises:
        MalformedError: its checkpoint has not its one form.
        UnknownKeyError: it brings no evidence of the key, and the key is not known here.
        VerificationError: it is of another chain, or evidence or signature do not hold.
    """
    checkpoint = Checkpoint.decode(unverified.checkpoint)
    if unverified.evidence is not None:
        signers.add([unverified.evidence])
    signers.require_signed(checkpoint)
    return checkpoint


def require_one_history(
    one: Checkpoint, other: Checkpoint, signers: Signers, *, kept: Iterable[Checkpoint] = ()
) -> None:
    """Refuse two verified checkpoints that contradict each other by themselves.

    Raises:
        ForkError: they do; with portable evidence.
    """
    problem = contradiction(one, other)
    if problem:
        found = ForkError("fork", problem, one.encode(), other.encode())
        raise accuse(found, signers, kept=kept)


def compare(
    one: Checkpoint,
    other: Checkpoint,
    signers: Signers,
    *,
    copied: int = 0,
    api: ServerApi | None = None,
    kept: Iterable[Checkpoint] = (),
) -> Comparison:
    """Tell how two verified checkpoints of one chain go together.

    Trust: runs in the client; both were signed by recorders of the chain, which may serve two
    histories; the server's word counts where it is a proof.

    Args:
        one, other: signed, and verified.
        signers: of the chain.
        copied: height of the client's own copy, which was verified and held against both.
        api: the server, to be asked for a consistency proof; None offline.
        kept: other checkpoints that this client keeps, not verified.

    Raises:
        ForkError: two histories. RollbackError: the server has gone back behind them. Both with
            portable evidence.
        UnavailableError: nothing contradicts them, and nothing at hand joins them.
    """
    require_one_history(one, other, signers, kept=kept)
    if same_block(one, other):
        return Comparison(one, other, "same", SIGNATURES)
    older, newer = by_order(one, other)
    relation = "ahead" if newer is one else "behind"
    if older.facts.size == newer.facts.size:
        return Comparison(one, other, relation, SIGNATURES)  # blocks without entries between
    if copied >= newer.facts.height:
        return Comparison(one, other, relation, COPY)
    if api is None:
        raise UnavailableError(
            "unreachable", "nothing here joins the two; sync the chain, or ask the server"
        )
    _join(older, newer, signers, api, kept)
    return Comparison(one, other, relation, SERVER)


def _join(
    older: Checkpoint,
    newer: Checkpoint,
    signers: Signers,
    api: ServerApi,
    kept: Iterable[Checkpoint],
) -> None:
    """Have the server show that the newer log begins with the older."""
    old, size = older.facts.size, newer.facts.size
    path: tuple[bytes, ...] = ()
    for _ in range(_ATTEMPTS):
        try:
            path = api.get_checkpoint(old, size).consistency
        except RollbackError:
            raise _went_back(older, newer, signers, api, kept) from None
        try:
            verify_consistency(old, older.root, size, newer.root, path)
        except ReceiptError:
            continue
        return
    found = ForkError("fork", _UNJOINED, older.encode(), newer.encode(), path)
    raise accuse(found, signers, kept=kept, api=api)


def _went_back(
    older: Checkpoint,
    newer: Checkpoint,
    signers: Signers,
    api: ServerApi,
    kept: Iterable[Checkpoint],
) -> ConflictError:
    """Return what the server's own signature says of its claim that its log is smaller."""
    shown = Checkpoint.decode(api.get_checkpoint(0).checkpoint)
    signers.require_signed(shown)
    size = newer.facts.size
    if shown.facts.size >= size:
        raise VerificationError(
            "answer_invalid", "the server says rollback, and shows a newer checkpoint"
        )
    for seen in (newer, older):
        require_one_history(seen, shown, signers)
    said = f"the server shows a log of {shown.facts.size} entries where {size} were seen"
    found = RollbackError("rollback", said, newer.encode(), shown.encode())
    return accuse(found, signers, kept=kept, api=api)
