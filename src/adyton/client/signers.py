"""The recorder keys of one chain, each by evidence of record: who may sign a checkpoint of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from adyton.client.evidence_of_record import KeyOfRecord, appraise_of_record
from adyton.client.verified import UnknownKeyError
from adyton.core.crypto import key_id
from adyton.core.errors import Error, ReceiptError, VerificationError
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint

Ask = Callable[[bytes], bytes]
"""Return encoded `NodeEvidence` that should hold the key of this name, as the server shows it."""


class Signers:
    """Verifies checkpoints of one chain, whichever start of its node signed them.

    Trust: runs in the client; evidence may come from the host or from anybody, and is appraised
    before a key of it counts.

    Args:
        genesis: of the chain; its fingerprint is pinned.
        allow_simulated: whether evidence of the simulated platform is accepted.
        now_ms: verification time.
        ask: where evidence is had of keys that no bundle given here holds.
    """

    def __init__(
        self, genesis: Genesis, *, allow_simulated: bool, now_ms: int, ask: Ask | None = None
    ) -> None:
        self.genesis = genesis
        self.now_ms = now_ms
        self._allow_simulated = allow_simulated
        self._ask = ask
        self._unverified: dict[bytes, list[EvidenceBundle]] = {}
        self._keys: dict[bytes, KeyOfRecord] = {}
        self._bundles: dict[bytes, EvidenceBundle] = {}

    @property
    def bundles(self) -> tuple[EvidenceBundle, ...]:
        """Evidence of every key that was found to have signed."""
        return tuple(self._bundles.values())

    def add(self, unverified: Iterable[EvidenceBundle]) -> None:
        """Take up evidence, to be appraised when a signature calls for it."""
        for bundle in unverified:
            if bundle.attested.role == "recorder":
                name = key_id(bundle.attested.signing_key)
                self._unverified.setdefault(name, []).append(bundle)

    def require_signed(self, unverified: Checkpoint) -> None:
        """Refuse a checkpoint that no recorder of this chain signed.

        Raises:
            UnknownKeyError: nothing shows the key that it names.
            ReceiptError, VerificationError: it is of another chain, or the signature does not hold.
            UnavailableError: evidence is needed, and the server does not answer.
        """
        facts, fixed = unverified.facts, self.genesis.configuration
        if facts.chain_id != self.genesis.chain_id():
            raise ReceiptError("wrong_chain", "a checkpoint of another chain")
        if (facts.ordering, facts.time_source) != (fixed.ordering, fixed.time_source):
            raise ReceiptError("receipt_invalid", "another ordering or time source than genesis")
        unverified.verify(self.key(facts.key_id).public)

    def key(self, name: bytes) -> KeyOfRecord:
        """Return the attested recorder key of this name.

        Raises:
            UnknownKeyError: nothing shows it. EvidenceError: what shows it does not pass.
            UnavailableError: evidence is needed, and the server does not answer.
        """
        if name not in self._keys:
            found = self._appraised(self._unverified.get(name, []))
            if found is None and self._ask is not None:
                found = self._appraised([NodeEvidence.decode(self._ask(name)).recorder], name)
            if found is None:
                raise UnknownKeyError(name)
            self._bundles[name], self._keys[name] = found
        return self._keys[name]

    def _appraised(
        self, unverified: list[EvidenceBundle], name: bytes | None = None
    ) -> tuple[EvidenceBundle, KeyOfRecord] | None:
        refused: VerificationError | None = None
        for bundle in unverified:
            if name is not None and key_id(bundle.attested.signing_key) != name:
                continue
            try:
                key = appraise_of_record(
                    bundle,
                    self.genesis,
                    role="recorder",
                    allow_simulated=self._allow_simulated,
                    now_ms=self.now_ms,
                )
            except VerificationError as problem:
                refused = problem
                continue
            return bundle, key
        if refused is not None:
            raise refused
        return None


def signed(signers: Signers, unverified: bytes) -> Checkpoint | None:
    """Return the checkpoint that the bytes encode if a recorder of the chain signed it, or None."""
    try:
        found = Checkpoint.decode(unverified)
        signers.require_signed(found)
    except Error:
        return None
    return found
