"""What evidence says once its signature is verified, in the same words for every platform."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Claims:
    """Authentic claims of a platform; whether they are acceptable is still to be judged.

    Attributes:
        kind: of the platform that signed.
        hardware_rooted: whether the signature leads to a hardware vendor's key.
        nonce: the challenge that was signed.
        issued_ms: the platform's clock when it signed, milliseconds since 1970.
        debug_state: EAT `dbgstat`; 0 says that whoever runs the platform can look into the enclave.
        report_data: 64 bytes that the enclave asked the platform to sign.
        measurement: 48 bytes.
        svn: security version of the code.
        valid_from_ms: when the youngest certificate of the chain became valid.
        valid_to_ms: when the first certificate of the chain expires.
    """

    kind: str
    hardware_rooted: bool
    nonce: bytes
    issued_ms: int
    debug_state: int
    report_data: bytes
    measurement: bytes
    svn: int
    valid_from_ms: int
    valid_to_ms: int
