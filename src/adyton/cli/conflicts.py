"""Evidence of two histories: every command that meets it keeps it in a file; `adyton verify` judges it."""

from __future__ import annotations

import argparse
import base64
import time
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.output import Output
from adyton.cli.settings import settings_of
from adyton.core.errors import ConflictError, Error, MalformedError

if TYPE_CHECKING:
    from adyton.client.certificate import CertificatePolicy

NOT_PROVED: Final = 4
_MOST: Final = 64  # files: a server that goes on forking must not fill the disk
_NAME: Final = b"chain-conflict/"


def is_conflict(unverified: bytes) -> bool:
    """Tell whether the bytes mean to be a conflict; a byte wrong in its name is refused as another file."""
    return _NAME in unverified[:64]


def judge(unverified: bytes, policy: CertificatePolicy, out: Output) -> int:
    """Verify a conflict offline, print what it means, and return the exit status: 0 for proof alone.

    Raises:
        MalformedError, PolicyError, VerificationError: as `verify_conflict`.
    """
    from adyton.client.conflict import verify_conflict

    try:
        verdict = verify_conflict(unverified, policy=policy, now_ms=time.time_ns() // 1_000_000)
    except MalformedError as problem:
        raise MalformedError("conflict_invalid", f"not a conflict: {problem.message}") from problem
    if verdict.platform == "simulated":
        out.warn_simulated()
    out.text(*verdict.lines())
    out.json(verdict.to_json())
    return 0 if verdict.proved else NOT_PROVED


def keep(problem: ConflictError, args: argparse.Namespace, out: Output) -> dict[str, Any] | None:
    """Write the evidence into the client's directory, say where, and return it for programs.

    HOME/conflicts/<digest of both checkpoints>.conflict; the first file of a pair stays, and of all
    files the first 64.

    Returns:
        None where the error is a mere claim, which there is no evidence of.
    """
    import hashlib

    from adyton.client.checkpoint_order import contradiction
    from adyton.client.conflict_verdict import checkpoint_json
    from adyton.client.private_files import make_directory, write
    from adyton.protocol.conflict import ChainConflict
    from adyton.protocol.ledger import Checkpoint

    if not problem.evidence:
        return None
    conflict = ChainConflict.decode(problem.evidence)
    held, shown = Checkpoint.decode(conflict.held), Checkpoint.decode(conflict.shown)
    proved = bool(conflict.nodes or contradiction(held, shown))
    kept: dict[str, Any] = {
        "path": None,
        "proved": proved,
        "held": checkpoint_json(held),
        "shown": checkpoint_json(shown),
        "evidence": base64.b64encode(problem.evidence).decode("ascii"),
    }
    name = hashlib.sha256(conflict.held + conflict.shown).hexdigest()[:32]
    try:
        home = settings_of(args).home.absolute()
        make_directory(home)
        make_directory(home / "conflicts")
        path = home / "conflicts" / f"{name}.conflict"
        if not path.exists() and sum(1 for _ in path.parent.iterdir()) >= _MOST:
            out.note(f"  {_MOST} conflicts are kept in {path.parent} already; this one is not")
            return kept
        write(path, problem.evidence, replace=False)
    except Error as unwritten:
        out.note(f"  the evidence could not be kept: {unwritten}")
        return kept
    kept["path"] = str(path)
    # The file of an earlier time differs in the time alone; programs are given what is in it.
    kept["evidence"] = base64.b64encode(path.read_bytes()).decode("ascii")
    what = "proof, for anybody" if proved else "a report, which proves nothing to others"
    out.note(f"  evidence: {path}", f"  it is {what}: adyton verify {path}")
    return kept
