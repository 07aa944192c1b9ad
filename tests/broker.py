"""An MQTT broker on this machine: mosquitto, with certificates on both sides, for as long as a `with` lasts."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType

import pytest

from tests.certificates import Authority, Credentials

_PATIENCE = 60.0
# Debian keeps it where only root's PATH leads.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
_SETTINGS = """\
user {user}
listener {port} 127.0.0.1
socket_domain ipv4
cafile {ca}
certfile {cert}
keyfile {key}
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {acl}
set_tcp_nodelay true
persistence {persistence}
persistence_location {directory}
log_dest stderr
log_type all
"""


class Broker:
    """A broker that speaks TLS 1.3 only, knows each client by its certificate's name, and allows what the ACL says.

    Args:
        acl: text of an ACL file; user names in it are names of certificates.
        persistence: whether sessions and their queues outlive a restart.
        settings: further lines of mosquitto's settings.
    """

    def __init__(self, acl: str, *, persistence: bool = False, settings: str = "") -> None:
        found = shutil.which("mosquitto", path=_PATH)
        if found is None:
            pytest.skip("missing installable: mosquitto, for tests of gateways")
        self._program = found
        self._acl = acl
        self._persistence = persistence
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Broker:
        self._temporary = tempfile.TemporaryDirectory(prefix="broker-")
        self._directory = Path(self._temporary.name)
        self._authority = Authority(self._directory / "certificates")
        self.server = self._authority.server()
        (self._directory / "acl").write_text(self._acl)
        (self._directory / "acl").chmod(0o600)
        try:
            self._start_on_a_free_port()
        except BaseException:
            self._end()
            self._temporary.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        self._temporary.cleanup()

    @property
    def ca(self) -> Path:
        """Certificate of the authority that the broker and its clients believe."""
        return self._authority.certificate

    @property
    def log(self) -> str:
        """What the broker has said since it was started last."""
        return (self._directory / "log").read_text(errors="replace")

    def certificate(self, name: str, valid_for: timedelta = timedelta(hours=1)) -> Credentials:
        """Issue a client's certificate that the broker accepts; `name` is its user name."""
        return self._authority.client(name, valid_for)

    def stop(self) -> None:
        """Stop the broker; `start` brings it back."""
        self._end()

    def start(self) -> None:
        """Start the broker again, on its port and, if it has persistence, with its sessions.

        Raises:
            RuntimeError: it does not start; the text is what it said.
        """
        self._start()

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def _start_on_a_free_port(self) -> None:
        for attempts_left in reversed(range(5)):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            try:
                self._start()
                break
            except RuntimeError:
                # Somebody else may have taken it in between.
                if "in use" not in self.log or not attempts_left:
                    raise

    def _start(self) -> None:
        settings = self._directory / "mosquitto.conf"
        text = _SETTINGS.format(
            user=pwd.getpwuid(os.geteuid()).pw_name,
            port=self.port,
            ca=self.ca,
            cert=self.server.cert,
            key=self.server.key,
            acl=self._directory / "acl",
            persistence=str(self._persistence).lower(),
            directory=self._directory,
        )
        settings.write_text(text + self._settings)
        with (self._directory / "log").open("wb") as output:
            self._process = subprocess.Popen(
                [self._program, "-c", str(settings)],
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _PATIENCE
        while " running" not in self.log:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise RuntimeError(f"mosquitto does not start: {self.log[-2000:]}")
            time.sleep(0.01)

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
            self._process = None
