"""The port to the host, as the enclave's inside sees it; every answer is untrusted."""

from __future__ import annotations

from typing import Protocol

from adyton.enclave.state import StateHost


class HostPort(StateHost, Protocol):
    """Reverse calls of the state, and those of the runner; from any thread.

    Every method raises `UnavailableError` where the host refuses or is gone, and `VerificationError` where its
    answer has not the form that was asked for.
    """

    def blob(self, blob_id: bytes, size: int) -> bytes | None:
        """Return at most `size` bytes that the host says are the blob; None when it has none."""

    def put_blob(self, blob_id: bytes, ciphertext: bytes) -> None:
        """Have the host store a blob."""

    def drop_blobs(self, ids: tuple[bytes, ...]) -> None:
        """Tell the host that blobs are no longer needed."""

    def module(self, name: bytes) -> bytes | None:
        """Return what the host says it has kept as a compiled module; None when it has none."""

    def keep_module(self, name: bytes, sealed: bytes) -> None:
        """Have the host keep a compiled module for the next start."""

    def submit(self, transaction: bytes) -> None:
        """Have a transaction ordered and stored; returns when the host says that it is."""
