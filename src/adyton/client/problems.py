"""Which error class a stable code belongs to, for codes that arrive from the other side.

Codes reach a client in two ways: in problem details, which are a host's unsigned word, and in
sealed responses, which are the enclave's. Both become the same exception, so that callers handle
one tree.
"""

from __future__ import annotations

from typing import Any, Final

from adyton.core.errors import (
    Error,
    ForkError,
    GuestError,
    InvariantError,
    MalformedError,
    PolicyError,
    ReceiptError,
    RollbackError,
    UnavailableError,
    UsageError,
    VerificationError,
)

_BY_CLASS: Final[dict[type[Error], str]] = {
    MalformedError: "malformed too_large module_refused interface",
    UsageError: """
        not_found method_unknown bad_argument usage keystore exists image_invalid contract_unknown
        wallet_unknown policy_invalid nonce_used key_reused wallet_full node_refused
        zk_unavailable
        """,
    PolicyError: """
        replayed wrong_epoch ticket_expired not_yet_valid expired window_too_long
        ordering_unavailable not_admitted evidence_kind not_trusted simulated_refused
        config_mismatch not_upgradable payment_refused payment_failed approval_pending approval_ended
        export_refused
        credential_refused range_unmet not_authorized
        not_owner version_conflict record_given_up policy_changed not_sender deadline_passed epoch_ended
        """,
    VerificationError: """
        wrong_chain wrong_incarnation ticket_invalid ticket_spent unopenable bad_signature
        request_id_reused state_lost evidence_malformed evidence_signature evidence_binding
        evidence_stale evidence_measurement evidence_debug fingerprint_mismatch
        certificate_invalid conflict_invalid answer_invalid state_mismatch channel_violation sealed_invalid
        key_purpose status_invalid status_stale range_proof_invalid
        """,
    ReceiptError: "receipt_invalid chain_invalid",
    RollbackError: "rollback",
    ForkError: "fork",
    UnavailableError: """
        time_decreased wrong_height wrong_state enclave_down overloaded commit_failed
        unreachable timeout out_of_block_fuel memory_unlocked
        """,
    GuestError: """
        sandbox_unavailable sandbox_failed input_unavailable attempts_exhausted engine_failed
        call_failed
        """,
    InvariantError: "invariant",
}
CLASS_OF_CODE: Final[dict[str, type[Error]]] = {
    code: class_ for class_, codes in _BY_CLASS.items() for code in codes.split()
}
_DETAIL: Final = 300  # characters of the other side's text that are repeated


def error_of(code: str, text: str) -> Error:
    """Return the error that `code` stands for.

    Trust: code and text are the other side's; an unknown code is an invalid answer.
    """
    class_ = CLASS_OF_CODE.get(code)
    if class_ is None:
        return VerificationError("answer_invalid", "the server answers with an unknown error code")
    return class_(code, text)


def error_of_problem(unverified: Any, status: int) -> Error:
    """Return the error that decoded problem details (RFC 9457) stand for.

    Trust: a host's word; nothing in it may be more than an exception's class and text.

    Args:
        unverified: what the body decodes to, of any type.
        status: of the HTTP answer, for the text.
    """
    code = unverified.get("code") if type(unverified) is dict else None
    if type(code) is not str:
        return VerificationError("answer_invalid", f"status {status} without problem details")
    detail = unverified.get("detail")
    if type(detail) is not str or not detail:
        detail = f"status {status}"
    return error_of(code, f"the server says: {printable(detail)}")


def printable(unverified: str) -> str:
    """Return the text, cut short, without what would steer a terminal."""
    shown = unverified[:_DETAIL]
    return "".join(char if char.isprintable() else "?" for char in shown)
