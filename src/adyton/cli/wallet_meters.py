"""How far a wallet's limits are used: what the windows hold, beside the limits of its policy that count in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from adyton.cli.output import printable

if TYPE_CHECKING:
    from adyton.protocol.wallet.answers import Shown
    from adyton.protocol.wallet.facts import Facts
    from adyton.protocol.wallet.policy import Meter, Policy


def meters_of(shown: Shown) -> dict[bytes, int]:
    """Return what a wallet's windows hold, by their meters' keys."""
    return {key: int.from_bytes(held, "big") for key, held in shown.meters}


def meters_json(shown: Shown) -> list[dict[str, Any]]:
    """Return each meter that was used; without words where it counts for a receiver that no set names."""
    from adyton.protocol.wallet.policy_reader import read_policy

    known = _known(read_policy(shown.policy), shown) if shown.policy else {}
    listed = []
    for key, used in meters_of(shown).items():
        one: dict[str, Any] = {"meter": key.hex(), "used": used}
        if key in known:
            meter, subject = known[key]
            one |= {"label": meter.label, "maximum": meter.maximum, "window_s": meter.window_s}
            if subject:
                one["of"] = subject
        listed.append(one)
    return listed


def meters_lines(shown: Shown) -> list[str]:
    """Return each meter that was used, a line each."""
    lines = []
    for one in meters_json(shown):
        if "label" not in one:
            lines.append(f"limit     {one['used']} used of a limit that the policy names no more")
            continue
        of = f", {one['of']}" if "of" in one else ""
        lines.append(f"limit     {one['used']} of {one['maximum']} used ({one['label']}{of})")
    return [printable(line) for line in lines]


def _known(policy: Policy, shown: Shown) -> dict[bytes, tuple[Meter, str]]:
    """Return the meters that the policy's limits can have, with the word for whom each counts."""
    found: dict[bytes, tuple[Meter, str]] = {}
    limits = [*policy.limits, *(limit for rule in policy.rules for limit in rule.limits)]
    for subject, word, facts in _subjects(policy, shown):
        for limit in limits:
            if limit.per == subject:
                meter = limit.meter(facts)
                found.setdefault(meter.key, (meter, word))
    return found


def _subjects(policy: Policy, shown: Shown) -> Iterator[tuple[str, str, Facts]]:
    from adyton.protocol.ethereum.address import SIZE, checksummed
    from adyton.protocol.wallet.rule import ACCOUNT, CLIENT, TO, WALLET

    owner = shown.wallet.owner
    accounts = [account.address for account in shown.wallet.accounts]
    yield WALLET, "", _facts(accounts[0], owner, owner, None)
    for account in accounts:
        yield ACCOUNT, checksummed(account), _facts(account, owner, owner, None)
    for client in (owner, *shown.wallet.clients):
        yield CLIENT, client.hex()[:16], _facts(accounts[0], client, owner, None)
    for to in sorted({one for items in policy.sets.values() for one in items if len(one) == SIZE}):
        yield TO, checksummed(to), _facts(accounts[0], owner, owner, to)


def _facts(account: bytes, client: bytes, owner: bytes, to: bytes | None) -> Facts:
    """Return facts of which the meters look at account, client and receiver alone."""
    from adyton.protocol.ethereum.transaction import LEGACY, Transaction
    from adyton.protocol.wallet.facts import Facts
    from adyton.protocol.wallet.intent import TRANSACTION, Intent

    transaction = Transaction(LEGACY, 1, 0, 21_000, to, 0, b"", 0)
    return Facts(Intent(TRANSACTION, account, transaction=transaction), client, owner, 0)
