"""Typed data (EIP-712): messages whose fields a person can read before they sign.

    digest = Keccak-256(0x1901 ‖ hashStruct(domain) ‖ hashStruct(message))

A message has exactly the members that its types say: none missing, none besides, none null. An integer is inside of its
type's range; a byte string of fixed size has that size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.protocol.ethereum.address import read_address
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.quantities import (
    read_data,
    read_integer,
    read_list,
    read_object,
    read_text,
    refused,
)
from adyton.protocol.ethereum.typed_types import DOMAIN, Types, array_of, bits_of, read_types

_PREFIX: Final = b"\x19\x01"
_PARTS: Final = ("types", "primaryType", "domain", "message")


@dataclass(frozen=True, slots=True)
class TypedData:
    """Typed data that has been checked.

    Attributes:
        types: its structs.
        primary_type: the message's.
        domain: as JSON had it, so that a policy can look at it.
        message: likewise.
        domain_separator: `hashStruct` of the domain, 32 bytes.
        encoded: `typeHash` and `encodeData` of the message.
    """

    types: Types
    primary_type: str
    domain: dict[str, Any]
    message: dict[str, Any]
    domain_separator: bytes
    encoded: bytes

    @property
    def digest(self) -> bytes:
        """What is signed, 32 bytes."""
        return keccak(_PREFIX + self.domain_separator + keccak(self.encoded))

    @property
    def chain_id(self) -> int | None:
        """The chain that the domain names; None where it names none."""
        if "chainId" not in self.domain:
            return None
        return read_integer(self.domain["chainId"], "domain.chainId", 0, 2**256 - 1)

    @property
    def verifying_contract(self) -> bytes | None:
        """The contract that the domain names, 20 bytes; None where it names none."""
        if "verifyingContract" not in self.domain:
            return None
        return read_address(
            self.domain["verifyingContract"], "domain.verifyingContract", unchecked_case=True
        )


def read_typed_data(value: Any, path: str = "typedData") -> TypedData:
    """Return the typed data of a JSON object with `types`, `primaryType`, `domain` and `message`.

    Addresses in it may be without a checksum, because those that make such messages write them so; a wrong checksum
    is refused.

    Raises:
        UsageError: a part, type or member is missing, unused, unknown or outside of its range.
        MalformedError: `too_large`, more values than `limits.ETHEREUM_VALUES`.
    """
    parts = read_object(value, path, _PARTS)
    for name in _PARTS:
        if name not in parts:
            raise refused(path, f"lacks {name!r}")
    types = read_types(parts["types"], parts["primaryType"], "types")
    encoder = _Encoder(types)
    return TypedData(
        types,
        parts["primaryType"],
        parts["domain"],
        parts["message"],
        keccak(encoder.struct(DOMAIN, parts["domain"], "domain")),
        encoder.struct(parts["primaryType"], parts["message"], "message"),
    )


class _Encoder:
    """Encodes the values of one message, and counts them."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._left = limits.ETHEREUM_VALUES

    def struct(self, name: str, value: Any, path: str) -> bytes:
        """Return `typeHash ‖ encodeData` of a struct."""
        members = self._types.structs[name]
        fields = read_object(value, path, [member for member, _ in members])
        encoded = [self._types.hashes[name]]
        for member, kind in members:
            if member not in fields:
                raise refused(path, f"lacks {member!r}")
            encoded.append(self._value(kind, fields[member], f"{path}.{member}"))
        return b"".join(encoded)

    def _value(self, kind: str, value: Any, path: str) -> bytes:
        """Return the 32 bytes that stand for a value."""
        self._left -= 1
        if self._left < 0:
            raise MalformedError(
                "too_large", f"over {limits.ETHEREUM_VALUES} values in one message"
            )
        array = array_of(kind)
        if array is not None:
            return self._array(*array, value, path)
        if kind in self._types.structs:
            return keccak(self.struct(kind, value, path))
        return _atomic(kind, value, path)

    def _array(self, kind: str, length: int | None, value: Any, path: str) -> bytes:
        items = read_list(value, path, limits.ETHEREUM_VALUES)
        if length is not None and len(items) != length:
            raise refused(path, f"has {len(items)} items; its type says {length}")
        return keccak(
            b"".join(self._value(kind, item, f"{path}[{at}]") for at, item in enumerate(items))
        )


def _atomic(kind: str, value: Any, path: str) -> bytes:
    if kind == "string":
        return keccak(read_text(value, path).encode())
    if kind == "bytes":
        return keccak(read_data(value, path, limits.ETHEREUM_MESSAGE))
    if kind == "address":
        return bytes(12) + read_address(value, path, unchecked_case=True)
    if kind == "bool":
        if type(value) is not bool:
            raise refused(path, "must be true or false")
        return bytes(31) + bytes((value,))
    sized = bits_of(kind)
    if sized is None:  # the types were checked
        raise refused(path, "has no type")
    family, size = sized
    if family == "bytes":
        return read_data(value, path, size, exactly=size).ljust(32, b"\0")
    if family == "uint":
        return read_integer(value, path, 0, 2**size - 1).to_bytes(32, "big")
    half = 2 ** (size - 1)
    return read_integer(value, path, -half, half - 1).to_bytes(32, "big", signed=True)
