"""Deterministic CBOR, messages, hashes and signatures, as `docs/spec/README.md` and `encoding.md` define them."""

from __future__ import annotations

import hashlib
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Value = Any
UINT_MAX = 2**63 - 1
_PRIME = 2**255 - 19
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME


class Refused(Exception):  # it is not an error of the program
    """What was shown does not hold."""


def require(holds: bool, reason: str) -> None:
    """Refuse with the reason unless it holds."""
    if not holds:
        raise Refused(reason)


# --- values -------------------------------------------------------------------------------------


def decode(data: bytes, tags: bool = False) -> Value:
    """Return the value whose one encoding is `data`."""
    try:
        value = cbor2.loads(
            data,
            allow_duplicate_keys=False,
            allow_indefinite=False,
            max_depth=16,
            semantic_decoders=dict.fromkeys(
                (*range(60), *range(62, 300), 1004, 43000, 55799), _no_tag
            )
            if not tags
            else dict.fromkeys(
                (*range(18), *range(19, 61), *range(62, 300), 1004, 43000, 55799), _no_tag
            ),
        )
        again = cbor2.dumps(value, canonical=True)
    except Refused:
        raise
    except Exception as problem:
        raise Refused(f"not CBOR: {problem}") from problem
    require(again == data, "not the deterministic encoding of its value")
    _check_types(value, tags)
    return _plain(value)


def encode(value: Value) -> bytes:
    """Return the deterministic encoding."""
    return cbor2.dumps(value, canonical=True)


def _no_tag(*_: Any) -> Any:
    raise Refused("a tag that is not of the profile")


def _check_types(value: Value, tags: bool) -> None:
    if isinstance(value, cbor2.CBORTag):
        require(tags and value.tag in (18, 61), "a tag where none is allowed")
        _check_types(value.value, tags)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_types(item, tags)
    elif hasattr(value, "items"):
        for key, item in value.items():
            require(type(key) in (int, str), "a map key that is neither integer nor text")
            _check_types(item, tags)
    elif type(value) is int:
        require(-(2**63) <= value <= UINT_MAX, "an integer of more than 64 bits")
    else:
        require(value is None or type(value) in (bytes, str, bool), "a type outside of the profile")


def _plain(value: Value) -> Value:
    """Give lists and dicts throughout; below a tag cbor2 makes tuples and frozen maps."""
    if isinstance(value, cbor2.CBORTag):
        return cbor2.CBORTag(value.tag, _plain(value.value))
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return value


# --- messages -----------------------------------------------------------------------------------


class Octets:
    """A byte string: of exactly, or of at most, so many bytes."""

    def __init__(self, most: int, exactly: bool = True) -> None:
        self.most, self.exactly = most, exactly

    def check(self, value: Value) -> None:
        """Refuse anything else."""
        size = len(value) if type(value) is bytes else -1
        require(size == self.most if self.exactly else 0 <= size <= self.most, "not such bytes")


class Text:
    """A text of at most so many characters, or one of some words."""

    def __init__(self, most: int = 40, *words: str) -> None:
        self.most, self.words = most, words

    def check(self, value: Value) -> None:
        """Refuse anything else."""
        require(type(value) is str and len(value) <= self.most, "not such a text")
        require(not self.words or value in self.words, f"not one of {', '.join(self.words)}")


class Number:
    """An integer from 0 to a bound."""

    def __init__(self, most: int = UINT_MAX) -> None:
        self.most = most

    def check(self, value: Value) -> None:
        """Refuse anything else."""
        require(type(value) is int and 0 <= value <= self.most, "not such a number")


class Flag:
    """A boolean."""

    def check(self, value: Value) -> None:
        """Refuse anything else."""
        require(type(value) is bool, "not a boolean")


class Maybe:
    """A value or null."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def check(self, value: Value) -> None:
        """Refuse anything else."""
        if value is not None:
            self.inner.check(value)


class Many:
    """A list of at most so many."""

    def __init__(self, most: int, inner: Any) -> None:
        self.most, self.inner = most, inner

    def check(self, value: Value) -> None:
        """Refuse anything else."""
        require(type(value) is list and len(value) <= self.most, "not such a list")
        for item in value:
            self.inner.check(item)


class Form:
    """A message: an array of its name and its fields, in order."""

    def __init__(self, name: str, most: int, /, **fields: Any) -> None:
        self.name, self.most, self.fields = name, most, fields

    def check(self, value: Value) -> None:
        """Refuse anything else."""
        listed = type(value) is list and len(value) == len(self.fields) + 1
        require(listed and value[0] == self.name, f"not a message {self.name}")
        for (field, kind), item in zip(self.fields.items(), value[1:], strict=True):
            try:
                kind.check(item)
            except Refused as problem:
                raise Refused(f"{self.name}, {field}: {problem}") from problem

    def read(self, data: bytes) -> dict[str, Value]:
        """Return the fields of the encoded message."""
        require(len(data) <= self.most, f"{self.name} is over its bound")
        value = decode(data)
        self.check(value)
        return self.fields_of(value)

    def fields_of(self, value: list[Value]) -> dict[str, Value]:
        """Return the fields of a checked array."""
        return dict(zip(self.fields, value[1:], strict=True))


# --- hashes and signatures ----------------------------------------------------------------------


def lp(*parts: bytes) -> bytes:
    """Return the parts, each behind its length in four bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def h(context: str, *parts: bytes) -> bytes:
    """Return H(context, parts)."""
    return hashlib.sha256(lp(f"adyton/1/hash/{context}".encode(), *parts)).digest()


def u64(number: int) -> bytes:
    """Return a number in eight bytes."""
    return number.to_bytes(8, "big")


def verify_signature(key: bytes, signature: bytes, message: bytes) -> None:
    """Refuse unless the Ed25519 signature verifies, as libsodium judges the edge cases."""
    require(len(key) == 32 and len(signature) == 64, "a key or signature of a wrong size")
    order = 2**252 + 27742317777372353535851937790883648493
    require(int.from_bytes(signature[32:], "little") < order, "a signature whose S is not reduced")
    require(not _small_order(key) and not _small_order(signature[:32]), "a point of small order")
    canonical = int.from_bytes(key, "little") & (2**255 - 1) < _PRIME
    require(canonical, "a public key that is not in its one encoding")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError) as problem:
        raise Refused("a signature does not verify") from problem


def _small_order(encoded: bytes) -> bool:
    """Say whether eight times the point is the neutral element; what is no point is not our concern."""
    y = (int.from_bytes(encoded, "little") & (2**255 - 1)) % _PRIME
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    x = pow(square, (_PRIME + 3) // 8, _PRIME)
    if x * x % _PRIME != square:
        x = x * pow(2, (_PRIME - 1) // 4, _PRIME) % _PRIME
    if x * x % _PRIME != square:
        return False
    for _ in range(3):
        product = _D * x * x * y * y % _PRIME
        x, y = (
            2 * x * y * pow(1 + product, -1, _PRIME) % _PRIME,
            (y * y + x * x) * pow(1 - product, -1, _PRIME) % _PRIME,
        )
    return (x, y) == (0, 1)
