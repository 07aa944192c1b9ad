"""Receipts of wallets: the eight steps of `docs/spec/wallet.md`."""

from __future__ import annotations

from contract_receipt import MIB, receipt_steps
from ethereum_signer import signer_of
from evidence import BUNDLE
from ledger import PROOF
from policy import Checks, Policy
from run_certificate import OPENING
from strict import Form, Many, Octets, require

WALLET = Form(
    "wallet-receipt/1",
    2 * MIB,
    genesis=Octets(8192, exactly=False),
    recorder=BUNDLE,
    proof=PROOF,
    commitments=Many(16, Octets(32)),
    openings=Many(16, OPENING),
)
FIELDS = (
    *("caller", "method", "account", "document", "status", "rule"),
    *("policy", "chain", "nonce", "digest", "signature"),
)
WALLET_STEPS = (
    "the bytes are the one encoding of a receipt",
    "genesis has a pinned fingerprint, and an accepted platform and ordering",
    "the evidence is the recorder's that signed, and holds",
    "the entry lies in this chain, by the pinned code, and was carried out",
    "it commits to these commitments",
    "each opening fits its commitment, in order, once",
    "an opened signature is the opened account's, over the opened digest",
    "the key was not used too long after its evidence",
)


def verify_wallet(data: bytes, policy: Policy) -> Checks:
    """Verify the receipt of a request to a wallet."""
    checks = Checks(WALLET_STEPS)

    def signer() -> None:
        signature = checks.shown.get("signature", b"")
        if signature:
            require("digest" in checks.shown, "a signature without its digest")
            found = signer_of(checks.shown["digest"], signature)
            require(checks.shown.get("account", found) == found, "another account's signature")

    *steps, age = receipt_steps(WALLET, FIELDS, data, policy, checks)
    for number, step in enumerate((*steps, signer, age), 1):
        checks.run(number, step)
    return checks
