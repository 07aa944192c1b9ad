"""The simulated platform's device, and the platform that opens it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from adyton.attestation.formats.simulated import EXTENSION
from adyton.core.crypto import SigningKey
from adyton.core.errors import InvariantError, UsageError
from adyton.enclave.platform import simulated
from adyton.enclave.platform.base import Platform
from adyton.enclave.platform.simulated import open_simulated
from adyton.host.simulated_tee import make_device, open_device

MEASUREMENT = b"\x4d" * 48
FILES = {"root.der", "root.key", "attestation.der", "attestation.key", "sealing.secret"}


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "device"
    make_device(path)
    return path


@contextmanager
def opened(path: Path, measurement: bytes = MEASUREMENT) -> Iterator[Platform]:
    descriptor = open_device(path)
    try:
        yield open_simulated(descriptor, measurement)
    finally:
        os.close(descriptor)


def test_a_device_is_private_and_whole(device: Path) -> None:
    assert {file.name for file in device.iterdir()} == FILES
    assert device.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in device.iterdir()} == {0o600}
    assert [path.name for path in device.parent.iterdir()] == ["device"]
    for name in ("root.key", "attestation.key", "sealing.secret"):
        assert (device / name).stat().st_size == 32


def test_its_certificates_say_that_they_are_no_hardware(device: Path) -> None:
    for name, key in (("root.der", "root.key"), ("attestation.der", "attestation.key")):
        certificate = x509.load_der_x509_certificate((device / name).read_bytes())
        assert "SIMULATED" in certificate.subject.rfc4514_string()
        assert "NOT HARDWARE" in certificate.subject.rfc4514_string()
        assert certificate.extensions.get_extension_for_oid(EXTENSION).critical
        public = SigningKey((device / key).read_bytes()).public
        assert certificate.public_key().public_bytes_raw() == public  # type: ignore[union-attr]  # Ed25519, as made


def test_every_device_is_another(tmp_path: Path) -> None:
    make_device(tmp_path / "one")
    make_device(tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()


def test_nothing_is_overwritten(device: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in device.iterdir()}
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "file").write_bytes(b"")
    for path in (device, tmp_path / "link", tmp_path / "file"):
        with pytest.raises(UsageError) as raised:
            make_device(path)
        assert raised.value.code == "exists"
    assert {file.name: file.read_bytes() for file in device.iterdir()} == before


def test_a_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        make_device(tmp_path / "absent" / "device")
    with pytest.raises(UsageError):
        open_device(tmp_path / "absent")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError):
        open_device(tmp_path / "file")


def test_half_a_device_is_never_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError):
        make_device(tmp_path / "device")
    assert list(tmp_path.iterdir()) == []


# --- the platform -------------------------------------------------------------------------------


def test_the_platform_is_what_the_device_is(device: Path) -> None:
    with opened(device) as platform:
        assert (platform.kind, platform.measurement) == ("simulated", MEASUREMENT)
        assert platform.simulated_root is not None
        assert len(platform.simulated_root) == 32
        assert abs(platform.now_ms() / 1000 - time.time()) < 60
        assert len(platform.entropy(40)) == 40
        assert platform.entropy(32) != platform.entropy(32)
        evidence, endorsements = platform.evidence(bytes(64), bytes(32))
        assert endorsements == ((device / "root.der").read_bytes(),)
        assert (device / "attestation.der").read_bytes() in evidence


def test_the_sealing_secret_is_of_this_device_and_measurement(device: Path, tmp_path: Path) -> None:
    make_device(tmp_path / "other")
    with opened(device) as first, opened(device) as again:
        assert first.sealing_secret() == again.sealing_secret()
        assert len(first.sealing_secret()) == 32
        assert first.sealing_secret() != (device / "sealing.secret").read_bytes()
        with opened(device, b"\x4e" * 48) as other_code, opened(tmp_path / "other") as other_device:
            secrets = {first.sealing_secret()}
            secrets |= {other_code.sealing_secret(), other_device.sealing_secret()}
            assert len(secrets) == 3


def test_secrets_do_not_show(device: Path) -> None:
    with opened(device) as platform:
        shown = f"{platform!r} {platform}"
    for name in ("attestation.key", "sealing.secret"):
        assert (device / name).read_bytes().hex() not in shown
        assert repr((device / name).read_bytes()) not in shown


def test_a_measurement_of_another_size_is_refused(device: Path) -> None:
    with pytest.raises(InvariantError), opened(device, bytes(32)):
        pass


def refuses(device: Path) -> None:
    with pytest.raises(UsageError), opened(device):
        pass


READ = [
    simulated.ROOT_CERTIFICATE,
    simulated.ATTESTATION_CERTIFICATE,
    simulated.ATTESTATION_KEY,
    simulated.SEALING_SECRET,
]


@pytest.mark.parametrize("name", READ)
def test_a_file_of_another_form_is_refused(device: Path, tmp_path: Path, name: str) -> None:
    file = device / name
    content = file.read_bytes()
    file.chmod(0o640)
    refuses(device)
    file.chmod(0o600)
    for wrong in (b"", content + bytes(simulated.CERTIFICATE_MAX)):
        file.write_bytes(wrong)
        refuses(device)
    file.unlink()
    refuses(device)
    (tmp_path / "elsewhere").write_bytes(content)
    (tmp_path / "elsewhere").chmod(0o600)
    file.symlink_to(tmp_path / "elsewhere")
    refuses(device)
    file.unlink()
    file.mkdir(mode=0o700)
    refuses(device)
    file.rmdir()
    os.mkfifo(file, 0o600)
    refuses(device)
    file.unlink()
    file.write_bytes(content)
    file.chmod(0o600)
    with opened(device) as platform:
        assert platform.kind == "simulated"


@pytest.mark.parametrize("name", [simulated.ATTESTATION_KEY, simulated.SEALING_SECRET])
@pytest.mark.parametrize("size", [31, 33])
def test_a_secret_of_another_size_is_refused(device: Path, name: str, size: int) -> None:
    (device / name).write_bytes(bytes(size))
    refuses(device)


def test_a_directory_open_to_others_is_refused(device: Path) -> None:
    device.chmod(0o750)
    refuses(device)


def test_the_platform_needs_no_root_key(device: Path) -> None:
    (device / "root.key").unlink()
    with opened(device) as platform:
        assert platform.kind == "simulated"


def test_the_device_is_read_through_its_descriptor(device: Path, tmp_path: Path) -> None:
    root = (device / "root.der").read_bytes()
    descriptor = open_device(device)
    device.rename(tmp_path / "moved")
    make_device(device)
    try:
        evidence = open_simulated(descriptor, MEASUREMENT).evidence(bytes(64), bytes(32))
    finally:
        os.close(descriptor)
    assert evidence[1] == (root,)
    shutil.rmtree(tmp_path / "moved")
