"""`adyton chain head` and `adyton chain compare`: two clients find out whether they see one chain."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import allow_platform, certificate_policy, open_session, the_pin
from adyton.cli.output import Output
from adyton.cli.settings import Settings, settings_of
from adyton.cli.stored import stored_signers, stored_view
from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adyton.client.chain_keeping import ChainStore
    from adyton.client.compare import Comparison
    from adyton.client.records import Pin
    from adyton.client.server_api import ServerApi
    from adyton.client.signers import Signers
    from adyton.protocol.ledger import Checkpoint

    Decide = Callable[[Checkpoint | None, Signers, ChainStore, Pin, ServerApi | None], Comparison]

_HEAD: Final = """\
Print where you stand: the newest checkpoint that this client has verified, with the evidence of the
key that signed it, as one line of text. Send it to another client of the same server, who compares it
with what that server shows there. It holds nothing secret; it says how far the chain was when you last
looked.
"""
_COMPARE: Final = """\
Compare the head of another client with your own, or two heads with each other. Says whether they are
the same, or one is further on in the same history, as your own copy (`adyton chain sync`) or a proof
that the server must give shows. Where they are of two histories, the exit status is 4, and the evidence
is written to a file that anybody can check with `adyton verify`.
"""
_FROM: Final = {
    "signatures": "both signatures say so",
    "copy": "your own copy of the chain shows it",
    "server": "the server proved it",
}


def add(verbs: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add both verbs to `adyton chain`."""
    head = verbs.add_parser(
        "head",
        help="print where you stand, for another client to compare",
        description=_HEAD,
        epilog="example:\n  adyton chain head --out alice.head",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=parents,
        allow_abbrev=False,
    )
    head.add_argument("--out", metavar="FILE", help="write it to a file")
    head.add_argument(
        "--short",
        action="store_true",
        help="without evidence: the other must know the server's key",
    )
    head.set_defaults(handler=_head, parser=head)
    compare = verbs.add_parser(
        "compare",
        help="compare another client's head with yours",
        description=_COMPARE,
        epilog="examples:\n  adyton chain compare alice.head\n  adyton chain compare adyton-head:gmxj…\n"
        "  adyton chain compare alice.head bob.head --offline",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=parents,
        allow_abbrev=False,
    )
    compare.add_argument("head", metavar="HEAD", help="a head's text, a file of it, or - for stdin")
    compare.add_argument("other", metavar="OTHER", nargs="?", help="another head; default: yours")
    compare.add_argument(
        "--offline", action="store_true", help="ask no server; your own copy of the chain decides"
    )
    compare.set_defaults(handler=_compare, parser=compare)


def _head(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.chain_head import head_text
    from adyton.client.conflict_verdict import checkpoint_json, checkpoint_line
    from adyton.client.keystore import Keystore
    from adyton.protocol.conflict import ChainHead

    settings = settings_of(args)
    keystore = Keystore(settings.home)
    pin = the_pin(keystore, settings)
    allow_platform(pin, settings, out)
    store = keystore.chain(pin.chain_id)
    try:
        view = stored_view(store, pin)
    finally:
        store.close()
    checkpoint = _seen(view.checkpoint)
    signers = stored_signers(pin, view, settings)
    signers.require_signed(checkpoint)
    (evidence,) = signers.bundles
    text = head_text(ChainHead(checkpoint.encode(), None if args.short else evidence))
    if args.out:
        Path(args.out).write_text(text + "\n", "ascii")
        out.note(f"adyton: wrote {args.out}: {checkpoint_line(checkpoint)}")
    else:
        out.text(text)
    out.json({"head": text, "out": args.out, **checkpoint_json(checkpoint)})
    return 0


def _compare(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.chain_head import parse_head
    from adyton.client.compare import verified_head

    heads = [parse_head(_text(given)) for given in (args.head, args.other) if given is not None]
    settings = settings_of(args)

    def decide(
        own: Checkpoint | None, signers: Signers, store: ChainStore, pin: Pin, api: ServerApi | None
    ) -> Comparison:
        found = [verified_head(head, signers) for head in heads]
        one, other = found[0], found[1] if len(found) > 1 else _seen(own)
        return _decided(one, other, signers, store, pin, api, settings)

    comparison = _offline(settings, out, decide) if args.offline else _asking(settings, out, decide)
    _say(comparison, "the second" if args.other else "yours", out)
    return 0


def _offline(settings: Settings, out: Output, decide: Decide) -> Comparison:
    from adyton.client.keystore import Keystore

    keystore = Keystore(settings.home)
    pin = the_pin(keystore, settings)
    allow_platform(pin, settings, out)
    store = keystore.chain(pin.chain_id)
    try:
        view = stored_view(store, pin)
        return decide(view.checkpoint, stored_signers(pin, view, settings), store, pin, None)
    finally:
        store.close()


def _asking(settings: Settings, out: Output, decide: Decide) -> Comparison:
    """Decide with the server's help; without it where it does not answer."""
    with open_session(settings, out) as session:
        keeper, pin, store = session.keeper, session.pin, session.store
        try:
            # What the server shows us now counts for us too: it must go on from what we have seen.
            keeper.update()
        except UnavailableError as problem:
            out.note(f"adyton: the server does not answer, comparing offline: {problem}")
            view = keeper.snapshot()
            return decide(view.checkpoint, stored_signers(pin, view, settings), store, pin, None)
        own = keeper.snapshot().checkpoint
        return decide(own, keeper.signers(), store, pin, session.api)


def _decided(
    one: Checkpoint,
    other: Checkpoint,
    signers: Signers,
    store: ChainStore,
    pin: Pin,
    api: ServerApi | None,
    settings: Settings,
) -> Comparison:
    """Hold both against each other, against the client's own copy, and against the server."""
    from adyton.client.accusation import kept_checkpoints, stored_chain
    from adyton.client.chain_sync import verify_stored
    from adyton.client.compare import compare, require_one_history

    stored = stored_chain(store.directory, pin.chain_id)

    def kept() -> Iterator[Checkpoint]:
        return kept_checkpoints(store.requests, stored, signers)

    require_one_history(one, other, signers, kept=kept())
    copied = 0
    try:
        copied = verify_stored(
            stored,
            policy=certificate_policy(frozenset({pin.fingerprint}), settings),
            now_ms=signers.now_ms,
            seen=[one, other],
            signers=signers,
        ).height
    except UsageError as problem:
        if problem.code != "not_found":
            raise
    return compare(one, other, signers, copied=copied, api=api, kept=kept())


def _say(comparison: Comparison, other: str, out: Output) -> None:
    from adyton.client.conflict_verdict import checkpoint_json, checkpoint_line

    one_size, other_size = comparison.one.facts.size, comparison.other.facts.size
    first = "the first" if other == "the second" else "that head"
    said = {
        "same": f"same: {first} and {other} are one",
        "ahead": f"ahead: {first} continues {other} by {one_size - other_size} entries",
        "behind": f"behind: {other} continues {first} by {other_size - one_size} entries",
    }[comparison.relation]
    out.text(
        f"{said}; {_FROM[comparison.shown_by]}",
        f"  {first:<10} {checkpoint_line(comparison.one)}",
        f"  {other:<10} {checkpoint_line(comparison.other)}",
    )
    out.json(
        {
            "relation": comparison.relation,
            "shown_by": comparison.shown_by,
            "one": checkpoint_json(comparison.one),
            "other": checkpoint_json(comparison.other),
        }
    )


def _seen(checkpoint: Checkpoint | None) -> Checkpoint:
    if checkpoint is None:
        raise UsageError(
            "not_found", "this client has seen nothing of the chain yet; `adyton chain sync` looks"
        )
    return checkpoint


def _text(given: str) -> str:
    """Return a head's text: given itself, in a file, or on standard input."""
    from adyton.client.chain_head import PREFIX

    if given.startswith(PREFIX):
        return given
    most = 4 * limits.EVIDENCE
    if given == "-":
        return sys.stdin.read(most)
    with Path(given).open("rb") as file:
        return file.read(most).decode("ascii", "replace")
