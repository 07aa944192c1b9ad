"""What a broker knows somebody by: a certificate of the broker's own authority, and its common name."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from adyton.core.errors import UsageError


@dataclass(frozen=True)
class Identity:
    """Three PEM files.

    Attributes:
        authority: certificates that the broker's own must come from.
        certificate: to show to the broker.
        key: private key of it.
    """

    authority: Path
    certificate: Path
    key: Path

    def common_name(self) -> str:
        """Return the one common name of the certificate.

        Raises:
            UsageError: it cannot be read, or has not exactly one.
        """
        try:
            shown = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except OSError as problem:
            raise UsageError("usage", f"{self.certificate}: {problem.strerror}") from problem
        except ValueError as problem:
            raise UsageError("usage", f"{self.certificate}: not a certificate in PEM") from problem
        names = shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if len(names) != 1 or not isinstance(names[0].value, str):
            raise UsageError("usage", f"{self.certificate}: a certificate has one common name")
        return names[0].value

    def context(self) -> ssl.SSLContext:
        """Return how TLS is spoken: 1.3, the broker's name checked, this certificate shown.

        Raises:
            UsageError: a file cannot be read or is not what it should be.
        """
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            made.load_verify_locations(self.authority)
        except (OSError, ssl.SSLError) as problem:
            raise UsageError(
                "usage", f"{self.authority}: not certificates of an authority"
            ) from problem
        try:
            # The empty password: a key that is encrypted is refused, never asked for on a terminal.
            made.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ssl.SSLError) as problem:
            raise UsageError(
                "usage", f"{self.certificate}, {self.key}: not a certificate and its key"
            ) from problem
        return made
