"""Every alteration of an image is refused before any of its code runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.core.measurement import MANIFEST_NAME, encode_manifest, parse_manifest
from adyton.host.image import Image
from adyton.host.simulated_tee import make_device
from tests.integration.boot_process import (
    Started,
    build,
    copy_of,
    lock,
    refusal,
    started,
    unlock,
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    base = tmp_path_factory.mktemp("boot")
    yield build(base)
    unlock(base)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("device") / "device"
    make_device(path)
    return path


@pytest.fixture
def image(built: Image, tmp_path: Path) -> Image:
    return copy_of(built, tmp_path / "image")


# --- tampering ----------------------------------------------------------------------------------


def test_an_altered_file_is_refused(image: Image, device: Path) -> None:
    file = image.path / "adyton/core/crypto.py"
    file.write_bytes(file.read_bytes() + b"\n")
    lock(image.path)
    assert "adyton/core/crypto.py" in refusal(image, device)


def test_one_bit_of_a_library_is_enough(image: Image, device: Path) -> None:
    file = image.path / "nacl/_sodium.abi3.so"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    lock(image.path)
    assert "_sodium" in refusal(image, device)


@pytest.mark.parametrize(
    "name",
    [
        "extra.py",
        "adyton/core/extra.py",
        "evil.pth",
        "sitecustomize.py",
        "hashlib.py",
        "adyton/core/crypto.pyc",
        "adyton/core/__pycache__/crypto.cpython-311.pyc",
        "test/extra.py",
    ],
)
def test_an_added_file_is_refused(image: Image, device: Path, name: str) -> None:
    (image.path / name).parent.mkdir(exist_ok=True)
    (image.path / name).write_bytes(b"")
    lock(image.path)
    assert "not in the manifest" in refusal(image, device)


def test_a_removed_file_is_refused(image: Image, device: Path) -> None:
    (image.path / "adyton/core/limits.py").unlink()
    lock(image.path)
    assert "missing" in refusal(image, device)


def test_a_link_is_refused_even_to_the_same_content(
    image: Image, device: Path, tmp_path: Path
) -> None:
    file = image.path / "adyton/core/limits.py"
    file.rename(tmp_path / "limits.py")
    file.symlink_to(tmp_path / "limits.py")
    lock(image.path)
    refusal(image, device)


def test_a_linked_directory_is_refused(image: Image, device: Path, tmp_path: Path) -> None:
    (image.path / "adyton/core").rename(tmp_path / "core")
    (image.path / "adyton/core").symlink_to(tmp_path / "core")
    refusal(image, device)


def test_an_executable_file_is_refused(image: Image, device: Path) -> None:
    lock(image.path)
    os.chmod(image.path / "adyton/core/limits.py", 0o555)
    assert "limits.py" in refusal(image, device)


def test_a_fifo_is_refused(image: Image, device: Path) -> None:
    lock(image.path)
    os.mkfifo(image.path / "pipe")
    refusal(image, device)


@pytest.mark.parametrize(
    "content",
    [b"", b"adyton-manifest/1", b"adyton-manifest/2\n", b"\xff\n", b"adyton-manifest/1\nx\n"],
)
def test_a_manifest_that_is_none_is_refused(image: Image, device: Path, content: bytes) -> None:
    (image.path / MANIFEST_NAME).write_bytes(content)
    assert "manifest" in refusal(image, device)


def test_an_image_without_a_manifest_is_refused(image: Image, device: Path) -> None:
    (image.path / MANIFEST_NAME).unlink()
    refusal(image, device)


@pytest.mark.parametrize("area", ["image", "stdlib", "interpreter", "library"])
def test_a_manifest_with_another_digest_is_refused(image: Image, device: Path, area: str) -> None:
    entries = parse_manifest(image.manifest)
    chosen = next((entry for entry in entries if entry.area == area), None)
    if chosen is None:  # an interpreter without a shared library
        changed = [*entries, replace(entries[0], area=area, path="libpython3.so")]
    else:
        changed = [replace(e, digest=bytes(48)) if e is chosen else e for e in entries]
    (image.path / MANIFEST_NAME).write_bytes(encode_manifest(changed))
    lock(image.path)
    refusal(image, device)


def test_a_manifest_that_is_true_and_lists_more_is_another_measurement(
    image: Image, device: Path
) -> None:
    extra = image.path / "extra.py"
    extra.write_bytes(b"")
    entries = parse_manifest(image.manifest)
    empty = next(entry for entry in entries if entry.path == "adyton/__init__.py")
    manifest = encode_manifest([*entries, replace(empty, path="extra.py")])
    (image.path / MANIFEST_NAME).write_bytes(manifest)
    lock(image.path)
    with started(image, device) as enclave:
        assert isinstance(enclave, Started), enclave
        assert bytes.fromhex(enclave.seen["measurement"]) != image.measurement


def test_a_manifest_in_another_order_is_refused(image: Image, device: Path) -> None:
    lines = image.manifest.splitlines(keepends=True)
    swapped = b"".join([lines[0], lines[2], lines[1], *lines[3:]])
    (image.path / MANIFEST_NAME).write_bytes(swapped)
    lock(image.path)
    assert "manifest" in refusal(image, device)


def test_a_standard_library_that_is_listed_otherwise_is_refused(image: Image, device: Path) -> None:
    # As a file added to, and one removed from, the standard library would look.
    entries = parse_manifest(image.manifest)
    gone = next(entry for entry in entries if entry.path == "antigravity.py")
    for changed, reason in (
        ([entry for entry in entries if entry is not gone], "not in the manifest"),
        ([*entries, replace(gone, path="zz_absent.py")], "missing"),
    ):
        (image.path / MANIFEST_NAME).write_bytes(encode_manifest(changed))
        os.chmod(image.path / MANIFEST_NAME, 0o644)
        lock(image.path)
        assert reason in refusal(image, device)
        unlock(image.path)
