"""Documents of the network's own DIDs, as they are kept: keys that sign, and one to which things are sealed.

A key is named by its own text (Multikey), so that a name never stands for one key today and for another tomorrow.
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import Bytes32, Message, Uint32, message
from adyton.protocol.credentials.did import own_did
from adyton.protocol.credentials.did_document import (
    AGREEMENT,
    ASSERTION,
    AUTHENTICATION,
    DidDocument,
    Method,
)
from adyton.protocol.credentials.multikey import ED25519, KEY_MOST, P256, X25519, Multikey

_SIGNATURES: Final = (AUTHENTICATION, ASSERTION)


@message("did-key/1", max_bytes=128)
class DidKey(Message):
    """A key that signs.

    Attributes:
        curve: of the key.
        data: 32 bytes of Ed25519, or 33 of a compressed point of P-256.
    """

    curve: Annotated[str, OneOf.of(ED25519, P256)]
    data: Annotated[bytes, AtMost(KEY_MOST)]


@message("did-document/1", max_bytes=4096)
class OwnDocument(Message):
    """What a client registers for a DID, and replaces by the next version.

    Attributes:
        name: of the DID; see `did.own_name`.
        version: 0 when it is registered; each change is one more.
        signing: keys for authentication and assertion, in the client's order.
        agreement: X25519 key for what only the holder is to read.
    """

    name: Bytes32
    version: Uint32
    signing: Annotated[tuple[DidKey, ...], AtMost(limits.DID_KEYS - 1)]
    agreement: Bytes32

    def document(self, chain_id: bytes) -> DidDocument:
        """Return the document for everybody; what comes from a client was checked if this returns.

        Raises:
            MalformedError: no signing key, one twice, or one that is no key.
        """
        if not self.signing:
            raise MalformedError("malformed", "a did has at least one key that signs")
        keys = [Multikey(key.curve, key.data) for key in self.signing]
        methods = [Method(key.multikey(), key, _SIGNATURES) for key in keys]
        sealing = Multikey(X25519, self.agreement)
        methods.append(Method(sealing.multikey(), sealing, (AGREEMENT,)))
        return DidDocument(own_did(chain_id, self.name), tuple(methods))
