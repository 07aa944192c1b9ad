"""Rules out of JSON, with the defaults that keep a careless rule from allowing much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import (
    read_integer,
    read_list,
    read_object,
    read_text,
    refused,
)
from adyton.protocol.ethereum.transaction import CHAIN_ID_MAX, TYPES
from adyton.protocol.wallet.comparisons import ANY, UINT256, Comparison, read_comparison, weight
from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, METHODS, TRANSACTION, TYPED_DATA
from adyton.protocol.wallet.names import OWNER, Names, read_word
from adyton.protocol.wallet.rule import Condition, Limit, Rule
from adyton.protocol.wallet.rule_call import Call
from adyton.protocol.wallet.rule_limits import LimitReader, read_approvals
from adyton.protocol.wallet.rule_typed import TypedRule
from adyton.protocol.wallet.rule_when import (
    When,
    creation,
    fact_condition,
    no_data,
    no_value,
    shown_fact,
)

FIELDS: Final = (
    *("id", "effect", "method", "chain", "type", "from", "who", "when", "call", "typedData"),
    *("message", "limits", "approvals"),
)
MESSAGE_FIELDS: Final = ("prefix", "hex")
_ON_CHAIN: Final = frozenset({TRANSACTION, CANCEL})
_CHAINS: Final = 64
_FEES: Final = frozenset({"fee", "cost"})


class RuleReader:
    """Reads the rules of one policy.

    Attributes:
        whens, calls, typed: what was read of each rule, by its id, for warnings.
        open_chains, open_messages: ids of rules that say "any" there.
        keys: of clients that rules name one by one.
        checks: what asks the conditions, by the bit that stands for them in a rule's mask.
    """

    def __init__(self, names: Names, limit_reader: LimitReader, of_wallet: tuple[Limit, ...]):
        self._names = names
        self._limits = limit_reader
        self._of_wallet = of_wallet
        self._ids: set[str] = set()
        self._numbers: dict[tuple[str, ...], int] = {}
        self.checks: list[Callable[[Facts], bool]] = []
        self.whens: dict[str, When] = {}
        self.calls: dict[str, Call] = {}
        self.typed: dict[str, TypedRule] = {}
        self.open_chains: set[str] = set()
        self.open_messages: set[str] = set()
        self.keys: set[bytes] = set()

    def read(self, value: Any, path: str) -> Rule:
        """Return a rule.

        Raises:
            UsageError: it cannot be followed, or allows more than it says.
        """
        fields = read_object(value, path, FIELDS)
        for name in ("id", "effect"):
            if name not in fields:
                raise refused(path, f"lacks {name!r}")
        word = read_word(fields["id"], f"{path}.id")
        if word in self._ids:
            raise refused(f"{path}.id", "is the id of another rule too")
        self._ids.add(word)
        if fields["effect"] not in ("allow", "deny"):
            raise refused(f"{path}.effect", 'must be "allow" or "deny"')
        allows = fields["effect"] == "allow"
        for name in ("limits", "approvals"):
            if name in fields and not allows:
                raise refused(f"{path}.{name}", "is for rules that allow; leave it out")
        methods = _methods(fields, path, allows)
        conditions = [
            *self._chain(fields, path, methods, allows),
            *self._who(fields, path, allows),
            *self._accounts(fields, path),
            *_types(fields, path, methods),
        ]
        when = When(fields.get("when", {}), f"{path}.when", self._names)
        call = typed = None
        if "call" in fields:
            call = Call(fields["call"], f"{path}.call", self._names, allows=allows)
            self.calls[word] = call
        if "typedData" in fields:
            typed = TypedRule(fields["typedData"], f"{path}.typedData", self._names, allows=allows)
            self.typed[word] = typed
        limits = self._limits.read(
            fields.get("limits", []),
            f"{path}.limits",
            word,
            transactions=bool(methods & _ON_CHAIN),
            receivers=MESSAGE not in methods,
            call=call,
            typed=typed,
        )
        if methods & _ON_CHAIN:
            self.whens[word] = when
            conditions += _on_chain(when, call, path, allows)
            if allows:
                self._require_bounded_fee(when, limits, path)
        conditions += typed.conditions if typed else []
        conditions += self._message(fields, path)
        approvals = None
        if "approvals" in fields:
            approvals = read_approvals(fields["approvals"], f"{path}.approvals", self._names)
        mask = self._number(conditions)
        return Rule(word, allows, methods, tuple(conditions), mask, limits, approvals)

    def _number(self, conditions: list[Condition]) -> int:
        """Return the bits of conditions, numbered as they come; those of one key share a bit."""
        mask = 0
        for condition in conditions:
            number = self._numbers.setdefault(condition.key, len(self.checks))
            if number == len(self.checks):
                self.checks.append(condition.holds)
            mask |= 1 << number
        return mask

    def _chain(
        self, fields: dict[str, Any], path: str, methods: frozenset[str], allows: bool
    ) -> list[Condition]:
        where = f"{path}.chain"
        if MESSAGE in methods:
            if "chain" in fields:
                raise refused(where, "is stated, and messages have no chain; leave it out")
            return []
        if "chain" not in fields:
            if allows:
                raise refused(path, "lacks 'chain': list the chain ids, as [1], or say \"any\"")
            return []
        if fields["chain"] == ANY:
            self.open_chains.add(fields["id"])
            return []
        listed = read_list(fields["chain"], where, _CHAINS)
        chains = frozenset(
            read_integer(item, f"{where}[{at}]", 1, CHAIN_ID_MAX) for at, item in enumerate(listed)
        )
        if not chains:
            raise refused(where, 'is empty; list the chain ids, as [1], or say "any"')
        words = f"is {' or '.join(map(str, sorted(chains)[:8]))}"
        if allows:
            return [fact_condition("chain", "chain", listed, words, chains.__contains__)]
        return [
            fact_condition(
                "chain",
                "chain",
                (listed, "or none"),
                words,
                lambda chain: chain is None or chain in chains,
            )
        ]

    def _who(self, fields: dict[str, Any], path: str, allows: bool) -> list[Condition]:
        if "who" not in fields and not allows:
            return []
        where = f"{path}.who"
        listed = read_list(fields.get("who", [OWNER]), where, 256)
        if not listed:
            raise refused(where, "is empty; name the owner, clients or sets of clients")
        literal: set[bytes] = set()
        parts: dict[str, frozenset[bytes]] = {}
        for at, item in enumerate(listed):
            if type(item) is str and item.startswith("@"):
                parts[item] = self._names.set_of_keys(item, f"{where}[{at}]")
            elif item != OWNER:
                literal.add(self._names.client(item, f"{where}[{at}]"))
        self.keys |= literal
        sets = tuple(part for part in (frozenset(literal), *parts.values()) if part)
        owner = OWNER in listed

        def holds(facts: Facts) -> bool:
            client = facts.client
            return (owner and client == facts.owner) or any(client in part for part in sets)

        shown = ", ".join(str(item) for item in listed[:4]) + (", …" if len(listed) > 4 else "")
        return [
            Condition(
                ("who", repr(listed)),
                f"asked by {shown}",
                holds,
                lambda facts: facts.client.hex(),
            )
        ]

    def _accounts(self, fields: dict[str, Any], path: str) -> list[Condition]:
        if "from" not in fields:
            return []
        members = self._names.read_addresses(fields["from"], f"{path}.from")
        words = f"is {members.words(checksummed)}"
        return [fact_condition("account", "account", fields["from"], words, members.holds)]

    def _message(self, fields: dict[str, Any], path: str) -> list[Condition]:
        if "message" not in fields:
            return []
        if fields["message"] == ANY:
            self.open_messages.add(fields["id"])
            return []
        where = f"{path}.message"
        given = read_object(fields["message"], where, MESSAGE_FIELDS)
        if not given:
            raise refused(where, 'must be "any", {"prefix": text}, or {"hex": tests on its size}')
        conditions = []
        if "prefix" in given:
            prefix = read_text(given["prefix"], f"{where}.prefix").encode()
            if not prefix:
                raise refused(f"{where}.prefix", 'is empty; say "any" if that is meant')
            conditions.append(_begins(prefix))
        if "hex" in given:
            self._names.count(weight(given["hex"]), f"{where}.hex")
            test = read_comparison(given["hex"], f"{where}.hex", UINT256, self._names)
            conditions.append(_sized(given["hex"], test))
        return conditions

    def _require_bounded_fee(self, when: When, limits: tuple[Limit, ...], path: str) -> None:
        if when.bounded & {"fee", "maxCost"} or {"gas", "maxFeePerGas"} <= when.bounded:
            return
        summed = {limit.quantity for limit in (*limits, *self._of_wallet)}
        if "fee" not in when.open and not summed & _FEES:
            raise refused(
                path,
                'does not bound the fee: whoever asks can burn all of the coin as gas; add "fee": '
                '{"lte": wei} to `when`, or a limit {"sum": "fee", …}, or say "fee": "any"',
            )


def _methods(fields: dict[str, Any], path: str, allows: bool) -> frozenset[str]:
    """Return the methods that a rule is about: those it lists, or those its other members are about."""
    about = {
        name: of
        for name, of in (
            ("when", _ON_CHAIN),
            ("type", _ON_CHAIN),
            ("call", _ON_CHAIN),
            ("typedData", frozenset({TYPED_DATA})),
            ("message", frozenset({MESSAGE})),
        )
        if name in fields
    }
    if "method" in fields:
        listed = read_list(fields["method"], f"{path}.method", len(METHODS))
        if not listed or any(type(item) is not str or item not in METHODS for item in listed):
            raise refused(f"{path}.method", f"must be a list of some of {', '.join(METHODS)}")
        methods = frozenset(listed)
    elif not allows:
        methods = frozenset(METHODS) - ({MESSAGE} if "chain" in fields else set())
        for of in about.values():
            methods &= of
    else:
        own = next((name for name in (MESSAGE, TYPED_DATA) if name in about), TRANSACTION)
        methods = frozenset({own})
    for name, of in about.items():
        if not methods or not methods <= of:
            raise refused(
                f"{path}.{name}",
                f"is for {' and '.join(sorted(of))}; make a rule of its own for it",
            )
    if allows:
        _require_own(methods, about, path)
    return methods


def _require_own(methods: frozenset[str], about: dict[str, frozenset[str]], path: str) -> None:
    """Refuse rules that allow messages or typed data without saying which."""
    for method in (TYPED_DATA, MESSAGE):
        if method in methods and method not in about:
            raise refused(
                path, f"allows {method}, so it needs the member {method!r}, in a rule of its own"
            )


def _types(fields: dict[str, Any], path: str, methods: frozenset[str]) -> list[Condition]:
    if "type" not in fields:
        return []
    listed = read_list(fields["type"], f"{path}.type", len(TYPES))
    if not listed:
        raise refused(f"{path}.type", "is empty; list some of 0, 1, 2")
    kinds = frozenset(
        read_integer(item, f"{path}.type[{at}]", TYPES[0], TYPES[-1])
        for at, item in enumerate(listed)
    )
    words = f"is {' or '.join(map(str, sorted(kinds)))}"
    return [fact_condition("type", "kind", listed, words, kinds.__contains__)]


def _on_chain(when: When, call: Call | None, path: str, allows: bool) -> list[Condition]:
    """Return the conditions on a transaction, those among them that a rule that allows has unasked."""
    conditions = []
    if when.creates is not None:
        conditions.append(creation(when.creates))
    elif allows:
        conditions.append(creation(False))
    if when.creates and (call is not None or "to" in when.stated):
        raise refused(f"{path}.when.create", "makes a contract, which has no receiver and no call")
    conditions += when.conditions
    if call is not None:
        if allows and "data" in when.stated:
            raise refused(f"{path}.when.data", "is decided by `call`; leave it out")
        if allows and "value" not in when.stated:
            conditions.append(no_value())
        conditions += call.conditions
    elif allows and when.creates and "data" not in when.stated:
        raise refused(
            f"{path}.when", 'allows contracts; state their code: "data": "any", or its size'
        )
    elif allows and "data" not in when.stated:
        conditions.append(no_data())
    return conditions


def _begins(prefix: bytes) -> Condition:
    return Condition(
        ("prefix", prefix.hex()),
        f"the message begins with {prefix[:60].decode(errors='replace')!r}",
        lambda facts: facts.message.startswith(prefix),
        lambda facts: shown_fact(facts.message[: min(len(prefix), 16)]),
    )


def _sized(given: object, test: Comparison) -> Condition:
    return Condition(
        ("size", repr(given)),
        f"the message's size {test.words}",
        lambda facts: test.holds(len(facts.message)),
        lambda facts: f"{len(facts.message)} bytes",
    )
