"""Before anything is signed: what it would do, in words, and what the policy says of it, rule by rule."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.output import Output, printable
from adyton.cli.wallet_meters import meters_of
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.protocol.wallet.answers import Shown
    from adyton.protocol.wallet.explain import Line
    from adyton.protocol.wallet.intent import Intent
    from adyton.protocol.wallet.policy import Decision, Meter, Policy
    from adyton.protocol.wallet.requests import Sign

_EMPTY: Final = b'{"v":1,"rules":[]}'


@dataclass(frozen=True)
class Preview:
    """What would be signed, and what a policy says of it.

    Attributes:
        words: the intent, a line each.
        decision: of the policy; None where there is no policy, which refuses everything.
        explained: every condition of every rule.
    """

    words: list[str]
    decision: Decision | None
    explained: list[Line]

    @property
    def effect(self) -> str:
        """`allow`, `approve` or `deny`."""
        return "deny" if self.decision is None else self.decision.effect

    @property
    def verdict(self) -> str:
        """The decision, in a line."""
        if self.decision is None:
            return (
                "policy   the wallet has none, so it signs nothing; "
                "set one with `adyton wallet policy set FILE`"
            )
        return f"policy   {self.decision.reason}"

    def lines(self) -> list[str]:
        """Return the intent and the decision."""
        return [printable(line) for line in (*self.words, self.verdict)]

    def steps(self) -> list[str]:
        """Return every condition of every rule, and how it came out."""
        listed, rule = [], None
        for line in self.explained[:-1]:
            if line.rule != rule:
                rule = line.rule
                listed.append(f"rule {rule}" if rule else "the wallet's limits")
            listed.append(f"  {line.outcome:<11}  {line.condition}")
        return [printable(line) for line in listed]

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        decision = self.decision
        return {
            "decision": self.effect,
            "rule": "" if decision is None else decision.rule,
            "reason": self.verdict.removeprefix("policy   "),
            "intent": self.words,
            "explained": [
                {"rule": line.rule, "condition": line.condition, "outcome": line.outcome}
                for line in self.explained
            ],
        }


def preview(
    policy: Policy | None,
    intent: Intent,
    client: bytes,
    owner: bytes,
    meters: Mapping[bytes, int],
) -> Preview:
    """Return what a policy says of an intent.

    Args:
        policy: the wallet's; None where it has none.
        intent: what would be signed.
        client: who asks.
        owner: whose wallet it is.
        meters: what the windows hold, by the meters' keys; what is absent holds nothing.
    """
    from adyton.protocol.wallet.decision import decide
    from adyton.protocol.wallet.describe import describe
    from adyton.protocol.wallet.explain import explain
    from adyton.protocol.wallet.policy_reader import read_policy

    def used(meter: Meter) -> int:
        return meters.get(meter.key, 0)

    if policy is None:
        return Preview(describe(read_policy(_EMPTY), intent), None, [])
    return Preview(
        describe(policy, intent),
        decide(policy, intent, client, owner, used),
        explain(policy, intent, client, owner, used),
    )


def preview_of(shown: Shown, asked: Sign, client: bytes) -> Preview:
    """Return what a wallet's own policy says of a request, with its limits as they stand.

    Raises:
        UsageError: the document does not say one thing.
    """
    from adyton.client.wallet_document import read_asked
    from adyton.protocol.wallet.policy_reader import read_policy

    policy = read_policy(shown.policy) if shown.policy else None
    intent = read_asked(asked, next_nonce(shown, asked))
    return preview(policy, intent, client, shown.wallet.owner, meters_of(shown))


def next_nonce(shown: Shown, asked: Sign) -> int:
    """Return the nonce that the wallet would choose for a request."""
    from adyton.client.wallet_document import read_asked

    transaction = read_asked(asked).transaction
    for one in shown.nonces:
        if transaction and (one.account, one.chain_id) == (asked.account, transaction.chain_id):
            return one.nonce
    return 0


def intent_words(shown: Shown, asked: Sign) -> list[str]:
    """Return what a request would do, a line each; a nonce that is left open is chosen when it is claimed."""
    from adyton.client.wallet_document import read_asked
    from adyton.protocol.wallet.describe import describe
    from adyton.protocol.wallet.policy_reader import read_policy

    policy = read_policy(shown.policy or _EMPTY)
    return describe(policy, read_asked(asked, next_nonce(shown, asked)))


def confirm(
    args: argparse.Namespace, out: Output, lines: Sequence[str], question: str = "sign it"
) -> None:
    """Say what would be done, and have it confirmed where somebody is there to do it.

    Raises:
        UsageError: it is not confirmed; nothing was asked of the wallet.
    """
    out.note(*map(printable, lines))
    if args.yes or args.json or not _somebody():
        return
    print(f"{question}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("usage", "not confirmed; nothing was asked of the wallet")


def _somebody() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
