"""The port to the platform: the enclave's only entropy, clock, evidence and sealing key."""

from __future__ import annotations

from typing import Protocol


class Platform(Protocol):
    """What the enclave has from below; nothing else in it draws randomness or reads a clock."""

    @property
    def kind(self) -> str:
        """One of `words.PLATFORM_KINDS`."""

    @property
    def measurement(self) -> bytes:
        """Measurement of the image that runs, 48 bytes."""

    @property
    def simulated_root(self) -> bytes | None:
        """SHA-256 of the root certificate on the simulated platform, else None."""

    def entropy(self, size: int) -> bytes:
        """Return `size` random bytes."""

    def now_ms(self) -> int:
        """Return the platform's clock, milliseconds since 1970; mostly, the host can set it."""

    def evidence(self, report_data: bytes, nonce: bytes) -> tuple[bytes, tuple[bytes, ...]]:
        """Return evidence and its endorsements.

        Args:
            report_data: 64 bytes, which hash `nonce` among other things.
            nonce: 8 to 32 bytes.
        """

    def sealing_secret(self) -> bytes:
        """Return 32 secret bytes that only this measurement on this machine can have again."""
