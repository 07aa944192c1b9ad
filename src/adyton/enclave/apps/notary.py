"""The notary, the smallest app: a salted commitment to a digest becomes public, and nothing else."""

from __future__ import annotations

from adyton.core.errors import UsageError
from adyton.enclave.apps.base import Call, Outcome
from adyton.protocol import notary
from adyton.protocol.claims import NOTARY_FIELDS, claims_digest, commit


class Notary:
    """Records commitments; keeps no state of its own."""

    name = notary.APP

    def execute(self, call: Call) -> Outcome:
        """Commit to the digest that the client sent."""
        if call.request.method != notary.NOTARIZE:
            raise UsageError("method_unknown", "the notary has one method: notarize")
        asked = notary.Notarize.decode(call.request.arguments)
        values = {"file": asked.digest}
        commitments = commit(NOTARY_FIELDS, values, call.request.result_key, call.exec_id)
        return Outcome(claims=claims_digest(commitments))
