"""Policies out of JSON: read once, refused with the place and what to do, and ready to decide."""

from __future__ import annotations

from typing import Any, Final, Literal

from adyton.core import limits, strict_json
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.quantities import read_list, read_object, refused
from adyton.protocol.wallet.intent import METHODS
from adyton.protocol.wallet.names import OWNER, Names, read_word
from adyton.protocol.wallet.policy import Policy
from adyton.protocol.wallet.policy_rules import RuleReader
from adyton.protocol.wallet.policy_warnings import warnings_of
from adyton.protocol.wallet.rule import Approvals, Rule
from adyton.protocol.wallet.rule_limits import LimitReader, read_approvals
from adyton.protocol.wallet.shown import printable

VERSION: Final = 1
FIELDS: Final = ("v", "name", "time", "clients", "sets", "rules", "limits", "changes", "export")


def read_policy(text: bytes) -> Policy:
    """Return the policy that a JSON text is.

    Args:
        text: UTF-8, at most `limits.WALLET_POLICY` bytes.

    Raises:
        UsageError: `policy_invalid`; the text says where and what to do.
    """
    try:
        value = strict_json.read(text, most=limits.WALLET_POLICY, depth=limits.WALLET_POLICY_DEPTH)
        return _read(text, value)
    except (UsageError, MalformedError) as problem:
        raise UsageError("policy_invalid", printable(problem.message)) from None


def _read(text: bytes, value: Any) -> Policy:
    fields = read_object(value, "policy", FIELDS)
    version = fields.get("v")
    if type(version) is not int or version != VERSION:
        raise refused("v", f"must be {VERSION}: the version of the language")
    if "rules" not in fields:
        raise refused("policy", "lacks 'rules'; an empty list refuses everything")
    names = Names()
    names.read_clients(fields.get("clients", {}), "clients")
    names.read_sets(fields.get("sets", {}), "sets")
    limit_reader = LimitReader(names)
    of_wallet = limit_reader.read(
        fields.get("limits", []), "limits", "", transactions=True, receivers=True
    )
    reader = RuleReader(names, limit_reader, of_wallet)
    rules = tuple(
        reader.read(item, f"rules[{at}]")
        for at, item in enumerate(read_list(fields["rules"], "rules", limits.WALLET_RULES))
    )
    changes = read_approvals(fields["changes"], "changes", names) if "changes" in fields else None
    export: Approvals | Literal["owner"] | None = None
    if "export" in fields and fields["export"] == OWNER:
        export = "owner"
    elif "export" in fields:
        export = read_approvals(fields["export"], "export", names)
    clock = fields.get("time")
    if "time" in fields and clock not in ("host", "bft"):
        raise refused("time", 'must be "host" or "bft": whose clock windows may go by')
    agreed = [changes, export, *(rule.approvals for rule in rules)]
    timed = any(isinstance(item, Approvals) and item.within_s is not None for item in agreed)
    return Policy(
        text=text,
        hash=digest(Context.WALLET_POLICY, text),
        name=read_word(fields["name"], "name") if "name" in fields else "",
        clients=names.clients,
        sets={**names.keys, **names.addresses},
        rules=rules,
        limits=of_wallet,
        changes=changes,
        export=export,
        time=clock,
        needs_time=timed or bool(of_wallet) or any(rule.limits for rule in rules),
        warnings=warnings_of(rules, reader, of_wallet, export == "owner"),
        known=frozenset({*names.clients.values(), *reader.keys}.union(*names.keys.values())),
        denying=_by_method(rules, allows=False),
        allowing=_by_method(rules, allows=True),
        signatures=tuple(call.signature for call in reader.calls.values()),
        checks=tuple(reader.checks),
        looks=max(limits.WALLET_LOOKS // max(names.looking, 1), limits.WALLET_LOOKS_EACH),
    )


def _by_method(rules: tuple[Rule, ...], *, allows: bool) -> dict[str, tuple[Rule, ...]]:
    return {
        method: tuple(rule for rule in rules if rule.allows is allows and method in rule.methods)
        for method in METHODS
    }
