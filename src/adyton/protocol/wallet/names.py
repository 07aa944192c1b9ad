"""The names of a policy: its clients and its sets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from adyton.core import limits
from adyton.protocol.ethereum.address import read_address
from adyton.protocol.ethereum.quantities import read_list, refused
from adyton.protocol.wallet.abi_types import Signature

OWNER: Final = "owner"
_WORD: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{limits.WALLET_WORD - 1}}}")
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_SHOWN: Final = 12  # names in an error text


def read_word(value: Any, path: str) -> str:
    """Return a name that a policy gives.

    Raises:
        UsageError: not such a name.
    """
    if type(value) is not str or not _WORD.fullmatch(value):
        raise refused(
            path,
            "must be a word of letters, digits, '_', '.' and '-', "
            f"at most {limits.WALLET_WORD} characters",
        )
    return value


class Names:
    """What the names of one policy stand for, and how much it has asked for so far.

    Attributes:
        clients: names and keys (32 bytes).
        addresses: names of sets of addresses (20 bytes); an empty set is one of both kinds.
        keys: names of sets of client keys.
        looking: how many conditions and limits look into typed data or at items of arrays.
    """

    def __init__(self) -> None:
        self.clients: dict[str, bytes] = {}
        self.addresses: dict[str, frozenset[bytes]] = {}
        self.keys: dict[str, frozenset[bytes]] = {}
        self.looking = 0
        self._comparisons = 0
        self._functions: dict[bytes, str] = {}

    def read_clients(self, value: Any, path: str) -> None:
        """Read the member `clients`.

        Raises:
            UsageError: not an object of names and keys.
        """
        for name, key in _members(value, path, limits.WALLET_CLIENTS, "clients"):
            where = f"{path}.{name}"
            if name == OWNER or _KEY.fullmatch(name):
                raise refused(where, "is a name that a client cannot have; choose another")
            if type(key) is not str or not _KEY.fullmatch(key):
                raise refused(where, "must be a client's public key: 64 lowercase hex digits")
            self.clients[name] = bytes.fromhex(key)

    def read_sets(self, value: Any, path: str) -> None:
        """Read the member `sets`; the clients were read.

        Raises:
            UsageError: not an object of lists of addresses or clients, or too many of them.
        """
        total = 0
        for name, listed in _members(value, path, limits.WALLET_SETS, "sets"):
            where = f"{path}.{name}"
            items = read_list(listed, where, limits.WALLET_SET_ITEMS)
            total += len(items)
            if total > limits.WALLET_SETS_ITEMS:
                raise refused(path, f"have over {limits.WALLET_SETS_ITEMS} items")
            if not items:
                self.addresses[name] = self.keys[name] = frozenset()
            elif type(items[0]) is str and _ADDRESS.fullmatch(items[0]):
                self.addresses[name] = _distinct(items, where, read_address)
            else:
                self.keys[name] = _distinct(items, where, self.client)

    def client(self, value: Any, path: str) -> bytes:
        """Return the key that a client's name stands for, or the key that was given itself.

        Raises:
            UsageError: neither.
        """
        if type(value) is str and _KEY.fullmatch(value):
            return bytes.fromhex(value)
        if type(value) is not str or value not in self.clients:
            raise refused(
                path,
                "is neither an address, a client's key (64 lowercase hex digits), "
                f"nor one of the clients: {_listed(self.clients)}",
            )
        return self.clients[value]

    def set_of_addresses(self, value: str, path: str) -> frozenset[bytes]:
        """Return the addresses of the set that `@name` names.

        Raises:
            UsageError: there is no such set of addresses.
        """
        return _named(value, path, self.addresses, "addresses")

    def set_of_keys(self, value: str, path: str) -> frozenset[bytes]:
        """Return the client keys of the set that `@name` names.

        Raises:
            UsageError: there is no such set of clients.
        """
        return _named(value, path, self.keys, "clients")

    def read_addresses(self, value: Any, path: str) -> Membership:
        """Return what a list of addresses and `@name`s holds, or one of either alone.

        Raises:
            UsageError: anything else.
        """
        items = read_list([value] if type(value) is str else value, path, limits.WALLET_SET_ITEMS)
        literal: set[bytes] = set()
        named: dict[str, frozenset[bytes]] = {}
        for at, item in enumerate(items):
            where = f"{path}[{at}]" if type(value) is list else path
            if type(item) is str and item.startswith("@"):
                named[item] = self.set_of_addresses(item, where)
            else:
                literal.add(read_address(item, where))
        return Membership(frozenset(literal), named)

    def count(self, comparisons: int, path: str) -> None:
        """Count comparisons.

        Raises:
            UsageError: over `limits.WALLET_TESTS`.
        """
        self._comparisons += comparisons
        if self._comparisons > limits.WALLET_TESTS:
            raise refused(path, f"is over the {limits.WALLET_TESTS} tests that a policy may have")

    def add_function(self, signature: Signature, path: str) -> None:
        """Add a function that a rule names.

        Raises:
            UsageError: another function has its selector, so that calldata could be of either.
        """
        known = self._functions.setdefault(signature.selector, signature.text)
        if known != signature.text:
            raise refused(path, f"has the selector of {known[:80]} too; a policy names one of them")


class Membership:
    """Byte strings given one by one, and sets given by name.

    Attributes:
        literal: those given one by one.
        named: the sets, by their names with the `@`.
        holds: whether something is in one of them.
    """

    def __init__(self, literal: frozenset[bytes], named: dict[str, frozenset[bytes]]) -> None:
        self.literal = literal
        self.named = named
        parts = tuple(part for part in (literal, *named.values()) if part)
        # Almost always there is one, and then its own method is the fastest.
        self.holds: Callable[[Any], bool] = (
            parts[0].__contains__
            if len(parts) == 1
            else lambda item: any(item in part for part in parts)
        )

    def words(self, show: Callable[[bytes], str]) -> str:
        """Return how people read it, a few items of it."""
        shown = [*self.named, *(show(item) for item in sorted(self.literal))]
        more = len(shown) - 3
        return ", ".join(shown[:3]) + (f" and {more} more" if more > 0 else "")


def _members(value: Any, path: str, most: int, what: str) -> list[tuple[str, Any]]:
    if type(value) is not dict:
        raise refused(path, f"must be an object: names of {what}, and what they stand for")
    if len(value) > most:
        raise refused(path, f"are {len(value)}; {most} are the most")
    for name in value:
        read_word(name, f"{path}: the name {str(name)[:40]!r}")
    return list(value.items())


def _distinct(items: list[Any], path: str, read: Callable[[Any, str], bytes]) -> frozenset[bytes]:
    found: set[bytes] = set()
    for at, item in enumerate(items):
        made = read(item, f"{path}[{at}]")
        if made in found:
            raise refused(f"{path}[{at}]", "is there twice; leave it out")
        found.add(made)
    return frozenset(found)


def _named(value: str, path: str, sets: dict[str, frozenset[bytes]], what: str) -> frozenset[bytes]:
    found = sets.get(value[1:])
    if found is None:
        raise refused(path, f"names no set of {what}; those are {_listed(sets)}")
    return found


def _listed(names: dict[str, Any]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(sorted(names)[:_SHOWN])
    return (shown or "none") + (f" and {more} more" if more > 0 else "")
