"""The whole error tree.

Every error carries a stable `code`, listed in `CODES`; texts may change, codes may not. A code is mapped
once to an HTTP status (`host/api/problems.py`) and once to an exit code (`cli/failures.py`), by its class.
"""

from __future__ import annotations

from typing import Final


class Error(Exception):
    """Base of every error that Adyton raises on purpose.

    Args:
        code: stable identifier, one of `CODES`.
        message: lowercase English, no full stop, never with secret bytes in it.
    """

    def __init__(self, code: str, message: str) -> None:
        # A code is part of the protocol: one that nobody knows is a defect where it is raised.
        if code not in CODES or type(message) is not str:
            raise TypeError(f"an error has a registered code and a text: {type(self).__name__}")
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"

    def __reduce__(self) -> tuple[type[Error], tuple[str, str]]:
        return type(self), (self.code, self.message)


class UsageError(Error):
    """The caller asked for something that cannot be asked for."""


class MalformedError(Error):
    """Bytes are not the one encoding of a value of the expected form."""


class VerificationError(Error):
    """A check of authenticity or consistency does not hold."""


class EvidenceError(VerificationError):
    """Evidence does not satisfy a numbered appraisal step.

    Args:
        code: stable identifier.
        step: number of the step in `docs/spec/evidence.md`.
        reason: what did not hold.
    """

    def __init__(self, code: str, step: int, reason: str) -> None:
        super().__init__(code, f"appraisal step {step}: {reason}")
        self.step = step
        self.reason = reason

    def __reduce__(self) -> tuple[type[Error], tuple[str, int, str]]:  # type: ignore[override]  # other arguments than the base
        return type(self), (self.code, self.step, self.reason)


class ReceiptError(VerificationError):
    """A checkpoint, receipt or proof does not hold."""


class ConflictError(VerificationError):
    """Two signed checkpoints of one chain that do not go together.

    Args:
        code: stable identifier.
        message: what was seen.
        held: the signed checkpoint that was seen first, COSE_Sign1 bytes; empty in a mere claim.
        shown: the signed checkpoint that does not go with it, COSE_Sign1 bytes.
        path: RFC 9162 proof that the server gave between their sizes, 32-byte nodes; it joins nothing.
        evidence: encoded `chain-conflict/1`, for whoever was not there; empty until it is made.
    """

    def __init__(
        self,
        code: str,
        message: str,
        held: bytes = b"",
        shown: bytes = b"",
        path: tuple[bytes, ...] = (),
        evidence: bytes = b"",
    ) -> None:
        super().__init__(code, message)
        self.held = held
        self.shown = shown
        self.path = path
        self.evidence = evidence

    def __reduce__(self) -> tuple[type[Error], tuple[object, ...]]:  # type: ignore[override]  # other arguments than the base
        return type(self), (
            self.code,
            self.message,
            self.held,
            self.shown,
            self.path,
            self.evidence,
        )


class RollbackError(ConflictError):
    """The ledger went backwards: what was shown is older than what was seen before."""


class ForkError(ConflictError):
    """The ledger tells two stories: both cannot be of one history, or nothing shows that they are."""


class CredentialError(VerificationError):
    """A credential or its presentation does not pass a check.

    Args:
        reason: stable word for the cause, one of `adyton.protocol.credentials.reasons`.
        message: what does not hold, without a value of the credential.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__("credential_refused", message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[Error], tuple[str, str]]:
        return type(self), (self.reason, self.message)


class PolicyError(Error):
    """The request is understood and authentic, and a policy refuses it."""


class GuestError(Error):
    """A guest's code could not be run to its own end."""


class UnavailableError(Error):
    """Not now: the only error worth a retry of the same bytes."""


class InvariantError(Error):
    """Something that cannot happen did: halt, release nothing."""


CODES: Final[dict[str, str]] = {
    # form
    "malformed": "bytes are not the one encoding of the expected form",
    "too_large": "a size or count is over its limit",
    "not_found": "there is no such thing here",
    "method_unknown": "no app or method of that name",
    "bad_argument": "an argument is outside its domain",
    # envelopes and intake
    "wrong_chain": "made for another chain",
    "wrong_epoch": "sealed to an epoch that is not open; fetch a new server key and seal anew",
    "wrong_incarnation": "made for another incarnation of the chain",
    "ticket_invalid": "the ticket is not one of this chain and epoch",
    "ticket_expired": "the ticket has expired; fetch new ones",
    "ticket_spent": "the ticket was used by another request",
    "unopenable": "the envelope does not open with the key its ticket names",
    "bad_signature": "a signature does not verify",
    "not_yet_valid": "the request's window has not begun",
    "expired": "the request's window has ended",
    "window_too_long": "the request's window is longer than allowed",
    "replayed": "this request was already recorded",
    "request_id_reused": "the request id was used by another request",
    "ordering_unavailable": "the chain does not offer the ordering level asked for",
    "not_admitted": "the chain admits invited clients only",
    "state_lost": "the answer was lost with an earlier incarnation",
    # evidence
    "evidence_kind": "evidence of a kind that the policy does not allow",
    "evidence_malformed": "evidence has not the form of its kind",
    "evidence_signature": "evidence is not signed by the platform's root",
    "evidence_binding": "evidence does not bind what was shown with it",
    "evidence_stale": "evidence is older than the policy allows",
    "evidence_measurement": "evidence names code that is not among the reference values",
    "evidence_debug": "the platform's debug state is not what the policy demands",
    "fingerprint_mismatch": "the server is not the one whose fingerprint is pinned",
    "not_trusted": "no fingerprint is pinned for this server",
    "simulated_refused": "the simulated platform is refused unless it is allowed explicitly",
    # ledger
    "receipt_invalid": "a receipt or checkpoint does not verify",
    "chain_invalid": "a stored block does not verify",
    "rollback": "the ledger went backwards",
    "fork": "the ledger tells two stories",
    "certificate_invalid": "a certificate does not verify",
    "conflict_invalid": "the evidence of two histories does not verify",
    "answer_invalid": "the server's answer does not verify",
    # state and host
    "state_mismatch": "the host's answer is not the state that was written",
    "channel_violation": "the other side broke the channel's rules",
    "sealed_invalid": "a sealed blob does not open here",
    "config_mismatch": "the configuration is not the one fixed at genesis",
    "time_decreased": "the block's time is before its predecessor's",
    "wrong_height": "the block is not the successor of the last one",
    "wrong_state": "not possible in this state of the lifecycle",
    "enclave_down": "the enclave is not running",
    "overloaded": "too much is waiting; try again",
    "commit_failed": "the block could not be stored",
    "unreachable": "the server cannot be reached",
    "timeout": "no answer in time; whether the request took effect is unknown",
    # credentials
    "credential_refused": "a credential or its presentation does not pass a check",
    "key_purpose": "a key is used for something that its document does not allow",
    "status_stale": "a status list is out of date; bring a newer one",
    "status_invalid": "a status list or an index in it does not fit the credential",
    "zk_unavailable": "range proofs need the extra zk",
    "range_unmet": "what a range proof is asked for is not true; there is no proof of it",
    "range_proof_invalid": "a range proof does not hold for its statement",
    "not_authorized": "the broker does not allow that to this certificate",
    # identity
    "not_owner": "the record is another client's",
    "version_conflict": "the record was changed meanwhile; read it and change that version",
    "record_given_up": "the record was given up, for good",
    "policy_changed": "the policy is not the one that the request names; make a new request",
    "not_sender": "the relying party's record does not name this client as a sender",
    "deadline_passed": "the request's deadline has passed; make a new request",
    "epoch_ended": "the presentation is sealed to an epoch that has ended; the holder seals it anew",
    # guests
    "sandbox_unavailable": "this machine cannot confine guests",
    "sandbox_failed": "the sandbox ended before the guest did",
    "input_unavailable": "an input blob is not there or not what was signed",
    "attempts_exhausted": "the task was interrupted too often",
    # contracts
    "module_refused": "not a module that a contract may be",
    "engine_failed": "the contract engine ended while it ran this module",
    "contract_unknown": "there is no contract at this address",
    "not_upgradable": "the contract cannot be upgraded by this client",
    "out_of_block_fuel": "the block's fuel is used up; ask again",
    "call_failed": "the contract did not carry out the call",
    "interface": "the arguments are not what the contract's interface description says",
    # wallets
    "wallet_unknown": "there is no such wallet or account, or it is not for this client",
    "policy_invalid": "the policy is not one, or leaves open what it must say",
    "payment_refused": "the wallet's policy does not allow it",
    "payment_failed": "the chain has not taken the payment",
    "approval_pending": "others must approve it first",
    "approval_ended": "others have not approved it: rejected, refused or expired",
    "nonce_used": "the nonce was used for another transaction",
    "key_reused": "the idempotency key was used for another request",
    "export_refused": "the wallet's policy does not let its secret out",
    "wallet_full": "the wallet holds as many of these as it can",
    "memory_unlocked": "this machine does not lock memory for private keys",
    "node_refused": "the Ethereum node did not do what was asked of it",
    # client
    "usage": "the command line or call is not valid",
    "keystore": "the keystore cannot be used",
    "exists": "it exists already",
    "image_invalid": "the enclave image cannot be built or is not what its manifest says",
    "invariant": "internal error",
}
