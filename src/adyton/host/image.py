"""Builds the enclave image: the directory that is measured and started.

It holds the measured packages and the wheels they use, nothing else: no metadata, no compiled
caches, no `.pth`, no tests. Its manifest also lists the interpreter and the standard library; the
measurement covers the manifest.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import secrets
import shutil
import stat
import sys
import sysconfig
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adyton.core.errors import UsageError
from adyton.core.measurement import (
    MANIFEST_NAME,
    STDLIB_SKIPPED,
    STDLIB_SKIPPED_PREFIX,
    Entry,
    encode_manifest,
    measurement,
)

PACKAGES: Final = ("attestation", "channel", "core", "enclave", "protocol", "sandbox")
# The closure that requirements/enclave.txt pins; a test compares the two.
DISTRIBUTIONS: Final = (
    "cbor2",
    "cffi",
    "coincurve",
    "cryptography",
    "pycparser",
    "pynacl",
    "safe-pysha3",
    "sortedcontainers",
    "wasmtime",
)
# What an image has besides, where its operator asks for it: another image, with another measurement.
EXTRAS: Final = {"zk": ("wallycore",)}
BOOT: Final = "boot.py"
_BOOT_SOURCE: Final = "enclave/boot.py"
_TESTS: Final = frozenset({"test", "tests"})
_CUSTOMIZE: Final = ("sitecustomize", "usercustomize")
PYCACHE: Final = "/dev/null/x"  # a place where no compiled file can be


@dataclass(frozen=True)
class TrustedLines:
    """How much code is trusted: physical lines of Python, and bytes of machine code.

    Attributes:
        own: lines of the measured packages.
        libraries: lines of the wheels.
        native: bytes of the wheels' shared objects, whose source has more lines than all the rest.
    """

    own: int
    libraries: int
    native: int


@dataclass(frozen=True)
class Measured:
    """What an image of these sources is, or would be.

    Attributes:
        measurement: 48 bytes.
        manifest: encoded; see `core/measurement.py`.
        trusted_lines: how much code that is.
    """

    measurement: bytes
    manifest: bytes
    trusted_lines: TrustedLines


@dataclass(frozen=True)
class Image(Measured):
    """An image on disk.

    Attributes:
        path: its directory, named after its measurement.
        interpreter: the measured interpreter, absolute and no link.
    """

    path: Path
    interpreter: Path

    def command(self, channel_fd: int, device_fd: int) -> list[str]:
        """Return the one command line that boot accepts; the environment has to be empty."""
        flags = ["-I", "-S", "-B", "-X", f"pycache_prefix={PYCACHE}"]
        program = [str(self.interpreter), *flags, str(self.path / BOOT)]
        return [*program, str(channel_fd), str(device_fd)]


def measure(source: Path | None = None, *, extras: Collection[str] = ()) -> Measured:
    """Measure the sources without building anything.

    Args:
        source: the `adyton` package to measure; by default the one that is running.
        extras: of `EXTRAS`. Never what happens to be installed: one command has one measurement.

    Raises:
        UsageError: `image_invalid`; a file that an image must not hold, or that is not what its
            wheel's record says; an unknown extra, or one that is not installed.
    """
    return _measured(_contents(source, extras))


def build_image(target: Path, *, source: Path | None = None, extras: Collection[str] = ()) -> Image:
    """Return the image of the sources, made under `target` unless it is there already.

    Trust: what is reused is compared here for a clear message; boot compares it again at each
    start.

    Args:
        target: directory for images, made if need be; each is a subdirectory named after its
            measurement.
        source: the `adyton` package to use; by default the one that is running.
        extras: of `EXTRAS`.

    Raises:
        UsageError: `image_invalid`; see `measure`, or an image of that name that has another
            manifest.
    """
    contents = _contents(source, extras)
    measured = _measured(contents)
    path = target.absolute() / measured.measurement.hex()[:32]
    files = {**contents, MANIFEST_NAME: measured.manifest}
    if not path.is_dir():
        _write(path, files)
    else:
        _check_unaltered(path, files)
    return Image(
        measurement=measured.measurement,
        manifest=measured.manifest,
        trusted_lines=measured.trusted_lines,
        path=path,
        interpreter=_interpreter(),
    )


def _measured(contents: dict[str, bytes]) -> Measured:
    entries = [
        *(Entry("image", path, False, _digest(content)) for path, content in contents.items()),
        *_runtime_entries(),
    ]
    own = libraries = native = 0
    for path, content in contents.items():
        if not path.endswith(".py"):
            native += len(content)
        elif path == BOOT or path.startswith("adyton/"):
            own += content.count(b"\n")
        else:
            libraries += content.count(b"\n")
    manifest = encode_manifest(entries)
    return Measured(measurement(entries), manifest, TrustedLines(own, libraries, native))


def _digest(content: bytes) -> bytes:
    return hashlib.sha384(content).digest()


# --- what the image holds -----------------------------------------------------------------------


def _contents(source: Path | None, extras: Collection[str]) -> dict[str, bytes]:
    """Return the image's files by their path in it, the manifest excepted."""
    source = Path(__file__).resolve().parent.parent if source is None else source
    contents = {"adyton/__init__.py": b""}
    for package in PACKAGES:
        if not (source / package / "__init__.py").is_file():
            raise UsageError("image_invalid", f"no package {package} in {source}")
        for path in _sources(source / package):
            name = path.relative_to(source).as_posix()
            contents[BOOT if name == _BOOT_SOURCE else f"adyton/{name}"] = _read(path)[0]
    if BOOT not in contents:
        raise UsageError("image_invalid", f"no {_BOOT_SOURCE} in {source}")
    unknown = sorted(set(extras) - EXTRAS.keys())
    if unknown:
        raise UsageError("image_invalid", f"no extra {unknown[0]}; there are {', '.join(EXTRAS)}")
    wanted = (name for extra in sorted(set(extras)) for name in EXTRAS[extra])
    for name in (*DISTRIBUTIONS, *wanted):
        for wheel_path, content in _wheel(name):
            if wheel_path in contents:
                raise UsageError("image_invalid", f"two wheels have a file {wheel_path}")
            contents[wheel_path] = content
    return contents


def _sources(package: Path) -> Iterator[Path]:
    """Yield the Python files under a package; refuse what could run beside them."""
    with os.scandir(package) as found:
        items = sorted(found, key=lambda item: item.name)
    for item in items:
        if item.is_symlink():
            raise UsageError("image_invalid", f"a link among the sources: {item.path}")
        if item.is_dir():
            if item.name != "__pycache__":
                yield from _sources(Path(item.path))
            continue
        _refuse_runnable(item.name, item.path)
        if item.name.endswith(".py"):
            yield Path(item.path)


def _refuse_runnable(name: str, where: str) -> None:
    """Refuse files that an interpreter would run without being asked, or instead of the source."""
    stem = name.partition(".")[0]
    if name.endswith((".pyc", ".pyo", ".pth")) or stem in _CUSTOMIZE:
        raise UsageError("image_invalid", f"code that runs unasked: {where}")


def _wheel(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of an installed wheel's code, each as its RECORD says."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as problem:
        raise UsageError("image_invalid", f"{name} is not installed") from problem
    for file in distribution.files or ():
        parts = file.parts
        # Scripts and metadata lie outside of the packages; caches are made by pip.
        if parts[0] == ".." or parts[0].endswith(".dist-info") or "__pycache__" in parts:
            continue
        _refuse_runnable(file.name, str(file))
        is_code = file.suffix == ".py" or re.search(r"\.so(\.[0-9]+)*$", file.name)
        if not is_code or _TESTS.intersection(parts):
            continue
        content = _read(Path(str(distribution.locate_file(file))))[0]
        if file.hash is None or file.hash.mode != "sha256":
            raise UsageError("image_invalid", f"the record of {name} has no digest of {file}")
        recorded = urlsafe_b64decode(file.hash.value + "=" * (-len(file.hash.value) % 4))
        if hashlib.sha256(content).digest() != recorded:
            raise UsageError("image_invalid", f"{file} is not what the record of {name} says")
        yield file.as_posix(), content


# --- interpreter and standard library -----------------------------------------------------------


def _interpreter() -> Path:
    return Path(sys.executable).resolve()


def _runtime_entries() -> Iterator[Entry]:
    """Yield the interpreter, its shared library if it has one, and the standard library."""
    content, executable = _read(_interpreter())
    yield Entry("interpreter", "python", executable, _digest(content))
    for library in _libraries():
        content, executable = _read(library)
        yield Entry("library", library.name, executable, _digest(content))
    root = Path(sysconfig.get_path("stdlib"))
    for path in _stdlib_files(root):
        content, executable = _read(path)
        yield Entry("stdlib", path.relative_to(root).as_posix(), executable, _digest(content))


def _libraries() -> list[Path]:
    """Return the interpreter's own shared library, as this process has mapped it."""
    lines = Path("/proc/self/maps").read_text("utf-8", "surrogateescape").splitlines()
    return sorted({Path("/" + line.partition("/")[2]) for line in lines if "/libpython" in line})


def _stdlib_files(directory: Path) -> Iterator[Path]:
    with os.scandir(directory) as found:
        for item in found:
            skipped = item.name in STDLIB_SKIPPED or item.name.startswith(STDLIB_SKIPPED_PREFIX)
            if item.is_dir(follow_symlinks=False):
                if not skipped:
                    yield from _stdlib_files(Path(item.path))
            elif item.name.endswith((".pyc", ".pyo", ".pth")) or not item.is_file():
                raise UsageError("image_invalid", f"not of a standard library: {item.path}")
            else:
                yield Path(item.path)


# --- files --------------------------------------------------------------------------------------


def _read(path: Path) -> tuple[bytes, bool]:
    """Return a plain file's content, and whether anybody may execute it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise UsageError("image_invalid", f"not a plain file: {path}")
            return file.read(), bool(mode & 0o111)
    except OSError as problem:
        raise UsageError("image_invalid", f"not readable: {path}") from problem


def _write(path: Path, contents: dict[str, bytes]) -> None:
    """Make the directory `path` with these files, read-only: whole, or not at all."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        for name, content in contents.items():
            file = partial / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o444)
        for directory, _, _ in os.walk(partial, topdown=False):
            Path(directory).chmod(0o555)
        partial.rename(path)
    except OSError as problem:
        _remove(partial)
        # Another process may have been first; then its image is the same, or is refused by its
        # manifest.
        if not path.is_dir():
            raise UsageError("image_invalid", f"the image at {path} cannot be written") from problem


def _check_unaltered(path: Path, contents: dict[str, bytes]) -> None:
    for name, content in contents.items():
        if _read(path / name)[0] != content:
            reason = f"the image at {path} was altered; once removed, it is built again"
            raise UsageError("image_invalid", reason)


def _remove(partial: Path) -> None:
    for directory, _, _ in os.walk(partial):
        Path(directory).chmod(0o700)
    shutil.rmtree(partial, ignore_errors=True)
