"""A simulated platform whose every part can be wrong, and a node around it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from adyton.attestation.formats import simulated
from adyton.attestation.policy import AppraisalPolicy
from adyton.core.cose import CONTENT_TYPE, X5CHAIN, sign1
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.protocol.evidence import (
    Attested,
    EpochRecord,
    EvidenceBundle,
    NodeEvidence,
    SignedEpochRecord,
)
from adyton.protocol.genesis import Configuration, EpochPolicy, Genesis, TaskPolicy, fingerprint

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000
BEGIN = datetime.fromtimestamp(NOW_S, UTC) - timedelta(days=1)
NONCE = bytes(range(32))
MEASUREMENT = b"\x4d" * 48

RECORDER = SigningKey(b"\x01" * 32)
RUNNER = SigningKey(b"\x02" * 32)
HPKE_PUBLIC = b"\x03" * 32


@dataclass(frozen=True)
class Device:
    """What signs: the attestation key, its certificate and the root."""

    key: SigningKey
    leaf: bytes
    root: bytes

    @property
    def pin(self) -> bytes:
        return hashlib.sha256(self.root).digest()

    @property
    def policy(self) -> AppraisalPolicy:
        return AppraisalPolicy(allow_simulated=True, simulated_root=self.pin)


def certificate(
    *,
    authority: bool,
    subject: str = "SIMULATED",
    issuer: str = "SIMULATED",
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
    issuer_key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey,
    constraints: x509.BasicConstraints | None = None,
    with_constraints: bool = True,
    extension: bytes | None = simulated.EXTENSION_VALUE,
    critical: bool = True,
    extra: x509.ExtensionType | None = None,
    begin: datetime = BEGIN,
    days: int = 3650,
) -> bytes:
    wanted = constraints or x509.BasicConstraints(authority, 0 if authority else None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
    )
    if with_constraints:
        builder = builder.add_extension(wanted, critical=True)
    if extension is not None:
        unknown = x509.UnrecognizedExtension(simulated.EXTENSION, extension)
        builder = builder.add_extension(unknown, critical=critical)
    if extra is not None:
        builder = builder.add_extension(extra, critical=False)
    algorithm = None if isinstance(issuer_key, Ed25519PrivateKey) else SHA256()
    return builder.sign(issuer_key, algorithm).public_bytes(Encoding.DER)


def ed25519(fill: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([fill]) * 32)


def make_device(
    *,
    root: dict[str, Any] | None = None,
    leaf: dict[str, Any] | None = None,
    root_signer: int = 10,
    leaf_signer: int = 10,
) -> Device:
    """Return a device; `root` and `leaf` change what `certificate` puts in."""
    root_args: dict[str, Any] = {"key": ed25519(10), "issuer_key": ed25519(root_signer)}
    leaf_args: dict[str, Any] = {"key": ed25519(11), "issuer_key": ed25519(leaf_signer)}
    return Device(
        SigningKey(b"\x0b" * 32),
        certificate(authority=False, **{**leaf_args, "subject": "KEY", **(leaf or {})}),
        certificate(authority=True, **{**root_args, **(root or {})}),
    )


@cache
def good_device() -> Device:
    return make_device()


def claims_for(attested: Attested, device: Device, **changes: Any) -> dict[int, Any]:
    nonce = changes.get("NONCE", NONCE)
    claims: dict[int, Any] = {
        simulated.IAT: NOW_S,
        simulated.NONCE: nonce,
        simulated.UEID: simulated.device_id(device.leaf),
        simulated.DBGSTAT: 0,
        simulated.EAT_PROFILE: simulated.PROFILE,
        simulated.REPORT_DATA: attested.report_data(nonce),
        simulated.MEASUREMENT: MEASUREMENT,
        simulated.SIGNER: bytes(32),
        simulated.PRODUCT: "adyton",
        simulated.SVN: 1,
        simulated.PLATFORM_KIND: "simulated",
    }
    for name, value in changes.items():
        claims[getattr(simulated, name)] = value
    return claims


def cwt(
    claims: dict[Any, Any],
    device: Device,
    *,
    headers: dict[Any, Any] | None = None,
    unprotected: dict[Any, Any] | None = None,
    key: SigningKey | None = None,
    tag: int = simulated.CWT_TAG,
) -> bytes:
    protected = {CONTENT_TYPE: simulated.MEDIA_TYPE, X5CHAIN: device.leaf, **(headers or {})}
    signed = sign1(key or device.key, protected, encode(claims))
    parts: list[Any] = [signed.protected, unprotected or {}, signed.payload, signed.signature]
    return encode(cbor2.CBORTag(tag, cbor2.CBORTag(18, parts)))


def make_genesis(device: Device, **changes: Any) -> Genesis:
    configuration = Configuration(
        platform="simulated",
        admission="open",
        invite_key=None,
        ordering="single-host",
        time_source="host",
        tasks=TaskPolicy(wall_s=60, memory=2**28, output=2**20, outputs=2**20, workers=2),
        epochs=EpochPolicy(blocks=100, grace=10),
    )
    values: dict[str, Any] = {
        "configuration": configuration,
        "measurement": MEASUREMENT,
        "simulated_root": device.pin,
        "allow_simulated": True,
        "nonce": b"\x07" * 32,
        "created_ms": NOW_MS,
    }
    return Genesis(**{**values, **changes})


def make_attested(role: str, genesis: Genesis, **changes: Any) -> Attested:
    values: dict[str, Any] = {
        "kind": "simulated",
        "role": role,
        "signing_key": (RECORDER if role == "recorder" else RUNNER).public,
        "hpke_key": HPKE_PUBLIC if role == "recorder" else None,
        "chain_id": genesis.chain_id(),
        "config_digest": genesis.configuration.digest(),
        "incarnation": 0,
        "sandbox": "namespaces",
    }
    return Attested(**{**values, **changes})


def make_bundle(
    attested: Attested | None = None, device: Device | None = None, **changes: Any
) -> EvidenceBundle:
    """Return evidence that is accepted, but for the claims in `changes`."""
    device = device or good_device()
    attested = attested or make_attested("recorder", make_genesis(device))
    claims = claims_for(attested, device, **changes)
    return EvidenceBundle(attested, claims[simulated.NONCE], cwt(claims, device), (device.root,))


def make_node(
    *,
    device: Device | None = None,
    genesis: Genesis | None = None,
    recorder: dict[str, Any] | None = None,
    runner: dict[str, Any] | None = None,
    recorder_claims: dict[str, Any] | None = None,
    runner_claims: dict[str, Any] | None = None,
    epoch: dict[str, Any] | None = None,
    epoch_key: SigningKey = RECORDER,
) -> NodeEvidence:
    """Return a node's evidence that is accepted, but for what the arguments change."""
    device = device or good_device()
    genesis = genesis or make_genesis(device)
    record = EpochRecord(genesis.chain_id(), 0, 0, b"\x05" * 32, 0, None)
    return NodeEvidence(
        genesis.encode(),
        make_bundle(
            make_attested("recorder", genesis, **(recorder or {})),
            device,
            **(recorder_claims or {}),
        ),
        make_bundle(
            make_attested("runner", genesis, **(runner or {})), device, **(runner_claims or {})
        ),
        SignedEpochRecord.sign(replace(record, **(epoch or {})), epoch_key),
    )


def pin_of(genesis: Genesis, measurement: bytes = MEASUREMENT) -> bytes:
    """Return the fingerprint of a node on this chain."""
    return fingerprint(
        genesis.chain_id(), measurement, genesis.configuration.digest(), genesis.simulated_root
    )
