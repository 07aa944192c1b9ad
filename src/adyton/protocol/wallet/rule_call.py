"""`call`: tests on the receiver, the function and the arguments of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import read_object, read_text, refused
from adyton.protocol.wallet.abi_types import (
    ARRAY,
    TUPLE,
    UINT,
    Signature,
    Type,
    member_of,
    read_signature,
)
from adyton.protocol.wallet.comparisons import ANY, Comparison, read_comparison, weight
from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.names import Names
from adyton.protocol.wallet.rule import Condition
from adyton.protocol.wallet.rule_when import ADDRESS_TYPE, fact_condition, shown_fact

FIELDS: Final = ("to", "abi", "args")
_ITEMS: Final = "*"
_CHARACTERS: Final = 16  # of a signature that count as a test
Places = tuple[int | None, ...]  # of members; None for every item of an array


@dataclass(frozen=True, slots=True)
class Argument:
    """Where a value stands among the arguments of a call.

    Attributes:
        places: which member of which; None for every item of an array.
        kind: its type.
        label: as the policy names it.
    """

    places: Places
    kind: Type
    label: str

    def values(self, arguments: tuple[Any, ...], facts: Facts) -> list[Any] | None:
        """Return what stands there; None where it is too much to look at."""
        found: list[Any] = [arguments]
        left = facts.looks
        for place in self.places:
            if place is None:
                left -= sum(map(len, found))
                if left < 0:
                    return None
                found = [item for value in found for item in value]
            else:
                found = [value[place] for value in found]
        return found


class Covered:
    """Paths that a rule has tests for; none is a part of another.

    Attributes:
        whole: the paths.
        begun: what they begin with.
    """

    def __init__(self) -> None:
        self.whole: set[tuple[object, ...]] = set()
        self.begun: set[tuple[object, ...]] = set()

    def add(self, places: tuple[object, ...], path: str) -> None:
        """Add a path.

        Raises:
            UsageError: it is there, or a part of it, or what it is a part of.
        """
        above = [places[:end] for end in range(len(places))]
        if places in self.whole or places in self.begun or not self.whole.isdisjoint(above):
            raise refused(path, "is tested twice, or together with a part of it; test it once")
        self.whole.add(places)
        self.begun.update(above)


class Call:
    """The member `call` of a rule, read.

    Attributes:
        signature: of the function.
        open_to: whether it says that any contract may be called.
        bounded: whether a value is bounded from above, by the places of an argument.
    """

    def __init__(self, value: Any, path: str, names: Names, *, allows: bool) -> None:
        fields = read_object(value, path, FIELDS)
        if "abi" not in fields:
            raise refused(path, "lacks 'abi'; write it like \"transfer(address,uint256)\"")
        text = read_text(fields["abi"], f"{path}.abi")
        names.count(len(text) // _CHARACTERS, f"{path}.abi")
        self.signature = read_signature(text, f"{path}.abi")
        names.add_function(self.signature, f"{path}.abi")
        self.open_to = fields.get("to") == ANY
        self.bounded: dict[Places, bool] = {}
        self.conditions: list[Condition] = []
        if "to" in fields and not self.open_to:
            self.conditions.append(_receiver(fields["to"], f"{path}.to", names))
        elif allows and not self.open_to:
            raise refused(path, "lacks 'to': name the contract or a set, or say \"any\"")
        self.conditions.append(_selector(self.signature))
        if allows:
            self.conditions.append(_decodes(self.signature))
        self._arguments(fields.get("args", {}), f"{path}.args", names, allows)

    def argument(self, text: str, path: str) -> Argument:
        """Return where the argument stands that a dotted path names.

        Raises:
            UsageError: the function has no such.
        """
        kind = self.signature.arguments
        places: list[int | None] = []
        for part in text.split("."):
            if kind.family == ARRAY and part == _ITEMS:
                places.append(None)
                kind = kind.items[0]
                continue
            place = member_of(kind, part)
            if place is None:
                raise refused(path, _missing(self.signature, kind))
            places.append(place)
            kind = kind.items[place]
        return Argument(tuple(places), kind, text)

    def _arguments(self, value: Any, path: str, names: Names, allows: bool) -> None:
        if type(value) is not dict:
            raise refused(path, 'must be an object, as {"0": {"in": "@name"}, "1": {"lte": 100}}')
        covered = Covered()
        for text, given in value.items():
            where = f"{path}.{text[:40]}"
            argument = self.argument(text, where)
            covered.add(argument.places, where)
            names.count(weight(given) + len(argument.places) - 1, where)
            if given == ANY:
                continue
            names.looking += None in argument.places
            if argument.kind.family in (TUPLE, ARRAY):
                raise refused(where, f'is a {argument.kind.text}; test its parts, or say "any"')
            test = read_comparison(given, where, argument.kind, names)
            self.bounded[argument.places] = test.bounded
            self.conditions.append(_argument(self.signature, argument, given, test, allows))
        if allows:
            for places, kind in _uncovered(self.signature.arguments, (), covered):
                raise refused(
                    path,
                    f"lacks a test for argument {_dotted(places)} ({kind.text}); "
                    'add one, or say "any"',
                )


def _receiver(given: Any, path: str, names: Names) -> Condition:
    names.count(weight(given), path)
    if type(given) is dict:
        test = read_comparison(given, path, ADDRESS_TYPE, names)
        return fact_condition("called contract", "to", given, test.words, test.holds)
    members = names.read_addresses(given, path)
    return fact_condition(
        "called contract", "to", given, f"is {members.words(checksummed)}", members.holds
    )


def _selector(signature: Signature) -> Condition:
    wanted = signature.selector
    return Condition(
        ("selector", signature.text),
        f"it calls {signature.text}",
        lambda facts: facts.selector == wanted,
        lambda facts: f"selector 0x{facts.selector.hex()}" if facts.selector else "no call",
    )


def _decodes(signature: Signature) -> Condition:
    return Condition(
        ("decodes", signature.text),
        "the calldata is the one encoding of such arguments",
        lambda facts: facts.decoded(signature) is not None,
        lambda facts: f"{len(facts.data)} bytes that are not",
    )


def _argument(
    signature: Signature,
    argument: Argument,
    given: object,
    test: Comparison,
    allows: bool,
) -> Condition:
    holds = test.holds
    if len(argument.places) == 1 and argument.places[0] is not None:
        place = argument.places[0]

        def one(facts: Facts) -> bool:
            arguments = facts.decoded(signature)
            return holds(arguments[place]) if arguments is not None else not allows

        check = one
    else:

        def many(facts: Facts) -> bool:
            arguments = facts.decoded(signature)
            values = None if arguments is None else argument.values(arguments, facts)
            if values is None:
                return not allows
            # Every item must be allowed; one is enough to be denied.
            return all(map(holds, values)) if allows else any(map(holds, values))

        check = many

    def shown(facts: Facts) -> str:
        arguments = facts.decoded(signature)
        values = None if arguments is None else argument.values(arguments, facts)
        return "not known" if values is None else ", ".join(map(shown_fact, values[:3]))

    return Condition(
        ("argument", signature.text, repr(argument.places), repr(given), repr(allows)),
        f"argument {argument.label} {test.words}",
        check,
        shown,
    )


def argument_sum(signature: Signature, argument: Argument) -> Callable[[Facts], int | None]:
    """Return what gives the sum of an argument, which is an unsigned integer or many of them."""

    def amount(facts: Facts) -> int | None:
        arguments = facts.decoded(signature)
        values = None if arguments is None else argument.values(arguments, facts)
        return None if values is None else sum(values)

    return amount


def read_summed(call: Call, text: str, path: str) -> Argument:
    """Return the argument that a limit sums.

    Raises:
        UsageError: the function has no such, or it is not an unsigned integer.
    """
    argument = call.argument(text, path)
    if argument.kind.family != UINT:
        raise refused(
            path, f"sums values of {argument.kind.text}; only unsigned integers can be summed"
        )
    return argument


def _uncovered(kind: Type, places: Places, covered: Covered) -> Iterator[tuple[Places, Type]]:
    """Give the values that no test covers; of an array, all items at once."""
    if places in covered.whole:
        return
    if kind.family == TUPLE:
        for at, inner in enumerate(kind.items):
            yield from _uncovered(inner, (*places, at), covered)
    elif kind.family == ARRAY and places in covered.begun:
        yield from _uncovered(kind.items[0], (*places, None), covered)
    else:
        yield places, kind


def _dotted(places: Places) -> str:
    return ".".join(_ITEMS if place is None else str(place) for place in places)


def _missing(signature: Signature, kind: Type) -> str:
    if kind.family == TUPLE:
        return f"is no argument of {signature.text}; they are numbered from 0"
    if kind.family == ARRAY:
        return "is a part of an array; write '*' for all of its items"
    return f"is a part of {kind.text}, which has none"
