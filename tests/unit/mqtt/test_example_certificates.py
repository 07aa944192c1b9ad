"""The published script makes certificates by which both sides speak, and no others do."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from adyton.mqtt.identity import Identity
from tests.mqtt_kit import EXAMPLE


def make(directory: Path, *names: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("missing installable: openssl, for certificates")
    directory.mkdir(exist_ok=True)
    subprocess.run(["sh", str(EXAMPLE / "certificates.sh"), *names], cwd=directory, check=True)


def identity(directory: Path, name: str) -> Identity:
    files = (directory / "ca.pem", directory / f"{name}.pem", directory / f"{name}.key")
    return Identity(*files)


def shake_hands(broker: Path, client: Identity, host: str) -> str:
    """Let both sides speak TLS in memory, and return the name that the broker knows the client by."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.minimum_version = ssl.TLSVersion.TLSv1_3
    served.verify_mode = ssl.CERT_REQUIRED
    served.load_verify_locations(broker / "ca.pem")
    served.load_cert_chain(broker / "server.pem", broker / "server.key")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.context().wrap_bio(back, there, server_hostname=host)
    theirs = served.wrap_bio(there, back, server_side=True)
    for side in (ours, theirs, ours, theirs):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    shown = x509.load_der_x509_certificate(theirs.getpeercert(binary_form=True) or b"")
    return str(shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_broker_gateway_and_device_know_each_other(tmp_path: Path) -> None:
    make(tmp_path, "127.0.0.1", "gateway-1")
    before = (tmp_path / "gateway-1.pem").read_bytes()
    make(tmp_path, "127.0.0.1", "gateway-1", "charger-7")
    assert (tmp_path / "gateway-1.pem").read_bytes() == before
    for name in ("gateway-1", "charger-7"):
        found = identity(tmp_path, name)
        assert found.common_name() == name
        assert found.key.stat().st_mode & 0o777 == 0o600
        assert shake_hands(tmp_path, found, "127.0.0.1") == name
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path, identity(tmp_path, "charger-7"), "127.0.0.2")
    make(tmp_path / "other", "broker.example", "charger-7")
    stranger = identity(tmp_path / "other", "charger-7")
    assert shake_hands(tmp_path / "other", stranger, "broker.example") == "charger-7"
    with pytest.raises(ssl.SSLError):
        shake_hands(tmp_path, stranger, "127.0.0.1")
