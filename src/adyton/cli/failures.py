"""Errors for people: one table from error class to exit code, one from code to what to do next."""

from __future__ import annotations

from typing import Final

from adyton.cli.output import printable
from adyton.core.errors import (
    CredentialError,
    Error,
    GuestError,
    InvariantError,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)

EXIT_CODES: Final[tuple[tuple[type[Error], int], ...]] = (
    (UsageError, 2),
    (MalformedError, 3),
    (VerificationError, 4),
    (PolicyError, 5),
    (GuestError, 6),
    (UnavailableError, 7),
    (InvariantError, 70),
)
INTERNAL: Final = 70
OURS: Final = 125  # `adyton run`: the task has no exit code to give
INTERRUPTED: Final = 130

EXIT_HELP: Final = """\
exit status: 0 done; 2 wrong usage; 3 malformed; 4 does not verify; 5 refused by policy;
6 guest failed; 7 unavailable, try again; 70 internal error; 130 interrupted.
With --json a failure prints {"error": {"code", "message", "next", "exit_code"}} on stdout.
`adyton run` exits with the task's own status, 128 + N after signal N, and 125 for every failure of ours."""

_ANEW: Final = (
    "the relying party makes a new request with `adyton verifier request`, which the holder answers; "
    "nothing was opened"
)

NEXT: Final[dict[str, str]] = {
    "not_trusted": "pin it first: adyton trust URL --fingerprint HEX64, with the fingerprint from its operator",
    "fingerprint_mismatch": "compare the fingerprint with its operator by another way than this server",
    "simulated_refused": (
        "nothing protects a simulated platform from its operator; "
        "to use it all the same, add --allow-simulated or set ADYTON_ALLOW_SIMULATED=1"
    ),
    "unreachable": "check the address, and that the server runs",
    "timeout": "the server may have it all the same; `adyton results`, `adyton contract resume`, `adyton wallet "
    "resume` and the same `adyton verifier present` ask again for the same request, which has one effect",
    "payment_failed": "see on the chain what became of it, before the thing is paid for under another key",
    "not_authorized": "the broker's rules must name the certificate's common name; see docs/spec/mqtt.md",
    "overloaded": "wait a little and try again",
    "enclave_down": "the server starts its enclave again; try in a few seconds",
    "not_admitted": "give its operator the output of `adyton whoami`, and trust it again with --invite FILE",
    "rollback": "do not rely on this server: it shows less than it has shown; keep the file with what it signed",
    "fork": "do not rely on this server: it tells two histories; "
    "`adyton verify` says of the file what it proves, to anybody",
    "chain_invalid": "what the server showed or this directory holds was altered: do not rely on it; "
    "`adyton chain verify` tells whether your own copy, up to its last block, still holds",
    "evidence_stale": "ask for fresher evidence, or accept its age with --allow-stale",
    "certificate_invalid": "the file was altered or is not whole; ask its holder for it again",
    "conflict_invalid": "it accuses nobody: ask whoever made the file for it again",
    "keystore": "see to the directory's owner and permissions; nothing in it was changed",
    "ordering_unavailable": "no setting makes one host offer more; choose another server",
    "too_large": "make it smaller; limits are in the server's genesis and docs/spec/task.md",
    "module_refused": "the text says what is wrong with it; docs/spec/contract.md says what a module may be",
    "contract_unknown": "check the address; it is of one chain only",
    "not_upgradable": "only its deployer can, and only where that was allowed when it was made",
    "out_of_block_fuel": "ask again: the next block has fuel of its own",
    "interface": "`adyton contract describe ADDRESS` says what each method takes",
    "call_failed": "nothing of the call stays but its cost; the text is the contract's own",
    "wallet_unknown": "`adyton wallet list` shows the wallets of this client",
    "policy_invalid": "the text says where; `adyton wallet policy example` prints one that holds",
    "payment_refused": "nothing was signed; what a policy refuses, `adyton wallet policy check` explains rule by rule",
    "approval_pending": "those whom the policy names run `adyton wallet approve PROPOSAL`, then you "
    "`adyton wallet claim PROPOSAL`",
    "approval_ended": "ask for it anew: nothing was signed",
    "nonce_used": "leave --nonce out, or `adyton wallet replace` the transaction that has it",
    "key_reused": "take another --key: each stands for one request",
    "export_refused": 'a policy lets it out by "export": "owner", or by approvals',
    "credential_refused": "the relying party's developers see which check failed: `adyton verifier status REQUEST`",
    "status_stale": "fetch the list from its address again: one of now, and not older than the one that is held",
    "epoch_ended": "the holder runs `adyton credential present` with the same request again, which seals it anew; "
    "nothing was opened, and the request is not used up",
    "policy_changed": _ANEW,
    "deadline_passed": _ANEW,
    "not_sender": "one of the clients that the relying party lists as senders brings it; nothing was opened",
    "not_owner": "only the client that made the record can change it; `adyton whoami` says who this one is",
    "record_given_up": "make another: `adyton did new`, `adyton credential issuer`, `adyton verifier register` or "
    "`policy`; of a request, ask the relying party",
    "version_conflict": "somebody changed the record in between; look at it, and change it again",
    "zk_unavailable": "the server needs `adyton serve --extra zk` for range proofs; this machine adyton[zk]",
    "memory_unlocked": "the server's operator must allow it to lock memory (ulimit -l)",
    "node_refused": "what is signed stays valid; `adyton wallet broadcast` sends it again",
    "config_mismatch": "leave the option away to serve as before, or serve another directory",
    "sandbox_unavailable": "the server's operator must allow user namespaces",
    "invariant": "this is a defect of Adyton; please report it",
}


def exit_code(problem: Error) -> int:
    """Return the exit status that stands for an error's class."""
    return next((code for kind, code in EXIT_CODES if isinstance(problem, kind)), INTERNAL)


def lines(problem: Error) -> list[str]:
    """Return what is printed of an error: what it is, and what to do next where that is known."""
    # A guest's words stay in our line; a compiler's may have lines of their own. Neither steers the terminal.
    text = str(problem)
    words = [text] if isinstance(problem, GuestError) else text.expandtabs().split("\n")
    said = [f"adyton: {words[0]}", *words[1:]]
    following = next_of(problem)
    # A text that names a command has said what to do next.
    if following is not None and "`adyton " not in words[-1]:
        said.append(f"  {following}")
    return list(map(printable, said))


def next_of(problem: Error) -> str | None:
    """Return what to do about an error; None where that is not known."""
    if isinstance(problem, CredentialError):
        return None  # found here, about what is in the user's hands: there is no request, and no verdict on one
    return NEXT.get(problem.code)


def to_json(problem: Error) -> dict[str, object]:
    """Return an error for programs."""
    return {
        "error": {
            "code": problem.code,
            "message": problem.message,
            "next": next_of(problem),
            "exit_code": exit_code(problem),
        }
    }
