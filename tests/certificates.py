"""A throw-away certificate authority, for servers and clients that know each other by certificates."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_HOUR = timedelta(hours=1)


class Credentials(NamedTuple):
    """Files, PEM each: whom to believe, who one is, and the key to that."""

    ca: Path
    cert: Path
    key: Path


class Authority:
    """Issues certificates into a directory; each authority believes its own alone."""

    def __init__(self, directory: Path, name: str = "throw-away authority") -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._name = _named(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = directory / "ca.pem"
        builder = self._builder(self._name, self._key.public_key(), _HOUR)
        builder = builder.add_extension(x509.BasicConstraints(True, 0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        self._write(self.certificate, builder)

    def server(self, name: str = "server") -> Credentials:
        """Issue a server's certificate for the loopback address."""
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        names = x509.SubjectAlternativeName([address, x509.DNSName("localhost")])
        return self._issue(name, ExtendedKeyUsageOID.SERVER_AUTH, names, _HOUR)

    def client(self, name: str, valid_for: timedelta = _HOUR) -> Credentials:
        """Issue a client's certificate; `name` is its common name. A negative time makes one that has ended."""
        names = x509.SubjectAlternativeName([x509.DNSName("client.invalid")])
        return self._issue(name, ExtendedKeyUsageOID.CLIENT_AUTH, names, valid_for)

    def _issue(
        self,
        name: str,
        use: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName,
        valid_for: timedelta,
    ) -> Credentials:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(name), key.public_key(), valid_for)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        builder = builder.add_extension(names, critical=False)
        certificate, key_file = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        self._write(certificate, builder)
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key_file.touch(mode=0o600)
        key_file.write_bytes(text)
        return Credentials(self.certificate, certificate, key_file)

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder(self._name, subject, key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * _HOUR)
            .not_valid_after(now + valid_for)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(issuer_key, critical=False)
        )

    def _write(self, path: Path, builder: x509.CertificateBuilder) -> None:
        path.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
