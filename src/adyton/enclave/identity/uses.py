"""Tells holders that their credential was opened: sealed to a key of theirs, on the ledger, whoever is told.

Where there is nobody to tell, the same is sealed to a key whose private half nobody keeps: by the same steps, so that
neither bytes nor time tell one from the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adyton.core import limits
from adyton.core.errors import Error, InvariantError, VerificationError
from adyton.core.recent import Recent
from adyton.enclave.identity.book import Book
from adyton.enclave.keys import Keys
from adyton.protocol.credentials.did import read_did, read_own
from adyton.protocol.credentials.did_document import AUTHENTICATION
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.identity.answers import NO, USE_LEAST, CredentialUse
from adyton.protocol.identity.naming import document_of
from adyton.protocol.identity.registries import DidRecord
from adyton.protocol.padding import pad

_HELD: Final = 8192
_ROOM: Final = 8 * limits.MIB  # of memory that all of them take
# What one takes: of itself, and for each key.
_OF_HOLDER: Final = 600
_OF_KEY: Final = 200
_NOTHING: Final = CredentialUse(bytes(32), bytes(32), "", bytes(32), 0, 0, 0, NO, bytes(32), "")
_INDEX: Final = 0


@dataclass(frozen=True, slots=True)
class _Holder:
    """What a DID's record says of its holder.

    Attributes:
        version: of the record.
        keys: curve and bytes of each by which he authenticates.
        agreement: to which uses are sealed.
    """

    version: int
    keys: tuple[tuple[str, bytes], ...]
    agreement: bytes


class Uses:
    """Seals uses.

    Args:
        keys: of the chain.
        book: of records.
    """

    def __init__(self, keys: Keys, book: Book) -> None:
        self._keys = keys
        self._book = book
        self._held = Recent[bytes, _Holder](_HELD, _ROOM)

    def seal(
        self,
        exec_id: bytes,
        use: CredentialUse | None,
        holder: PublicKey | None,
        dids: tuple[str, ...],
    ) -> bytes:
        """Return a use for its holder, or for nobody, `USE_SEALED` bytes.

        Args:
            exec_id: of the execution.
            use: what is to be told; None where there is nothing.
            holder: the key that the credential's issuer has named.
            dids: what the credential and the presentation call the holder; the first whose document has this key is
                believed.
        """
        recipient = self._keys.nobody()
        found = None
        if use is not None and holder is not None:
            for did in filter(None, dids):
                found = found or self._known(did, holder)
        if found is None:
            use = None  # nobody is named
        else:
            recipient = found
        told = pad((use or _NOTHING).encode(), least=USE_LEAST)
        return self._keys.seal_derived(exec_id, _INDEX, recipient, told)

    def _known(self, did: str, holder: PublicKey) -> bytes | None:
        """Return the key of `_agreement`; None where there is none."""
        try:
            return self._agreement(did, holder)
        except InvariantError:
            raise
        except Error:
            return None

    def _agreement(self, did: str, holder: PublicKey) -> bytes:
        """Return the key to which the holder of a DID has uses sealed.

        Raises:
            Error: no DID of this network, given up, or of somebody else than the holder.
        """
        name = read_own(read_did(did), self._keys.chain_id)
        record = self._book.record(name, DidRecord)
        held = self._held.get(name)
        if held is None or held.version != record.version:
            held = self._read(record)
            self._held.put(name, held, _OF_HOLDER + _OF_KEY * len(held.keys))
        if (holder.curve, holder.data()) not in held.keys:
            raise VerificationError("key_purpose", "the did's document has not the holder's key")
        return held.agreement

    def _read(self, record: DidRecord) -> _Holder:
        document = document_of(self._keys.chain_id, record)
        if document is None:
            raise VerificationError("not_found", "the did was given up")
        keys = tuple(
            (method.key.curve, method.key.data)
            for method in document.methods
            if AUTHENTICATION in method.purposes
        )
        return _Holder(record.version, keys, document.agreement().data)
