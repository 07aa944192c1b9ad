"""`adyton chain`: fetch, show and verify a server's whole chain."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from adyton.cli import chain_compare
from adyton.cli.chain_copy import bring_up_to_date
from adyton.cli.connect import certificate_policy, open_session, the_pin
from adyton.cli.output import Output
from adyton.cli.settings import Settings, home_parent, json_parent, server_parent, settings_of
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.chain import ChainVerifier, VerifiedBlock
    from adyton.client.signers import Signers
    from adyton.protocol.ledger import Checkpoint

_DESCRIPTION = """\
Keep your own copy of a server's chain. Every block is verified: links, times, the log's root over
all entries, the signature of an attested key, the form of each entry, the runner's signature of each
end, and that your own receipts lie in it. Nothing in it can be read by anybody but the clients whose
results it holds.

Two clients that compare their heads notice a server that shows each of them another history.
"""


def add(nouns: Any) -> None:
    """Add the command and what it is followed by."""
    parser = nouns.add_parser(
        "chain",
        help="fetch, show and verify a server's whole chain",
        description=_DESCRIPTION,
        epilog="examples:\n  adyton chain sync && adyton chain verify && adyton chain show\n"
        "  adyton chain head            # send what it prints to another client\n"
        "  adyton chain compare HEAD    # HEAD: what the other client sent, or a file of it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    parents = [json_parent(), home_parent(), server_parent()]
    for name, handler, says in (
        ("sync", _sync, "fetch and verify what is new"),
        ("show", _show, "print the verified blocks"),
        ("verify", _verify, "verify the stored copy from genesis on, offline"),
    ):
        verb = verbs.add_parser(
            name, help=says, description=says, parents=parents, allow_abbrev=False
        )
        if name == "show":
            verb.add_argument("--from", dest="start", metavar="HEIGHT", type=int, default=1)
        verb.set_defaults(handler=handler, parser=verb)
    chain_compare.add(verbs, parents)


def _sync(args: argparse.Namespace, out: Output) -> int:
    settings = settings_of(args)
    with open_session(settings, out) as session:
        copied = bring_up_to_date(session, settings, out)
    verifier, added, receipts = copied.verifier, copied.added, copied.receipts
    out.text(f"chain {verifier.chain_id.hex()}: {added} new blocks", _summary(verifier))
    out.text(_receipts(receipts, 0))
    out.json({**_facts(verifier), "new_blocks": added, "receipts": receipts})
    return 0


def _verify(args: argparse.Namespace, out: Output) -> int:
    from adyton.cli.stored import stored_signers, stored_view
    from adyton.client.keystore import Keystore
    from adyton.client.own_receipts import OwnReceipts

    settings = settings_of(args)
    keystore = Keystore(settings.home)
    pin = the_pin(keystore, settings)
    store = keystore.chain(pin.chain_id)
    try:
        own, view = OwnReceipts(store.requests()), stored_view(store, pin)
    finally:
        store.close()
    signers = stored_signers(pin, view, settings)
    seen = [] if view.checkpoint is None else [view.checkpoint]
    verifier = _stored(settings, out, own.keep, seen=seen, signers=signers)
    inside, later = own.require_in(verifier, signers)
    out.text(f"chain {verifier.chain_id.hex()}: every block verifies", _summary(verifier))
    out.text(_receipts(inside, later))
    facts = {"verified": True, "receipts": inside, "later_receipts": later}
    out.json({**_facts(verifier), **facts})
    return 0


def _receipts(inside: int, later: int) -> str:
    if not inside + later:
        return "your own receipts: none are kept here"
    said = f"your own receipts: {inside} verified, each lies in it"
    return said + (f"; {later} of later blocks, `adyton chain sync` fetches them" if later else "")


def _show(args: argparse.Namespace, out: Output) -> int:
    wanted: list[VerifiedBlock] = []

    def keep(block: VerifiedBlock) -> None:
        if block.header.height >= args.start:
            wanted.append(block)

    verifier = _stored(settings_of(args), out, keep)
    # Nothing is shown before all of it is verified.
    for block in wanted:
        out.text(*_lines(block))
    out.text(_summary(verifier))
    out.json({**_facts(verifier), "blocks": [_block_json(block) for block in wanted]})
    return 0


def _stored(
    settings: Settings,
    out: Output,
    keep: Callable[[VerifiedBlock], None] | None = None,
    *,
    seen: Sequence[Checkpoint] = (),
    signers: Signers | None = None,
) -> ChainVerifier:
    """Verify the stored chain of the server that is meant; each block is given to `keep`."""
    from adyton.cli.connect import allow_platform
    from adyton.client.chain_store import BlockFile
    from adyton.client.chain_sync import verify_stored
    from adyton.client.keystore import Keystore

    keystore = Keystore(settings.home)
    pin = the_pin(keystore, settings)
    allow_platform(pin, settings, out)

    def verified(block: VerifiedBlock) -> None:
        out.progress(f"verified {block.header.height} blocks")
        if keep is not None:
            keep(block)

    try:
        return verify_stored(
            BlockFile(keystore.home, pin.chain_id),
            policy=certificate_policy(frozenset({pin.fingerprint}), settings),
            now_ms=time.time_ns() // 1_000_000,
            seen=seen,
            signers=signers,
            keep=verified,
        )
    except UsageError as problem:
        if problem.code != "not_found":
            raise
        raise UsageError(
            "not_found", "nothing is stored of this chain yet; `adyton chain sync` fetches it"
        ) from None


def _summary(verifier: ChainVerifier) -> str:
    if verifier.last is None:
        return "no blocks yet"
    from adyton.client.verdict import utc

    header = verifier.last.header
    return (
        f"verified: {verifier.height} blocks, {verifier.size} entries, "
        f"last of {utc(header.time_ms)} (host's word)"
    )


def _facts(verifier: ChainVerifier) -> dict[str, Any]:
    return {
        "chain_id": verifier.chain_id.hex(),
        "fingerprint": verifier.fingerprint.hex(),
        "height": verifier.height,
        "entries": verifier.size,
        "last_hash": verifier.last.hash.hex() if verifier.last else None,
    }


def _lines(block: VerifiedBlock) -> list[str]:
    from adyton.client.verdict import utc

    header, count = block.header, len(block.parts)
    counted = "1 entry" if count == 1 else f"{count} entries"
    lines = [
        f"block {header.height}  {utc(header.time_ms)}  {counted}",
        f"  previous {header.previous.hex()}",
        f"  hash     {block.hash.hex()}",
    ]
    for part in block.parts:
        name = part.task_hash.hex() if part.task_hash else "-"
        lines.append(f"  {part.kind:<8} {name}{'  ' + part.code if part.code else ''}")
    return lines


def _block_json(block: VerifiedBlock) -> dict[str, Any]:
    header, facts = block.header, block.checkpoint.facts
    return {
        "height": header.height,
        "time_ms": header.time_ms,
        "transactions": len(block.parts),
        "previous": header.previous.hex(),
        "hash": block.hash.hex(),
        "log_size": facts.size,
        "log_root": block.checkpoint.root.hex(),
        "state_root": facts.state_root.hex(),
        "epoch": facts.epoch,
        "entries": [
            {
                "index": block.first_index + index,
                "kind": part.kind,
                "task_hash": part.task_hash.hex() if part.task_hash else None,
                "code": part.code,
            }
            for index, part in enumerate(block.parts)
        ],
    }
