"""The types of typed data (EIP-712): what a message may be made of, read strictly.

    address bool string bytes bytes1…bytes32 uint8…uint256 int8…int256 T[] T[n] and structs

`uint` and `int` without a size are refused: EIP-712 gives them no encoding. A struct that holds itself is refused too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from adyton.core import limits
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.quantities import read_list, read_object, refused

DOMAIN: Final = "EIP712Domain"
# In this order, each at most once.
DOMAIN_FIELDS: Final = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
_SIZED: Final = re.compile(r"(uint|int|bytes)([1-9][0-9]*)")
_PLAIN: Final = frozenset({"address", "bool", "string", "bytes"})
# The empty name is odd, but signers take it, and no two structs get one description by it.
_STRUCT: Final = re.compile(r"([A-Za-z_$][A-Za-z0-9_$]{0,127})?")
_RESERVED: Final = re.compile(r"address|bool|string|u?int[0-9]*|bytes[0-9]*")
_ARRAY: Final = re.compile(r"(.+)\[([1-9][0-9]{0,4})?\]")
# What would let two different structs have one description: the signs that hold it together.
_MEMBER: Final = re.compile(
    r"[^\s(),\[\]\x00-\x1f\x7f](?:[^(),\[\]\x00-\x1f\x7f]{0,126}[^\s(),\[\]\x00-\x1f\x7f])?"
)

Members = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Types:
    """Structs that have been checked.

    Attributes:
        structs: names and types of the members of each.
        hashes: `typeHash` of each, 32 bytes.
    """

    structs: dict[str, Members]
    hashes: dict[str, bytes]


def bits_of(kind: str) -> tuple[str, int] | None:
    """Return the family and size of `uintN` and `intN` (bits) or `bytesN` (bytes); None for others."""
    match = _SIZED.fullmatch(kind)
    if match is None or len(match[2]) > 3:
        return None
    size = int(match[2])
    if match[1] == "bytes":
        return ("bytes", size) if size <= 32 else None
    return (match[1], size) if size <= 256 and size % 8 == 0 else None


def array_of(kind: str) -> tuple[str, int | None] | None:
    """Return the item type of an array and its length, None where any will do; None for what is no array."""
    match = _ARRAY.fullmatch(kind)
    return None if match is None else (match[1], int(match[2]) if match[2] else None)


def read_types(value: Any, primary: Any, path: str) -> Types:
    """Return the types of a message, all of them used by its primary type or its domain.

    Args:
        value: struct names to lists of `{"name", "type"}`.
        primary: name of the primary type.
        path: where they stand, for error texts.

    Raises:
        UsageError: a type is unknown, unused, malformed, given twice or holds itself, or the domain is another than
            EIP-712's.
    """
    if type(value) is not dict:
        raise refused(path, "must be an object of structs")
    if len(value) > limits.ETHEREUM_TYPES:
        raise refused(path, f"has over {limits.ETHEREUM_TYPES} structs")
    structs = {name: _members(name, members, path) for name, members in value.items()}
    if DOMAIN not in structs:
        raise refused(path, f"lacks {DOMAIN!r}; list the domain's fields there")
    _require_domain(structs[DOMAIN], f"{path}.{DOMAIN}")
    if type(primary) is not str or primary not in structs:
        raise refused("primaryType", "is not among the types")
    if primary == DOMAIN:
        raise refused("primaryType", "is the domain; sign a message of its own type")
    inner = {name: _inner(name, members, structs, path) for name, members in structs.items()}
    used = _used(primary, inner, path)
    for name in structs:
        if name not in used and name != DOMAIN:
            raise refused(f"{path}.{name}", "is not used by the primary type; leave it out")
    if DOMAIN in used:
        raise refused(f"{path}.{DOMAIN}", "is used inside of the message")
    return Types(structs, {name: _type_hash(name, structs, inner, path) for name in structs})


def _members(name: Any, value: Any, path: str) -> Members:
    where = f"{path}.{str(name)[:40]}"
    if type(name) is not str or not _STRUCT.fullmatch(name) or _RESERVED.fullmatch(name):
        raise refused(where, "is not a name that a struct may have")
    members: dict[str, str] = {}
    for at, item in enumerate(read_list(value, where, limits.ETHEREUM_MEMBERS)):
        member = read_object(item, f"{where}[{at}]", ("name", "type"))
        called, kind = member.get("name"), member.get("type")
        if type(called) is not str or not _MEMBER.fullmatch(called) or not called.isprintable():
            raise refused(f"{where}[{at}].name", "is not a name that a member may have")
        if type(kind) is not str:
            raise refused(f"{where}[{at}].type", "must be a string")
        if called in members:
            raise refused(f"{where}[{at}].name", "is there twice")
        members[called] = kind
    return tuple(members.items())


def _require_domain(members: Members, path: str) -> None:
    order = list(DOMAIN_FIELDS)
    last = -1
    for name, kind in members:
        if DOMAIN_FIELDS.get(name) != kind:
            wanted = ", ".join(f"{kind} {name}" for name, kind in DOMAIN_FIELDS.items())
            raise refused(f"{path}.{name}", f"is not a field of a domain; those are {wanted}")
        if order.index(name) <= last:
            raise refused(path, f"has its fields in another order than {', '.join(order)}")
        last = order.index(name)


def _struct_in(kind: str, structs: dict[str, Members], path: str) -> str | None:
    """Return the struct that a type is made of, None for an atomic one; refuse what is no type."""
    for _ in range(limits.ETHEREUM_NESTING):
        array = array_of(kind)
        if array is None:
            break
        kind = array[0]
    if kind in structs:
        return kind
    if kind in _PLAIN or bits_of(kind) is not None:
        return None
    hint = f"; write {kind}256" if kind in ("uint", "int") else ""
    raise refused(path, f"is no type: {kind[:40]!r}{hint}")


def _inner(name: str, members: Members, structs: dict[str, Members], path: str) -> frozenset[str]:
    """Return the structs that the members of a struct are made of."""
    found = (_struct_in(kind, structs, f"{path}.{name}.{member}") for member, kind in members)
    return frozenset(struct for struct in found if struct is not None)


def _used(name: str, inner: dict[str, frozenset[str]], path: str) -> set[str]:
    """Return the structs that `name` is made of, itself among them; refuse circles."""
    done: set[str] = set()

    def visit(current: str, above: tuple[str, ...]) -> None:
        if current in above:
            raise refused(f"{path}.{current}", "holds itself")
        if len(above) >= limits.ETHEREUM_NESTING:
            raise refused(path, f"are nested deeper than {limits.ETHEREUM_NESTING}")
        for struct in sorted(inner[current] - done):
            visit(struct, (*above, current))
        done.add(current)

    visit(name, ())
    return done


def _type_hash(
    name: str, structs: dict[str, Members], inner: dict[str, frozenset[str]], path: str
) -> bytes:
    others = sorted(_used(name, inner, path) - {name})
    described = "".join(
        f"{struct}({','.join(f'{kind} {member}' for member, kind in structs[struct])})"
        for struct in (name, *others)
    )
    return keccak(described.encode())
