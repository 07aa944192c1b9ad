"""Sealed blobs: what the enclave gives the host to keep, and takes back at the next start.

Sealing is to the exact measurement: another version of the code does not open them. The host can give back an older
blob; a single host's rollback is visible to clients (their verified view) and not to the enclave.
"""

from __future__ import annotations

from typing import Annotated

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SivKey, digest
from adyton.core.errors import Error, VerificationError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, Uint, Uint32, message


@message("epoch-secret/1", max_bytes=128)
class EpochSecret(Message):
    """One epoch's secret, and the heights at which it is used.

    Attributes:
        from_height: of the first block under it.
        to_height: of the last block in which its keys open what a client sealed; null while no successor is fixed.
    """

    epoch: Uint32
    secret: Bytes32
    from_height: Uint
    to_height: Uint | None


@message("sealed-root/1", max_bytes=64 * limits.KIB)
class Root(Message):
    """The secrets of a chain.

    Attributes:
        genesis: encoded genesis; the chain id follows from it, so that a node cannot be restarted under another.
        root: durable root.
        epochs: live epoch secrets, ascending; the last one may not have begun.
        node_secret: of the node's HPKE key; replaced with each epoch.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    incarnation: Uint32
    root: Bytes32
    epochs: Annotated[tuple[EpochSecret, ...], AtMost(limits.EPOCHS_HELD)]
    node_secret: Bytes32

    def digest(self) -> bytes:
        """Return what a head says of the root that belongs to it, 32 bytes."""
        return digest(Context.ROOT, self.encode())


@message("sealed-head/1", max_bytes=8 * limits.KIB)
class Head(Message):
    """Where the chain stands after a block.

    Attributes:
        block_hash: of the last block; of no block yet, the chain id.
        peaks: right edge of the log.
        root: digest of the root that belongs to it.
    """

    chain_id: Bytes32
    height: Uint
    time_ms: Uint
    block_hash: Bytes32
    state_root: Bytes32
    app_hash: Bytes32
    log_size: Uint
    peaks: Annotated[tuple[Bytes32, ...], AtMost(limits.PROOF_NODES)]
    epoch: Uint32
    root: Bytes32


class Sealer:
    """Seals and opens blobs under a key that only this measurement on this platform can have.

    Args:
        sealing_secret: from the platform port, 32 bytes.
    """

    def __init__(self, sealing_secret: bytes) -> None:
        self._key = SivKey(sealing_secret, Context.KDF_SEALING)

    def seal_root(self, root: Root) -> bytes:
        """Return the sealed root."""
        return self._key.seal(root.encode(), Context.AD_SEALED_ROOT)

    def open_root(self, unverified: bytes) -> Root:
        """Return the root.

        Raises:
            VerificationError: sealed by other code, on another platform, or altered.
        """
        return Root.decode(self._open(unverified, Context.AD_SEALED_ROOT))

    def seal_head(self, head: Head) -> bytes:
        """Return the sealed head; deterministic, as block execution must be."""
        return self._key.seal(head.encode(), Context.AD_SEALED_HEAD, head.chain_id)

    def open_head(self, unverified: bytes, chain_id: bytes) -> Head:
        """Return the head of this chain; possibly an older one.

        Raises:
            VerificationError: another chain's, sealed by other code, or altered.
        """
        return Head.decode(self._open(unverified, Context.AD_SEALED_HEAD, chain_id))

    def _open(self, unverified: bytes, context: Context, *associated: bytes) -> bytes:
        try:
            return self._key.open(unverified, context, *associated)
        except Error as problem:
            raise VerificationError(
                "sealed_invalid", "a sealed blob is not of this code on this platform"
            ) from problem
