"""`when`: tests on the parts of a transaction that every transaction has."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import read_object, refused
from adyton.protocol.wallet.abi_types import ADDRESS, Type
from adyton.protocol.wallet.comparisons import ANY, UINT256, read_comparison, weight
from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.names import Names
from adyton.protocol.wallet.rule import Condition

ADDRESS_TYPE: Final = Type(ADDRESS, ADDRESS)
# Names, what they are called in words, and where they are among the facts.
_NUMBERS: Final = {
    "value": ("value", "value"),
    "maxCost": ("the most it can cost", "cost"),
    "fee": ("fee", "fee"),
    "gas": ("gas", "gas"),
    "maxFeePerGas": ("fee for one gas", "max_fee"),
    "tip": ("tip for one gas", "tip"),
    "nonce": ("nonce", "nonce"),
}
FIELDS: Final = ("to", *_NUMBERS, "create", "data")


class When:
    """The member `when` of a rule, read.

    Attributes:
        stated: names of the fields that are there.
        bounded: names of those that are bounded from above.
        open: names of those that say "any".
        creates: what `create` says; None where it says nothing.
    """

    def __init__(self, value: Any, path: str, names: Names) -> None:
        fields = read_object(value, path, FIELDS)
        self.stated = frozenset(fields)
        self.open = frozenset(name for name, given in fields.items() if given == ANY)
        self.bounded: set[str] = set()
        self.creates: bool | None = None
        self.conditions: list[Condition] = []
        if "create" in fields:
            if type(fields["create"]) is not bool:
                raise refused(f"{path}.create", "must be true or false")
            self.creates = fields["create"]
        if "to" in fields:
            self._add("to", "receiver", "to", ADDRESS_TYPE, fields["to"], path, names)
        for name, (words, fact) in _NUMBERS.items():
            if name in fields:
                self._add(name, words, fact, UINT256, fields[name], path, names)
        if "data" in fields and fields["data"] != ANY:
            self._size(fields["data"], f"{path}.data", names)

    def _add(
        self, name: str, words: str, fact: str, kind: Type, given: Any, path: str, names: Names
    ) -> None:
        names.count(weight(given), f"{path}.{name}")
        test = read_comparison(given, f"{path}.{name}", kind, names)
        if test.bounded:
            self.bounded.add(name)
        if given != ANY:
            self.conditions.append(fact_condition(words, fact, given, test.words, test.holds))

    def _size(self, given: Any, path: str, names: Names) -> None:
        if type(given) is not dict or set(given) != {"size"}:
            raise refused(path, 'must be "any" or {"size": tests on the number of bytes}')
        names.count(weight(given), path)
        test = read_comparison(given["size"], f"{path}.size", UINT256, names)
        if given["size"] != ANY:
            self.conditions.append(
                Condition(
                    ("data", repr(given)),
                    f"size of the calldata {test.words}",
                    lambda facts: test.holds(len(facts.data)),
                    lambda facts: f"{len(facts.data)} bytes",
                )
            )


def fact_condition(
    name: str, fact: str, given: object, words: str, holds: Callable[[Any], bool]
) -> Condition:
    """Return the condition that a comparison holds for one of the facts.

    Args:
        name: of the fact, for people.
        fact: its name.
        given: what the policy states, in any form whose `repr` tells it apart.
        words: of the comparison.
        holds: the comparison itself.
    """
    get = attrgetter(fact)
    return Condition(
        (name, fact, repr(given)),
        f"{name} {words}",
        lambda facts: holds(get(facts)),
        lambda facts: shown_fact(get(facts)),
    )


def shown_fact(value: Any) -> str:
    """Return one of the facts as people read it."""
    if value is None:
        return "none"
    if type(value) is bytes:
        return checksummed(value) if len(value) == 20 else "0x" + value[:32].hex()
    return str(value)


def creation(wanted: bool) -> Condition:
    """Return the condition that a transaction makes a contract, or that it makes none."""
    words = "it makes a contract" if wanted else "it makes no contract"
    return Condition((words,), words, lambda facts: (facts.to is None) is wanted, _creates)


def no_data() -> Condition:
    """Return the condition that a transaction has no calldata."""
    return Condition(
        ("no data",),
        "it has no calldata",
        lambda facts: not facts.data,
        lambda facts: f"{len(facts.data)} bytes",
    )


def no_value() -> Condition:
    """Return the condition that a call carries no coin, for rules that do not speak of it."""
    return Condition(
        ("no value",),
        "value is 0, since the rule does not state it",
        lambda facts: facts.value == 0,
        lambda facts: str(facts.value),
    )


def _creates(facts: Facts) -> str:
    return "it makes a contract" if facts.to is None else f"to {checksummed(facts.to)}"
