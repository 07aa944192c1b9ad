"""What the conditions of a policy look at: an intent taken apart once, for one decision."""

from __future__ import annotations

from typing import Any, Final

from adyton.core.errors import MalformedError
from adyton.protocol.ethereum.typed_types import array_of
from adyton.protocol.wallet.abi import decode_call
from adyton.protocol.wallet.abi_types import Signature
from adyton.protocol.wallet.intent import Intent

_SLICE: Final = 64  # characters of a value that cost one look
_MEMBERS: Final = 16  # of a struct, likewise

Path = tuple[str, ...]


class Facts:
    """An intent, who asks, and what has been looked at.

    Whoever writes a policy can make it look at every value of a long message again and again, so each condition looks
    at so many values and no more (`Policy.looks`). What lies beyond is not known: it fails in rules that allow, and
    holds in those that deny. The bound is of the condition, so that the order of rules changes nothing.

    Attributes:
        chain: the transaction's, or the domain's of typed data; None where there is none.
        to: receiver, or None; the verifying contract of typed data.
        value, fee, cost: wei; 0 for what is no transaction.
        tip: wei for one gas; all of the price for the types 0 and 1, as the chain has it (EIP-1559).
        selector: first 4 bytes of calldata; empty where it calls no function.
    """

    __slots__ = (
        *("account", "chain", "client", "cost", "data", "fee", "gas", "intent", "kind", "looks"),
        *("max_fee", "message", "nonce", "owner", "selector", "tip", "to", "typed", "value"),
        "_decoded",
    )

    def __init__(self, intent: Intent, client: bytes, owner: bytes, looks: int) -> None:
        self.intent = intent
        self.account = intent.account
        self.client = client
        self.owner = owner
        self.looks = looks
        self._decoded: dict[str, tuple[Any, ...] | None] = {}
        self.message = intent.message if intent.message is not None else b""
        self.typed = intent.typed
        self.data = self.selector = b""
        self.chain: int | None = None
        self.to: bytes | None = None
        self.value = self.fee = self.cost = self.gas = self.max_fee = self.tip = self.nonce = 0
        self.kind = -1
        transaction = intent.transaction
        if transaction is not None:
            self.kind = transaction.kind
            self.chain = transaction.chain_id
            self.to = transaction.to
            self.value = transaction.value
            self.gas = transaction.gas
            self.max_fee = transaction.max_fee
            self.fee = transaction.gas * transaction.max_fee
            self.cost = self.value + self.fee
            self.tip = transaction.max_fee if transaction.tip is None else transaction.tip
            self.nonce = transaction.nonce
            self.data = transaction.data
            if transaction.to is not None and len(self.data) >= 4:
                self.selector = self.data[:4]
        elif self.typed is not None:
            self.chain = self.typed.chain_id
            contract = self.typed.domain.get("verifyingContract")
            self.to = None if contract is None else bytes.fromhex(contract[2:])

    def decoded(self, signature: Signature) -> tuple[Any, ...] | None:
        """Return the arguments of the call, or None where the calldata is not their one encoding."""
        known = self._decoded.get(signature.text, self)
        if known is not self:
            return known  # type: ignore[return-value]  # the object itself stands for "not yet"
        try:
            arguments = decode_call(signature, self.data)
        except MalformedError:
            arguments = None
        self._decoded[signature.text] = arguments
        return arguments

    def fields(self, path: Path) -> list[tuple[str, Any]] | None:
        """Return type and JSON value of what typed data has at a path; `*` stands for every item of an array.

        None where it has no such path, or where there is too much to look at.
        """
        typed = self.typed
        if typed is None:
            return None
        structs = typed.types.structs
        kind = typed.primary_type
        values: list[Any] = [typed.message]
        left = self.looks
        for part in path:
            array = array_of(kind)
            if array is not None:
                if part != "*":
                    return None
                kind = array[0]
                left -= sum(map(len, values))
                if left < 0:
                    return None
                values = [item for value in values for item in value]
                continue
            members = structs.get(kind, ())
            inner = next((of for name, of in members if name == part), None)
            left -= len(members) // _MEMBERS
            if inner is None or left < 0:
                return None
            kind = inner
            values = [value[part] for value in values]
        cost = sum(1 + len(value) // _SLICE if type(value) is str else 1 for value in values)
        return [(kind, value) for value in values] if cost <= left else None
