"""What the ledger commits to of a request to a wallet: a function of the request and its answer alone."""

from __future__ import annotations

from adyton.protocol.wallet.answers import Answer, Changed, Exported, Signed
from adyton.protocol.wallet.requests import IMPORT, SIGN, Sign


def claimed_values(
    method: str,
    caller: bytes,
    arguments: bytes,
    answer: Answer,
    told: Signed | Changed | Exported | None,
    asked: Sign | None = None,
) -> dict[str, bytes]:
    """Return the value of each of `claims.WALLET_FIELDS`.

    Args:
        method: of the request.
        caller: client key that signed it.
        arguments: encoded.
        answer: unpadded.
        told: what its body encodes; None where it has none.
        asked: what the arguments of a request for a signature encode, where that is known already.
    """
    values = {
        "caller": caller,
        "method": method.encode(),
        "account": b"",
        # What an import brings is nobody's to open.
        "document": b"" if method == IMPORT else arguments,
        "status": answer.code.encode(),
        "rule": b"",
        "policy": b"",
        "chain": b"",
        "nonce": b"",
        "digest": b"",
        "signature": b"",
    }
    if method == SIGN:
        asked = Sign.decode(arguments) if asked is None else asked
        values["method"] = f"{method} {asked.method}".encode()
        values["account"], values["document"] = asked.account, asked.document
    if told is not None:
        values["status"] = told.status.encode()
    if isinstance(told, Signed):
        values |= {
            "rule": told.rule.encode(),
            "policy": told.policy_hash,
            "chain": _decimal(told.chain_id),
            "nonce": _decimal(told.nonce),
            "digest": told.digest,
            "signature": told.signature,
        }
    return values


def _decimal(number: int | None) -> bytes:
    return b"" if number is None else str(number).encode()
