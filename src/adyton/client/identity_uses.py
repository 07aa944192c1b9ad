"""Uses of this client's credentials: who has asked, and what it was told, out of the verified copy of the chain.

They are sealed to the key in the holder's DID document; nobody else can read them, nor see whom they are for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from adyton.client.chain import VerifiedBlock
from adyton.client.identity_dids import OwnDid
from adyton.core.errors import Error
from adyton.core.schema import decode_one_of
from adyton.protocol.contract import ContractEntry
from adyton.protocol.derived import open_derived
from adyton.protocol.identity.answers import USE_LEAST, CredentialUse, IdentityEntry
from adyton.protocol.identity.naming import name_of
from adyton.protocol.identity.registries import RECORDS, IssuerRecord, PolicyRecord
from adyton.protocol.padding import unpad

_BODIES: Final = {cls.WIRE_NAME: cls for cls in (ContractEntry, IdentityEntry)}
_INDEX: Final = 0


@dataclass(frozen=True)
class SeenUse:
    """One opening of a credential of this client.

    Attributes:
        did: of this client, to whose key it was sealed.
        use: what the enclave tells of it.
        policy: name of the policy as it was registered then; empty where the copy has none of that hash.
        issuer: name of the credential's issuer as it was registered then; empty likewise.
    """

    did: str
    use: CredentialUse
    policy: str
    issuer: str


class UseReader:
    """Reads a verified chain from its genesis on for uses.

    Trust: the blocks are verified, and only the enclave can seal a use under an execution's name that opens here.

    Args:
        chain_id: of the chain.
        dids: of this client.
    """

    def __init__(self, chain_id: bytes, dids: Sequence[OwnDid]) -> None:
        self._chain_id = chain_id
        self._dids = tuple(dids)
        self._policies: dict[bytes, str] = {}
        self._issuers: dict[bytes, str] = {}

    def read(self, block: VerifiedBlock) -> Iterator[SeenUse]:
        """Yield the uses of the next block that are for this client, in order."""
        for index, part in enumerate(block.parts):
            if part.kind != "request" or part.body is None:
                continue
            entry = decode_one_of(part.body, _BODIES)
            if not isinstance(entry, IdentityEntry):
                continue
            if entry.record:
                self._remember(entry.record)
            exec_id = block.header.exec_id(part.epoch, index)
            for sealed in entry.sealed_uses:
                yield from self._opened(exec_id, sealed)

    def _remember(self, encoded: bytes) -> None:
        record = decode_one_of(encoded, RECORDS)
        if isinstance(record, PolicyRecord):
            self._policies[record.hash()] = record.name
        elif isinstance(record, IssuerRecord):
            self._issuers[name_of(self._chain_id, record)] = record.name

    def _opened(self, exec_id: bytes, sealed: bytes) -> Iterator[SeenUse]:
        for own in self._dids:
            for secret, public in own.agreements:
                try:
                    opened = open_derived(secret, public, exec_id, _INDEX, sealed)
                    use = CredentialUse.decode(unpad(opened, least=USE_LEAST))
                except Error:
                    continue  # another's, or of another key of this one's
                policy = self._policies.get(use.policy_hash, "")
                yield SeenUse(own.did, use, policy, self._issuers.get(use.issuer, ""))
                break
