"""What a request to check a presentation has left, in public and for those who asked."""

from __future__ import annotations

from dataclasses import dataclass

from adyton.client.problems import error_of
from adyton.core.crypto import HpkeKey
from adyton.protocol.boundary import BlockResult
from adyton.protocol.claims import IDENTITY_FIELDS, claims_digest, commit
from adyton.protocol.derived import open_derived
from adyton.protocol.envelope import Request
from adyton.protocol.identity.answers import (
    USE_LEAST,
    Answer,
    CredentialUse,
    IdentityEntry,
    Verdict,
)
from adyton.protocol.identity.record import claimed_values, refused_values
from adyton.protocol.ledger import BlockHeader, PublicPart
from adyton.protocol.padding import unpad


@dataclass(frozen=True)
class Told:
    """What a request to check a presentation has left.

    Attributes:
        block: it was in, alone.
        request: that was sent.
        part: public.
        result: padded, as it was answered.
        answer: opened.
    """

    block: BlockResult
    request: Request
    part: PublicPart
    result: bytes
    answer: Answer

    @property
    def exec_id(self) -> bytes:
        return BlockHeader.decode(self.block.header).exec_id(self.part.epoch, 0)

    @property
    def block_time_ms(self) -> int:
        return BlockHeader.decode(self.block.header).time_ms

    @property
    def verdict(self) -> Verdict:
        if self.answer.code:
            raise error_of(self.answer.code, self.answer.reason)
        return Verdict.decode(self.answer.verdict)

    @property
    def use(self) -> bytes:
        """The sealed use."""
        entry = IdentityEntry.decode(self.part.body or b"")
        assert entry.record == b""
        (use,) = entry.sealed_uses
        return use

    def opened_use(self, key: HpkeKey, secret: bytes) -> CredentialUse:
        """Return the use, opened by a holder's key."""
        opened = open_derived(secret, key.public, self.exec_id, 0, self.use)
        return CredentialUse.decode(unpad(opened, least=USE_LEAST))

    def require_claims(self) -> None:
        """The entry commits to what was answered."""
        values = (
            refused_values(self.answer.code) if self.answer.code else claimed_values(self.verdict)
        )
        made = commit(IDENTITY_FIELDS, values, self.request.result_key, self.exec_id)
        assert self.part.claims == claims_digest(made)
