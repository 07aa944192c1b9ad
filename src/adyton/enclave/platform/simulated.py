"""The simulated platform: files stand in for hardware, and everything it makes says so.

Whoever can read the device directory can sign evidence and open sealed blobs. It exists to run the
rest of the platform on machines without a trusted execution environment, and protects nothing from
their operator.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable
from typing import Final

from adyton.attestation.formats import simulated as form
from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, derive
from adyton.core.errors import InvariantError, UsageError
from adyton.enclave.platform.base import Platform

SVN: Final = 1  # raised with each release that closes a hole
CERTIFICATE_MAX: Final = 4096
# Names in the device directory; `host/simulated_tee.py` makes them.
ROOT_CERTIFICATE: Final = "root.der"
ATTESTATION_CERTIFICATE: Final = "attestation.der"
ATTESTATION_KEY: Final = "attestation.key"
SEALING_SECRET: Final = "sealing.secret"


def open_simulated(device_fd: int, measurement: bytes) -> Platform:
    """Open the device whose directory is `device_fd`; the descriptor stays the caller's.

    Trust: runs in the enclave; on this platform the host could have written every file of the
    device.

    Args:
        device_fd: directory made by `host/simulated_tee.py`.
        measurement: of the image that runs, 48 bytes.

    Raises:
        UsageError: a file is missing, of a wrong size, or open to other users.
    """
    _check_private(os.fstat(device_fd), stat.S_ISDIR)
    return _SimulatedPlatform(
        measurement=measurement,
        root=_read(device_fd, ROOT_CERTIFICATE, most=CERTIFICATE_MAX),
        certificate=_read(device_fd, ATTESTATION_CERTIFICATE, most=CERTIFICATE_MAX),
        key=SigningKey(_read(device_fd, ATTESTATION_KEY, exactly=32)),
        secret=_read(device_fd, SEALING_SECRET, exactly=32),
    )


class _SimulatedPlatform:
    """See `Platform`; what is missing here is what only hardware can give."""

    kind: Final[str] = form.KIND

    def __init__(
        self, *, measurement: bytes, root: bytes, certificate: bytes, key: SigningKey, secret: bytes
    ) -> None:
        if len(measurement) != 48:
            raise InvariantError("invariant", "a measurement is 48 bytes")
        self.measurement: Final = measurement
        self.simulated_root: Final[bytes | None] = hashlib.sha256(root).digest()
        self._root = root
        self._certificate = certificate
        self._key = key
        self._secret = secret

    def entropy(self, size: int) -> bytes:
        return os.urandom(size)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def evidence(self, report_data: bytes, nonce: bytes) -> tuple[bytes, tuple[bytes, ...]]:
        if len(report_data) != 64 or not form.NONCE_MIN <= len(nonce) <= limits.NONCE:
            raise UsageError("bad_argument", "report data or nonce of a wrong size")
        evidence = form.produce(
            self._key,
            self._certificate,
            report_data=report_data,
            measurement=self.measurement,
            svn=SVN,
            nonce=nonce,
            issued_s=self.now_ms() // 1000,
        )
        return evidence, (self._root,)

    def sealing_secret(self) -> bytes:
        return derive(self._secret, Context.KDF_SEALING_SIMULATED, self.measurement)


def _read(device_fd: int, name: str, *, exactly: int | None = None, most: int = 0) -> bytes:
    limit = most if exactly is None else exactly
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe would wait
    try:
        descriptor = os.open(name, flags, dir_fd=device_fd)
        try:
            _check_private(os.fstat(descriptor), stat.S_ISREG)
            content = os.read(descriptor, limit + 1)
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise UsageError("bad_argument", f"the device has no readable file {name}") from problem
    if not 0 < len(content) <= limit or (exactly is not None and len(content) != exactly):
        raise UsageError("bad_argument", f"the device's file {name} has a wrong size")
    return content


def _check_private(status: os.stat_result, is_of_kind: Callable[[int], bool]) -> None:
    if not is_of_kind(status.st_mode):
        raise UsageError("bad_argument", "the device is not a directory of plain files")
    if status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise UsageError("bad_argument", "the device is open to other users, or not ours")
