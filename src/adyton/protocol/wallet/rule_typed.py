"""`typedData`: tests on the contract, the type and the fields of typed data (EIP-712)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import read_object, read_text, refused
from adyton.protocol.ethereum.typed_types import Types, array_of, bits_of
from adyton.protocol.wallet.abi_types import ADDRESS, BOOL, BYTES, FIXED, INT, STRING, UINT, Type
from adyton.protocol.wallet.comparisons import (
    ANY,
    EQUALITY,
    ORDER,
    SIZE,
    UINT256,
    Comparison,
    read_comparison,
    weight,
)
from adyton.protocol.wallet.facts import Facts, Path
from adyton.protocol.wallet.names import Names
from adyton.protocol.wallet.rule import Condition
from adyton.protocol.wallet.rule_call import Covered
from adyton.protocol.wallet.rule_when import fact_condition

FIELDS: Final = ("contract", "primaryType", "fields")
_NAME: Final = 128  # characters of a primary type
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_PLAIN: Final = {
    text: Type(text, text, dynamic=text in (BYTES, STRING))
    for text in (ADDRESS, BOOL, BYTES, STRING)
}
_INT256: Final = Type("int256", INT, 256)


class TypedRule:
    """The member `typedData` of a rule, read.

    Attributes:
        open_contract: whether it says that any contract may be the verifying one.
        bounded: whether a field is bounded from above, by its path.
    """

    def __init__(self, value: Any, path: str, names: Names, *, allows: bool) -> None:
        given = read_object(value, path, FIELDS)
        for name in FIELDS if allows else ():
            if name not in given:
                raise refused(path, f"lacks {name!r}{_hint(name)}")
        self.open_contract = given.get("contract") == ANY
        self.bounded: dict[Path, bool] = {}
        self.primary: str | None = None
        self.conditions: list[Condition] = []
        if allows:
            self.conditions.append(_has_domain())
        if "contract" in given and not self.open_contract:
            self.conditions.append(_contract(given["contract"], f"{path}.contract", names, allows))
        if "primaryType" in given:
            self.primary = read_text(given["primaryType"], f"{path}.primaryType")
            if not 0 < len(self.primary) <= _NAME:
                raise refused(f"{path}.primaryType", f"must have 1 to {_NAME} characters")
            self.conditions.append(_primary(self.primary))
        self._fields(given.get("fields", {}), f"{path}.fields", names, allows)

    def _fields(self, value: Any, path: str, names: Names, allows: bool) -> None:
        if type(value) is not dict:
            raise refused(path, 'must be an object, as {"spender": {"in": "@name"}}')
        covered = Covered()
        tests = []
        for text, given in value.items():
            where = f"{path}.{text[:40]}"
            field = read_path(text, where)
            covered.add(field, where)
            names.count(weight(given) + len(field) - 1, where)
            if given != ANY:
                names.looking += 1
                tests.append((field, FieldTest(given, where, names)))
        if allows:
            self.conditions.append(_covers(covered, path))
        for field, test in tests:
            self.bounded[field] = test.bounded
            self.conditions.append(_field(field, test, allows))


class FieldTest:
    """Comparisons of a field whose type comes with the typed data.

    Attributes:
        given: as the policy states them.
        words: for people.
        bounded: whether they bound from above.
    """

    def __init__(self, value: Any, path: str, names: Names) -> None:
        self.given = value
        self._names = names
        self._by_kind: dict[str, Comparison | None] = {}
        read = _first(value, path, names)
        self.words = read.words
        self.bounded = read.bounded

    def holds(self, kind: str, value: Any) -> bool | None:
        """Say whether they hold for a JSON value of a type; None where they are not for such a type."""
        of_type = _type_of(kind)
        if of_type is None:
            return None
        if kind not in self._by_kind:
            self._by_kind[kind] = self._read(of_type)
        comparison = self._by_kind[kind]
        return None if comparison is None else comparison.holds(plain(kind, value))

    def _read(self, of_type: Type) -> Comparison | None:
        try:
            return read_comparison(self.given, "", of_type, self._names)
        except UsageError:
            return None


def read_path(text: str, path: str) -> Path:
    """Return the parts of a dotted path.

    Raises:
        UsageError: a part is empty, or there are too many.
    """
    parts = tuple(text.split("."))
    if "" in parts or len(parts) > limits.ETHEREUM_NESTING:
        raise refused(
            path,
            f"must be names with dots between them, at most {limits.ETHEREUM_NESTING}, "
            "as details.amount",
        )
    return parts


def plain(kind: str, value: Any) -> Any:
    """Return the value of a checked atomic field: int, bool, bytes (of an address: 20) or str."""
    if kind == STRING or type(value) is not str:
        return value
    if kind == ADDRESS or kind.startswith(BYTES):
        return bytes.fromhex(value[2:])
    return int(value, 0)


def field_sum(path: Path) -> Callable[[Facts], int | None]:
    """Return what gives the sum of a field; None where it is not there or not an unsigned integer."""

    def amount(facts: Facts) -> int | None:
        found = facts.fields(path)
        if found is None or not all(kind.startswith(UINT) and bits_of(kind) for kind, _ in found):
            return None
        total: int = sum(plain(kind, value) for kind, value in found)
        return total

    return amount


def _first(value: Any, path: str, names: Names) -> Comparison:
    """Return the comparisons for the type that they look like; refuse those that are for none."""
    kinds = _candidates(value)
    for kind in kinds[:-1]:
        try:
            return read_comparison(value, path, kind, names)
        except UsageError:
            continue
    return read_comparison(value, path, kinds[-1], names)


def _candidates(value: Any) -> tuple[Type, ...]:
    if type(value) is not dict or any(name in value for name in ORDER):
        return (_INT256, UINT256)
    if SIZE in value:
        return (_PLAIN[BYTES], _PLAIN[STRING])
    operand = next((value[name] for name in EQUALITY if name in value), None)
    if type(operand) is list and operand:
        operand = operand[0]
    if type(operand) is bool:
        return (_PLAIN[BOOL],)
    if type(operand) is str and (operand.startswith("@") or _ADDRESS.fullmatch(operand)):
        return (_PLAIN[ADDRESS],)
    if type(operand) is str:
        return (UINT256, _INT256, _PLAIN[BYTES], _PLAIN[STRING])
    return (_INT256, UINT256)


def _type_of(kind: str) -> Type | None:
    sized = bits_of(kind)
    if sized is not None:
        return Type(kind, FIXED if sized[0] == BYTES else sized[0], sized[1])
    return _PLAIN.get(kind)


def _has_domain() -> Condition:
    return Condition(
        ("domain",),
        "its domain is not empty",
        lambda facts: facts.typed is not None and bool(facts.typed.domain),
        lambda _: "an empty domain",
    )


def _contract(given: Any, path: str, names: Names, allows: bool) -> Condition:
    names.count(weight(given), path)
    members = names.read_addresses(given, path)
    return fact_condition(
        "verifying contract",
        "to",
        (given, allows),
        f"is {members.words(checksummed)}",
        lambda contract: not allows if contract is None else members.holds(contract),
    )


def _primary(wanted: str) -> Condition:
    return Condition(
        ("primary", wanted),
        f"primary type is {wanted}",
        lambda facts: facts.typed is not None and facts.typed.primary_type == wanted,
        lambda facts: facts.typed.primary_type if facts.typed is not None else "none",
    )


def _field(path: Path, test: FieldTest, allows: bool) -> Condition:
    def check(facts: Facts) -> bool:
        found = facts.fields(path)
        if found is None:
            return not allows
        # Every item must be allowed; one is enough to be denied. What the tests are not for is not known.
        outcomes = (test.holds(kind, value) for kind, value in found)
        if allows:
            return all(outcome is True for outcome in outcomes)
        return any(outcome is not False for outcome in outcomes)

    def shown(facts: Facts) -> str:
        found = facts.fields(path)
        if found is None:
            return "not there"
        return ", ".join(str(value)[:80] for _, value in found[:3]) or "no items"

    return Condition(
        ("field", ".".join(path), repr(test.given), repr(allows)),
        f"field {'.'.join(path)} {test.words}",
        check,
        shown,
    )


def _covers(covered: Covered, rule: str) -> Condition:
    def first_missing(facts: Facts) -> str | None:
        typed = facts.typed
        return "" if typed is None else _missing(typed.types, typed.primary_type, (), covered)

    return Condition(
        ("covers", rule),
        "the rule speaks of every field",
        lambda facts: first_missing(facts) is None,
        lambda facts: f"not of {first_missing(facts)}",
    )


def _missing(types: Types, kind: str, path: Path, covered: Covered) -> str | None:
    """Return a field that no test covers; goes no deeper than the paths of the rule do.

    A name with a dot in it is no part of any path, so it is covered only by what stands above it.
    """
    if path in covered.whole:
        return None
    array = array_of(kind)
    if array is not None and path in covered.begun:
        return _missing(types, array[0], (*path, "*"), covered)
    if kind in types.structs and (path in covered.begun or not path):
        for name, inner in types.structs[kind]:
            found = _missing(types, inner, (*path, name), covered)
            if found is not None:
                return found
        return None
    return ".".join(path)


def _hint(name: str) -> str:
    hints = {
        "contract": ': name the verifying contract or a set, or say "any"',
        "primaryType": ", the name of the type of the message",
        "fields": ": one test for every field of the message",
    }
    return hints[name]
