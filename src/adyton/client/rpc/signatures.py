"""Messages and typed data: read before they are signed, and each signature recovered before it is passed on."""

from __future__ import annotations

from typing import Any

from adyton.client.rpc import strict_json
from adyton.client.rpc.signer import Signer
from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError, VerificationError
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.messages import personal_hash, read_message
from adyton.protocol.ethereum.quantities import refused
from adyton.protocol.ethereum.signature import Signature, recover
from adyton.protocol.ethereum.typed_data import read_typed_data


def message_of(data: Any) -> bytes:
    """Return the bytes of a personal message.

    Raises:
        UsageError: not hex behind 0x, or too long.
    """
    return read_message(data, "the message")


def sign_message(signer: Signer, account: bytes, message: bytes) -> bytes:
    """Return r, s, v (65 bytes) of an account over a personal message.

    Raises:
        VerificationError: `answer_invalid`, the signer's answer is none. Error: as `Signer.sign_message`.
    """
    return _verified(signer.sign_message(account, message), personal_hash(message), account)


def typed_data_of(value: Any, chain_id: int) -> dict[str, Any]:
    """Return typed data that was given as an object, or as JSON in a string.

    Raises:
        UsageError: it is none, or for another chain. MalformedError: too large.
    """
    if type(value) is str:
        if len(value) > limits.WALLET_DOCUMENT:
            raise MalformedError("too_large", f"typed data over {limits.WALLET_DOCUMENT} bytes")
        try:
            value = strict_json.parse(value.encode("utf-8", "surrogatepass"))
        except MalformedError as problem:
            raise UsageError("bad_argument", f"typed data: {problem.message}") from None
    if type(value) is list:
        raise refused("typed data", "is of version 1; use eth_signTypedData_v4 (EIP-712)")
    found = read_typed_data(value, "typed data").chain_id
    if found not in (None, chain_id):
        raise UsageError(
            "wrong_chain", f"domain.chainId is {found}, but {chain_id} is pinned; nothing is signed"
        )
    return dict(value)


def sign_typed_data(signer: Signer, account: bytes, typed: dict[str, Any]) -> bytes:
    """Return r, s, v (65 bytes) of an account over typed data.

    Raises:
        VerificationError: `answer_invalid`, the signer's answer is none. Error: as `Signer.sign_typed_data`.
    """
    digest = read_typed_data(typed, "typed data").digest
    return _verified(signer.sign_typed_data(account, typed), digest, account)


def _verified(unverified: bytes, digest: bytes, account: bytes) -> bytes:
    try:
        found = address_of(recover(digest, Signature.from_bytes(unverified)))
    except (MalformedError, VerificationError):
        found = b""
    if found != account:
        raise VerificationError("answer_invalid", "the signer's answer is no signature of this")
    return unverified
