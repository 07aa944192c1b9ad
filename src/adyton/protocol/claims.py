"""Salted commitments: what was computed, opened by whom the holder chooses, field by field.

    commitment = H(field ‖ salt ‖ value)        salt = HKDF(result key, field ‖ exec id of acceptance)
    claims digest = H(commitment of each field, in the order of the registry)

The salt makes a commitment to a guessable value (an exit code) tell nothing; the exec id makes two runs differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from adyton.core.contexts import Context
from adyton.core.crypto import derive, derive_each, digest, digest_each
from adyton.core.encoding import encode
from adyton.core.errors import InvariantError, VerificationError

TASK_FIELDS: Final = (
    "code",
    "inputs",
    "arguments",
    "stdin",
    "limits",
    "exit_code",
    "stdout",
    "stderr",
    "outputs",
    "run_info",
)
NOTARY_FIELDS: Final = ("file",)
CONTRACT_FIELDS: Final = (
    "address",
    "code_hash",
    "method",
    "caller",
    "input",
    "status",
    "output",
    "usage",
)
WALLET_FIELDS: Final = (
    "caller",
    "method",
    "account",
    "document",
    "status",
    "rule",
    "policy",
    "chain",
    "nonce",
    "digest",
    "signature",
)
# The range proof is bound to the commitments to all others, so it comes last.
IDENTITY_FIELDS: Final = (
    "party",
    "request",
    "policy",
    "epoch",
    "answer",
    "reason",
    "pseudonym",
    "range",
)


def content_digest(content: bytes) -> bytes:
    """Return the digest by which contents (code, inputs, outputs) are committed to, 32 bytes."""
    return digest(Context.CONTENT, content)


def named_digests(contents: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the committed value of named contents: encoded pairs of name and content digest, in order."""
    return encode([[name, content_digest(content)] for name, content in contents])


def salt(result_key: bytes, exec_id: bytes, field: str) -> bytes:
    """Return the salt of one field, 32 bytes."""
    return derive(result_key, Context.KDF_CLAIM_SALT, exec_id, field.encode())


def commitment(field: str, salt_: bytes, value: bytes) -> bytes:
    """Return the commitment to `value`, 32 bytes."""
    return digest(Context.CLAIM, field.encode(), salt_, value)


def commit(
    fields: Sequence[str], values: Mapping[str, bytes], result_key: bytes, exec_id: bytes
) -> tuple[bytes, ...]:
    """Return the commitments to `values`, in the order of `fields`."""
    if len(fields) != len(values) or not values.keys() >= set(fields):
        raise InvariantError("invariant", "claims must cover exactly their fields")
    names = [field.encode() for field in fields]
    salts = derive_each(result_key, Context.KDF_CLAIM_SALT, exec_id, names)
    # Each as `commitment` makes it.
    return digest_each(
        Context.CLAIM, zip(names, salts, (values[field] for field in fields), strict=True)
    )


def claims_digest(commitments: Sequence[bytes]) -> bytes:
    """Return the digest of all commitments, 32 bytes."""
    return digest(Context.CLAIMS, *commitments)


def verify_opening(
    fields: Sequence[str], commitments: Sequence[bytes], field: str, salt_: bytes, value: bytes
) -> None:
    """Verify that `value` is what was committed to under `field`.

    Raises:
        VerificationError: no such field, or another value or salt.
    """
    if field not in fields or len(commitments) != len(fields):
        raise VerificationError("certificate_invalid", "an opening of a field that is not claimed")
    if commitments[fields.index(field)] != commitment(field, salt_, value):
        raise VerificationError("certificate_invalid", f"the opening of {field} does not fit")
