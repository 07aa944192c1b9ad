"""Reverse calls: what the enclave asks the host for while it executes.

    StateGet -> StateValue    StateScan -> StatePage    BlobGet   -> BlobChunk    ModuleGet -> ModuleData
    BlobPut  -> Done          BlobDrop  -> Done         ModulePut -> Done         Submit    -> Done

A request that is refused is answered with `Failure`. Every answer is untrusted.
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, message
from adyton.protocol.boundary import EnclaveMessage, StoredValue, Transaction, UntrustedReply


@message("state-get/1", max_bytes=128)
class StateGet(EnclaveMessage):
    """Ask for one stored value."""

    name: Bytes32


@message("state-value/1", max_bytes=limits.STATE_VALUE + 64)
class StateValue(UntrustedReply):
    """The stored value, or null."""

    value: StoredValue | None


@message("state-scan/1", max_bytes=128)
class StateScan(EnclaveMessage):
    """Ask for stored values in the order of their names, from the first name after `after`."""

    after: Bytes32 | None
    most: Annotated[int, AtMost(limits.STATE_PAGE)]


@message("state-page/1", max_bytes=limits.FRAME)
class StatePage(UntrustedReply):
    """Names and values in ascending order; an empty page ends the scan."""

    values: Annotated[tuple[tuple[Bytes32, StoredValue], ...], AtMost(limits.STATE_PAGE)]


@message("blob-get/1", max_bytes=128)
class BlobGet(EnclaveMessage):
    """Ask for a part of a blob."""

    id: Bytes32
    offset: Annotated[int, AtMost(2 * limits.BLOB)]


@message("blob-chunk/1", max_bytes=limits.BLOB_CHUNK + 64)
class BlobChunk(UntrustedReply):
    """At most `limits.BLOB_CHUNK` bytes from the offset on; empty at the end; null where there is no such blob."""

    data: Annotated[bytes, AtMost(limits.BLOB_CHUNK)] | None


@message("blob-put/1", max_bytes=limits.BLOB_CHUNK + 256)
class BlobPut(EnclaveMessage):
    """Store the next part of a sealed result; `last` completes it."""

    id: Bytes32
    offset: Annotated[int, AtMost(2 * limits.BLOB)]
    data: Annotated[bytes, AtMost(limits.BLOB_CHUNK)]
    last: bool


@message("blob-drop/1", max_bytes=64 * limits.BLOBS_PER_TASK + 64)
class BlobDrop(EnclaveMessage):
    """These blobs are no longer needed."""

    ids: Annotated[tuple[Bytes32, ...], AtMost(limits.BLOBS_PER_TASK + 2)]


@message("submit/1", max_bytes=limits.ENTRY + 64)
class Submit(EnclaveMessage):
    """Have this transaction ordered."""

    transaction: Transaction


@message("module-get/1", max_bytes=128)
class ModuleGet(EnclaveMessage):
    """Ask for a compiled module that was given to be kept."""

    name: Bytes32


@message("module-data/1", max_bytes=limits.MODULE + 64)
class ModuleData(UntrustedReply):
    """The sealed module, or null: it can be made again."""

    data: Annotated[bytes, AtMost(limits.MODULE)] | None


@message("module-put/1", max_bytes=limits.MODULE + 128)
class ModulePut(EnclaveMessage):
    """Keep a compiled module, sealed, for the next start."""

    name: Bytes32
    data: Annotated[bytes, AtMost(limits.MODULE)]


ENCLAVE_REQUESTS: Final[dict[str, type[EnclaveMessage]]] = {
    cls.WIRE_NAME: cls
    for cls in (StateGet, StateScan, BlobGet, BlobPut, BlobDrop, ModuleGet, ModulePut, Submit)
}
