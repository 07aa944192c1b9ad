"""Requests of the identity app, and the request that a relying party shows to a holder.

relying party                holder                      enclave
PresentationRequest  ──────▶ PresentedSecret, sealed
        ◀──────────────────  SealedPresentation
Present(request, sealed)  ─────────────────────────────▶ checks, Verdict
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, digest, hpke_seal
from adyton.core.errors import MalformedError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes16, Bytes32, Message, Uint, Uint32, message
from adyton.protocol.envelope import epoch_bytes
from adyton.protocol.padding import pad, unpad

APP: Final = "identity"
REGISTER: Final = "register"
STATUS: Final = "status"
PRESENT: Final = "present"
METHODS: Final = (REGISTER, STATUS, PRESENT)
# Reads
RESOLVE: Final = "resolve"
CHECKLIST: Final = "checklist"
LIST: Final = "list"

SEALED_LEAST: Final = 4096  # bytes of what a holder seals, at least; a power of two


def sealed_size(framed: int) -> int:
    """Return how many bytes a holder seals for a presentation of `framed` bytes, its length included.

    A power of two: the party sees it, and by finer classes it would know visits with a large credential again.
    """
    return max(SEALED_LEAST, 1 << (framed - 1).bit_length())


@message("identity-register/1", max_bytes=limits.ARGUMENTS_BYTES)
class Register(Message):
    """Make a record, or change one's own.

    Attributes:
        record: encoded `DidRecord`, `IssuerRecord`, `PartyRecord` or `PolicyRecord`: whole, as it is to be.
    """

    record: Annotated[bytes, AtMost(limits.IDENTITY_RECORD)]


@message("identity-status/1", max_bytes=limits.ARGUMENTS_BYTES)
class BringStatus(Message):
    """Bring in a status list, signed by its issuer; anybody may.

    Attributes:
        issuer: record of the issuer that signs it.
        uri: its address.
        token: as fetched from there.
    """

    issuer: Bytes32
    uri: Annotated[str, AtMost(limits.IDENTITY_TEXT)]
    token: Annotated[bytes, AtMost(limits.STATUS_TOKEN)]


@message("presentation-request/1", max_bytes=1024)
class PresentationRequest(Message):
    """What a relying party asks a holder for; its digest is the request's name, and answers once.

    Attributes:
        chain_id: of the network that is to check it.
        party: record of the relying party.
        policy: record of its policy.
        policy_hash: of that record as it was when this was made.
        epoch: of the network when it was made.
        deadline_ms: block time from which it is not answered any more.
        salt: makes it another request each time.
    """

    chain_id: Bytes32
    party: Bytes32
    policy: Bytes32
    policy_hash: Bytes32
    epoch: Uint32
    deadline_ms: Uint
    salt: Bytes16

    @property
    def audience(self) -> str:
        """Whom the holder's signature is for: the network."""
        return f"adyton:{self.chain_id.hex()}"

    @property
    def nonce(self) -> str:
        """What the holder's signature answers: the request's name, 64 hex digits."""
        return self.name().hex()

    def name(self) -> bytes:
        """Return the request's name, 32 bytes; the holder's signature has it as its nonce."""
        return digest(Context.IDENTITY_REQUEST, self.encode())


@message("presented/1", max_bytes=limits.PRESENTATION)
class Presented(Message):
    """What a holder seals: for the enclave alone.

    Attributes:
        presentation: SD-JWT with key binding.
        did: the holder's DID, whose document has the key that binds it; uses are told to its agreement key. Empty for
            none.
    """

    presentation: Annotated[str, AtMost(limits.PRESENTATION - 2048)]
    did: Annotated[str, AtMost(limits.DID)]


@message("sealed-presentation/1", max_bytes=limits.PRESENTATION + 4096)
class SealedPresentation(Message):
    """A presentation under the network's key of one epoch: whoever carries it reads nothing.

    Attributes:
        epoch: whose key it is sealed to; it opens as long as that epoch is open.
        sealed: HPKE, bound to chain, epoch and request.
    """

    epoch: Uint32
    sealed: Annotated[bytes, AtMost(limits.PRESENTATION + 2048)]

    @classmethod
    def seal(
        cls, presented: Presented, intake_key: bytes, request: PresentationRequest, epoch: int
    ) -> SealedPresentation:
        """Seal to the intake key of an epoch.

        Raises:
            VerificationError: not a usable key.
        """
        encoded = presented.encode()
        padded = pad(encoded, least=sealed_size(4 + len(encoded)))
        info = (request.chain_id, epoch_bytes(epoch), request.name())
        return cls(epoch, hpke_seal(intake_key, padded, Context.HPKE_PRESENTATION, *info))

    def open(self, key: HpkeKey, chain_id: bytes, request: bytes) -> Presented:
        """Return what was sealed for this request.

        Args:
            key: of the sealing's epoch.
            chain_id: of the network that checks it.
            request: its name.

        Raises:
            VerificationError: sealed to another key, chain, epoch or request, or altered.
            MalformedError: not a presentation.
        """
        info = (chain_id, epoch_bytes(self.epoch), request)
        opened = key.open(self.sealed, Context.HPKE_PRESENTATION, *info)
        if len(opened) > limits.PRESENTATION + 2048:
            raise MalformedError("too_large", "a presentation over its bound")
        framed = 4 + int.from_bytes(opened[:4], "big")
        return Presented.decode(unpad(opened, least=sealed_size(framed)))


@message("identity-present/1", max_bytes=limits.PRESENTATION + 8 * limits.KIB)
class Present(Message):
    """Have a presentation checked."""

    request: PresentationRequest
    sealed: SealedPresentation


@message("identity-name/1", max_bytes=256)
class OfRecord(Message):
    """Resolve a record; show the checklist of a request; list one's own records whose names come after this one."""

    name: Bytes32
