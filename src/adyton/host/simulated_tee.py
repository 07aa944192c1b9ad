"""Makes the simulated platform's device: files that stand in for a machine's fused keys. SIMULATED,
NOT HARDWARE.

Every installation has its own root, made here; a fingerprint covers its certificate's digest.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from adyton.attestation.formats.simulated import EXTENSION, EXTENSION_VALUE
from adyton.core.errors import UsageError

ROOT_NAME: Final = "Adyton SIMULATED root - NOT HARDWARE"
ATTESTATION_NAME: Final = "Adyton SIMULATED attestation key - NOT HARDWARE"
_LIFETIME: Final = timedelta(days=3650)
_SKEW: Final = timedelta(hours=1)  # clocks of clients may be behind


def make_device(path: Path, *, now_ms: int | None = None) -> None:
    """Make a device directory at `path`: whole, or not at all.

    Args:
        path: where nothing is yet; its parent exists.
        now_ms: when the certificates begin, milliseconds since 1970; by default the host's clock.

    Raises:
        UsageError: something is there already, or the directory cannot be written.
    """
    if os.path.lexists(path):
        raise UsageError("exists", f"there is something at {path} already")
    seconds = time.time() if now_ms is None else now_ms / 1000
    begin = datetime.fromtimestamp(int(seconds), UTC) - _SKEW
    root_key, key = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    root = _certificate(ROOT_NAME, root_key.public_key(), root_key, begin, authority=True)
    leaf = _certificate(ATTESTATION_NAME, key.public_key(), root_key, begin, authority=False)
    files = {
        "root.der": root,
        "root.key": root_key.private_bytes_raw(),
        "attestation.der": leaf,
        "attestation.key": key.private_bytes_raw(),
        "sealing.secret": secrets.token_bytes(32),
    }
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        partial.mkdir(mode=0o700)
        for name, content in files.items():
            _write(partial / name, content)
        _sync(partial)
        partial.rename(path)
        _sync(path.parent)
    except OSError as problem:
        shutil.rmtree(partial, ignore_errors=True)
        raise UsageError("bad_argument", f"no device can be made at {path}") from problem


def open_device(path: Path) -> int:
    """Return a descriptor of the device directory, to be passed to the enclave and closed by the
    caller.

    Raises:
        UsageError: there is no such directory.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as problem:
        raise UsageError("not_found", f"no device at {path}") from problem


def _certificate(
    name: str,
    public_key: Ed25519PublicKey,
    issuer_key: Ed25519PrivateKey,
    begin: datetime,
    *,
    authority: bool,
) -> bytes:
    constraints = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ROOT_NAME)]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _LIFETIME)
        .add_extension(constraints, critical=True)
        # Critical, so that no ordinary X.509 verifier accepts what it does not understand.
        .add_extension(x509.UnrecognizedExtension(EXTENSION, EXTENSION_VALUE), critical=True)
        .sign(issuer_key, None)
        .public_bytes(Encoding.DER)
    )


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
