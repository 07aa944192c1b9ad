"""Transactions signed by a wallet's vault, beside what libsecp256k1 alone can do; one core, no HTTP, no ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from adyton.core.limits import WALLET_ACCOUNTS_HOT
from adyton.enclave.wallet.vault import Vault
from adyton.protocol.ethereum import transaction as codec
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.signature import Signature
from adyton.protocol.ethereum.transaction import DYNAMIC_FEE, Transaction
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.summary import BenchError, cost, joined, percentile, spread
from tests.vault_kit import ENTROPY, PHRASE, REQUEST, WALLET, sign_with, vault

_CONTEXT: Final = GLOBAL_CONTEXT.ctx
_CALLDATA: Final = bytes(68)  # as long as an ERC-20 transfer's
_DIGEST: Final = bytes(range(32))
_RUNS: Final = 41
_COLD: Final = 200
_US: Final = 1e6


class _Bare:
    """libsecp256k1 by pointer, nothing around it."""

    def __init__(self, secret: memoryview) -> None:
        self._secret = ffi.from_buffer("unsigned char[32]", secret)
        self.made = ffi.new("secp256k1_ecdsa_recoverable_signature *")
        self._point = ffi.new("secp256k1_pubkey *")

    def sign(self, digest: bytes = _DIGEST) -> None:
        lib.secp256k1_ecdsa_sign_recoverable(
            _CONTEXT, self.made, digest, self._secret, ffi.NULL, ffi.NULL
        )

    def sign_and_recover(self) -> None:
        self.sign()
        lib.secp256k1_ecdsa_recover(_CONTEXT, self._point, self.made, _DIGEST)

    def signature(self) -> Signature:
        output, recovery = ffi.new("unsigned char[64]"), ffi.new("int *")
        serialize = lib.secp256k1_ecdsa_recoverable_signature_serialize_compact
        serialize(_CONTEXT, output, recovery, self.made)
        compact = bytes(ffi.buffer(output))
        r, s = (int.from_bytes(part, "big") for part in (compact[:32], compact[32:]))
        return Signature(r, s, recovery[0])


def measure(plan: Plan) -> list[Figure]:
    """Measure a hot account, whole and without its check; then accounts that must be unwrapped and derived."""
    held = vault()
    try:
        return [*_hot(held, plan.runs), *_cold(held)]
    finally:
        held.close()


def _transaction() -> Transaction:
    fee, tip = 30 * 10**9, 10**9
    return Transaction(DYNAMIC_FEE, 1, 7, 90_000, b"t" * 20, 10**17, _CALLDATA, fee, tip)


def _unchecked(bare: _Bare) -> bytes:
    """Return what `sign_transaction` returns, without recovering the signature before it is given out."""
    made = _transaction()
    body = codec._body(made)
    bare.sign(keccak(codec._unsigned(made, body)))
    return codec._signed(made, body, bare.signature())


def _through(held: Vault, wrapped: bytes) -> bytes:
    with held.key(WALLET, wrapped, 0) as key:
        return codec.sign_transaction(_transaction(), key.secret, key.public).raw


def _rates(call: Callable[[], object], runs: int) -> list[float]:
    return [1 / cost(call, clock=time.process_time, runs=_RUNS) for _ in range(runs)]


def _hot(held: Vault, runs: int) -> list[Figure]:
    wrapped = held.make(WALLET, REQUEST, ENTROPY)
    whole = partial(_through, held, wrapped)
    with held.key(WALLET, wrapped, 0) as key:
        bare = _Bare(key.secret)
        if _unchecked(bare) != whole():
            raise BenchError("the two ways to sign differ")
        calls = (partial(_unchecked, bare), whole, bare.sign, bare.sign_and_recover)
        alone, whole_s, sign, both = [_rates(call, runs) for call in calls]
    return [
        Figure(
            "transaction encoded and signed", percentile(alone, 0.5), "/s",
            Goal(20_000, at_least=True),
            Floor(percentile(sign, 0.5), "libsecp256k1 alone: sign"),
            joined("type 2, 68 B of calldata; nothing recovered", spread(alone)),
        ),
        Figure(
            "transaction through the vault", percentile(whole_s, 0.5), "/s", None,
            Floor(percentile(both, 0.5), "libsecp256k1 alone: sign and recover"),
            joined("as it is given out: recovered and compared with its key", spread(whole_s)),
        ),
    ]  # fmt: skip


def _cold(held: Vault) -> list[Figure]:
    """Signatures of accounts that are not at hand: a wallet's secret is unwrapped and the key derived each time."""
    figures = []
    for what, wrapped in (
        ("random", held.make(WALLET, REQUEST, ENTROPY)),
        ("phrase", held.import_mnemonic(WALLET, PHRASE)),
    ):
        taken = []
        for number in range(_COLD):
            begun = time.process_time()
            sign_with(held, wrapped, number, _DIGEST)
            taken.append(time.process_time() - begun)
        next_one = partial(sign_with, held, wrapped, _COLD - 1, _DIGEST)
        again = cost(next_one, clock=time.process_time)
        figures.append(
            Figure(
                f"first signature of an account, {what}", _US * percentile(taken, 0.5), "µs", None,
                Floor(_US * again, "the next one, its key at hand"),
                f"CPU; {WALLET_ACCOUNTS_HOT:,} accounts are kept at hand",
            )
        )  # fmt: skip
    return figures
