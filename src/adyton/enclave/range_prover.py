"""Makes range proofs with secp256k1-zkp, from the wheel of wallycore: part of an image only with the extra `zk`.

wallycore documents no prover for a generator and nonce of one's own, but its library exports secp256k1-zkp's
functions. Their prototypes are written here; that they are the ones that are meant is shown before the first use, by
making a proof whose bytes are known.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any, Final

from adyton.core.errors import InvariantError, UsageError
from adyton.protocol.credentials.range_proof import (
    BITS,
    COMMITMENT,
    PROOF,
    RangeProof,
    Statement,
    nonce,
    witness,
)

_MODULE: Final = "_wallycore"
_CONTEXT_NONE: Final = 1
_MOST: Final = 5134  # bytes of any proof of secp256k1-zkp
_PARSED: Final = 64  # bytes of a commitment in the library's own form
_PROTOTYPES: Final[dict[str, tuple[Any, list[Any]]]] = {
    "secp256k1_context_create": (c_void_p, [c_uint]),
    "secp256k1_context_randomize": (c_int, [c_void_p, c_char_p]),
    "secp256k1_pedersen_commit": (c_int, [c_void_p, c_void_p, c_char_p, c_uint64, c_void_p]),
    "secp256k1_pedersen_commitment_serialize": (c_int, [c_void_p, c_void_p, c_void_p]),
    "secp256k1_rangeproof_sign": (
        c_int,
        # context, proof, its size, least, commitment, r, nonce, exponent, bits, x, message and size, extra and size, H
        [
            *(c_void_p, c_void_p, POINTER(c_size_t), c_uint64, c_void_p, c_char_p, c_char_p, c_int),
            *(c_int, c_uint64, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p),
        ],
    ),
}
_GENERATOR: Final = "secp256k1_generator_h"
# Of x = 2^20 - 500 with least 2^20 - 1000: r is 32 times 07, the nonce 32 times 09, the context 32 times 65.
_KNOWN: Final = "960b405ce5b03765879f21af5279a13ebf9187081b5429b29dca0a5f64bf6756"


def is_available() -> bool:
    """Say whether the image was built with the extra `zk`."""
    return importlib.util.find_spec(_MODULE) is not None


class RangeProver:
    """Proves statements about birthdays.

    Trust: runs in the enclave; the library sees the birthday and is measured with the rest.

    Args:
        masking: 32 random bytes that blind the library's arithmetic against side channels; no result depends on them.

    Raises:
        UsageError: `zk_unavailable`, the image was built without the extra.
        InvariantError: the library is not the one that is meant.
    """

    def __init__(self, masking: bytes) -> None:
        spec = importlib.util.find_spec(_MODULE)
        if spec is None or spec.origin is None:
            raise UsageError(
                "zk_unavailable", "range proofs need the extra zk; build the image with it"
            )
        library = ctypes.CDLL(spec.origin)
        self._library = library
        try:
            for name, (result, arguments) in _PROTOTYPES.items():
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
            self._generator = c_void_p.in_dll(library, _GENERATOR)
        except (AttributeError, ValueError) as problem:
            raise InvariantError(
                "invariant", "wallycore does not export secp256k1-zkp's range proofs"
            ) from problem
        self._context = library.secp256k1_context_create(_CONTEXT_NONE)
        if len(masking) != 32 or not library.secp256k1_context_randomize(self._context, masking):
            raise InvariantError("invariant", "the library's context was not blinded")
        self._check_known()

    def prove(self, secret: bytes, statement: Statement, birth_day: int) -> RangeProof:
        """Return commitment and proof; the same bytes for the same arguments.

        Args:
            secret: of the enclave, 32 bytes.
            statement: what is to be proven.
            birth_day: `age.birth_day` of the verified credential.

        Raises:
            PolicyError: `range_unmet`, there is nothing to prove.
            InvariantError: the library refuses what it should be able to prove.
        """
        hidden = witness(secret, statement, birth_day)
        parsed, commitment = self._commit(hidden.value, hidden.blinding)
        seed = nonce(secret, statement, hidden, commitment)
        proof = self._sign(
            parsed, hidden.value, hidden.blinding, seed, statement.least,
            statement.context(commitment),
        )  # fmt: skip
        made = RangeProof(commitment, proof)
        statement.require_header(made)
        return made

    def _commit(self, value: int, blinding: bytes) -> tuple[Any, bytes]:
        parsed = ctypes.create_string_buffer(_PARSED)
        written = ctypes.create_string_buffer(COMMITMENT)
        if not self._library.secp256k1_pedersen_commit(
            self._context, parsed, blinding, value, self._generator.value
        ) or not self._library.secp256k1_pedersen_commitment_serialize(
            self._context, written, parsed
        ):
            raise InvariantError("invariant", "a birthday could not be committed to")
        return parsed, written.raw

    def _sign(
        self, parsed: Any, value: int, blinding: bytes, seed: bytes, least: int, context: bytes
    ) -> bytes:
        proof = ctypes.create_string_buffer(_MOST)
        size = c_size_t(_MOST)
        signed = self._library.secp256k1_rangeproof_sign(
            self._context, proof, ctypes.byref(size), least, parsed, blinding, seed,
            0, BITS, value, b"", 0, context, len(context), self._generator.value,
        )  # fmt: skip
        if not signed or size.value != PROOF:
            raise InvariantError("invariant", "a true statement could not be proven")
        return proof.raw[: size.value]

    def _check_known(self) -> None:
        value, blinding = (1 << 20) - 500, b"\x07" * 32
        parsed, commitment = self._commit(value, blinding)
        made = self._sign(parsed, value, blinding, b"\x09" * 32, value - 500, b"e" * 32)
        if hashlib.sha256(commitment + made).hexdigest() != _KNOWN:
            raise InvariantError("invariant", "wallycore makes other proofs than secp256k1-zkp")
