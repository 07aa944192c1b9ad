"""Transactions of the types 0 (legacy, EIP-155), 1 (EIP-2930) and 2 (EIP-1559): one form each, nothing optional.

    type 0   rlp([nonce, gasPrice, gas, to, value, data, chainId, 0, 0])
    type 1   0x01 ‖ rlp([chainId, nonce, gasPrice, gas, to, value, data, accessList])
    type 2   0x02 ‖ rlp([chainId, nonce, tip, maxFee, gas, to, value, data, accessList])

That is what is signed, by its Keccak-256. The signed form carries v, r, s (type 0, in the place of chainId, 0, 0), or
y parity, r, s at its end. A legacy transaction without a chain id could be replayed on every chain, so there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.address import SIZE, address_of
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.rlp import encode_bytes, encode_integer, join_list
from adyton.protocol.ethereum.signature import Secret, Signature, recover, sign

LEGACY: Final = 0
ACCESS_LIST: Final = 1
DYNAMIC_FEE: Final = 2
TYPES: Final = (LEGACY, ACCESS_LIST, DYNAMIC_FEE)

CHAIN_ID_MAX: Final = 2**64 - 1
NONCE_MAX: Final = 2**64 - 2  # EIP-2681
GAS_MAX: Final = 2**64 - 1
WEI_MAX: Final = 2**256 - 1
_STORAGE_KEY: Final = 32

# Addresses, each with the storage keys that are touched there.
AccessList = tuple[tuple[bytes, tuple[bytes, ...]], ...]


def require_type(kind: int) -> None:
    """Refuse types that are not carried, by name.

    Raises:
        UsageError: it is none of 0, 1 and 2.
    """
    if kind in TYPES:
        return
    names = {3: "type 3 (blobs, EIP-4844)", 4: "type 4 (set code, EIP-7702)"}
    name = names.get(kind, f"type {kind}")
    raise UsageError("bad_argument", f"transactions of {name} are not supported; use type 2")


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that a chain may take, not yet signed.

    Attributes:
        kind: 0, 1 or 2.
        chain_id: from 1.
        nonce: of the sender, below 2^64 - 1.
        gas: the limit, below 2^64.
        to: 20 bytes, or None to make a contract.
        value: wei.
        data: calldata, or init code.
        max_fee: wei for one gas at the most: the gas price of types 0 and 1.
        tip: wei for one gas that go to the block's maker at the most; None for types 0 and 1.
        access_list: empty for type 0.

    Raises:
        UsageError: a value is outside of its range; the text names the field.
        MalformedError: `too_large`, data over `limits.ETHEREUM_TRANSACTION`.
    """

    kind: int
    chain_id: int
    nonce: int
    gas: int
    to: bytes | None
    value: int
    data: bytes
    max_fee: int
    tip: int | None = None
    access_list: AccessList = ()

    def __post_init__(self) -> None:
        require_type(self.kind)
        if not (
            type(self.chain_id) is type(self.nonce) is type(self.gas) is int
            and type(self.value) is type(self.max_fee) is int
            and 1 <= self.chain_id <= CHAIN_ID_MAX
            and 0 <= self.nonce <= NONCE_MAX
            and 0 <= self.gas <= GAS_MAX
            and 0 <= self.value <= WEI_MAX
            and 0 <= self.max_fee <= WEI_MAX
        ):
            self._refuse_number()
        self._require_parts()

    def _refuse_number(self) -> NoReturn:
        """Say which number is outside of its range."""
        fee = "maxFeePerGas" if self.kind == DYNAMIC_FEE else "gasPrice"
        for name, number, least, most in (
            ("chainId", self.chain_id, 1, CHAIN_ID_MAX),
            ("nonce", self.nonce, 0, NONCE_MAX),
            ("gas", self.gas, 0, GAS_MAX),
            ("value", self.value, 0, WEI_MAX),
        ):
            if type(number) is not int or not least <= number <= most:
                raise UsageError("bad_argument", f"{name} is not an integer from {least} to {most}")
        raise UsageError("bad_argument", f"{fee} is not an integer from 0 to {WEI_MAX}")

    def _require_parts(self) -> None:
        if self.to is not None and len(self.to) != SIZE:
            raise UsageError("bad_argument", "to is not an address of 20 bytes")
        if len(self.data) > limits.ETHEREUM_TRANSACTION:
            raise MalformedError("too_large", f"data is over {limits.ETHEREUM_TRANSACTION} bytes")
        fee = self.gas * self.max_fee
        if fee > WEI_MAX:
            raise UsageError("bad_argument", "gas times its price is over 2^256 - 1 wei")
        if self.value + fee > WEI_MAX:
            raise UsageError("bad_argument", "value and gas cost over 2^256 - 1 wei together")
        if (self.tip is None) != (self.kind != DYNAMIC_FEE):
            raise UsageError("bad_argument", "maxPriorityFeePerGas is for type 2 and always there")
        if self.tip is not None and not 0 <= self.tip <= self.max_fee:
            raise UsageError(
                "bad_argument",
                "maxPriorityFeePerGas is over maxFeePerGas; raise the one or lower the other",
            )
        if self.access_list and self.kind == LEGACY:
            raise UsageError("bad_argument", "accessList is for types 1 and 2")
        for address, keys in self.access_list:
            if len(address) != SIZE or any(len(key) != _STORAGE_KEY for key in keys):
                raise UsageError("bad_argument", "accessList: addresses of 20 bytes, keys of 32")

    @property
    def max_cost(self) -> int:
        """The most that the sender can lose to it, wei: the value, and all of the gas."""
        return self.value + self.gas * self.max_fee

    @property
    def unsigned(self) -> bytes:
        """The bytes whose Keccak-256 is signed."""
        return _unsigned(self, _body(self))

    @property
    def signing_hash(self) -> bytes:
        """What is signed, 32 bytes."""
        return keccak(self.unsigned)


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction ready to be broadcast.

    Attributes:
        transaction: what was signed.
        signature: low s, recovered.
        sender: address that it recovers to, 20 bytes.
        raw: the bytes for the network.
    """

    transaction: Transaction
    signature: Signature
    sender: bytes
    raw: bytes

    @property
    def hash(self) -> bytes:
        """The transaction hash, 32 bytes."""
        return keccak(self.raw)


class Encoded:
    """A transaction encoded once: for its hash, and for its signed form.

    Args:
        transaction: what would be signed.

    Attributes:
        transaction: likewise.
        signing_hash: what is signed, 32 bytes.
    """

    __slots__ = ("_body", "signing_hash", "transaction")

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self._body = _body(transaction)
        self.signing_hash = keccak(_unsigned(transaction, self._body))

    def raw(self, signature: Signature) -> bytes:
        """Return the bytes for the network.

        Raises:
            MalformedError: `too_large`, over `limits.ETHEREUM_TRANSACTION`.
        """
        raw = _signed(self.transaction, self._body, signature)
        if len(raw) > limits.ETHEREUM_TRANSACTION:
            raise MalformedError(
                "too_large", f"over {limits.ETHEREUM_TRANSACTION} bytes: no node takes it"
            )
        return raw


def sign_transaction(transaction: Transaction, secret: Secret, public: bytes) -> SignedTransaction:
    """Return a transaction signed, after its signature was recovered and compared.

    Args:
        transaction: what is signed.
        secret: 32 bytes, used where they lie.
        public: the uncompressed public key of `secret`, 65 bytes.

    Raises:
        UsageError: no private key.
        MalformedError: `too_large`, over `limits.ETHEREUM_TRANSACTION`.
        InvariantError: the signature does not recover to `public`.
    """
    encoded = Encoded(transaction)
    signature = sign(encoded.signing_hash, secret, public)
    return SignedTransaction(transaction, signature, address_of(public), encoded.raw(signature))


def join(transaction: Transaction, unverified: Signature) -> SignedTransaction:
    """Return a transaction with a signature that came from elsewhere, and the sender it recovers to.

    Raises:
        VerificationError: `bad_signature`, no key can have made it.
        MalformedError: `too_large`, over `limits.ETHEREUM_TRANSACTION`.
    """
    encoded = Encoded(transaction)
    public = recover(encoded.signing_hash, unverified)
    return SignedTransaction(transaction, unverified, address_of(public), encoded.raw(unverified))


def _body(transaction: Transaction) -> bytes:
    """Return the encoded fields that the unsigned and the signed form share."""
    to = transaction.to
    legacy = transaction.kind == LEGACY
    return b"".join(
        (
            b"" if legacy else encode_integer(transaction.chain_id),
            encode_integer(transaction.nonce),
            b"" if transaction.tip is None else encode_integer(transaction.tip),
            encode_integer(transaction.max_fee),
            encode_integer(transaction.gas),
            b"\x80" if to is None else b"\x94" + to,
            encode_integer(transaction.value),
            encode_bytes(transaction.data),
            b"" if legacy else _access_list(transaction.access_list),
        )
    )


def _access_list(access_list: AccessList) -> bytes:
    if not access_list:
        return b"\xc0"
    return join_list(
        join_list((encode_bytes(address), join_list(map(encode_bytes, keys))))
        for address, keys in access_list
    )


def _unsigned(transaction: Transaction, body: bytes) -> bytes:
    if transaction.kind == LEGACY:
        return join_list((body, encode_integer(transaction.chain_id), b"\x80\x80"))
    return bytes((transaction.kind,)) + join_list((body,))


def _signed(transaction: Transaction, body: bytes, signature: Signature) -> bytes:
    legacy = transaction.kind == LEGACY
    v = signature.v(transaction.chain_id) if legacy else signature.y_parity
    listed = join_list(
        (body, encode_integer(v), encode_integer(signature.r), encode_integer(signature.s))
    )
    return listed if legacy else bytes((transaction.kind,)) + listed
