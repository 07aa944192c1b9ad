"""Starts images as the host does, with a main that tells what it sees."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adyton.host.image import Image, build_image
from adyton.host.simulated_tee import open_device

ROOT = Path(__file__).resolve().parents[2]
REFUSED = 70

# Stands in for the enclave: tells over the channel what it was given and where it is.
MAIN = """
import ctypes
import json
import os
import resource
import socket
import sys

from adyton.enclave.platform.simulated import open_simulated


def main(channel_fd: int, device_fd: int, image_root: str, measurement: bytes) -> None:
    libc = ctypes.CDLL(None)
    seen = {
        "measurement": measurement.hex(),
        "platform": open_simulated(device_fd, measurement).kind,
        "image": image_root,
        "path": sys.path,
        "dumpable": libc.prctl(3, 0, 0, 0, 0),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "inheritable": [os.get_inheritable(fd) for fd in (channel_fd, device_fd)],
        "descriptors": [fd for fd in range(256) if is_open(fd)],
        "outside": [
            m.__file__ for m in sys.modules.values() if getattr(m, "__cached__", None)
            and os.path.exists(m.__cached__)
        ],
    }
    with socket.socket(fileno=channel_fd) as channel:
        channel.sendall(json.dumps(seen).encode() + b"\\n")
        channel.recv(1)


def is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
"""


@dataclass
class Started:
    """An enclave that answered: what it saw, and its process."""

    seen: dict[str, Any]
    process: subprocess.Popen[bytes]


@dataclass
class Ended:
    """An enclave that ended before it answered."""

    status: int
    output: str


def unlock(tree: Path) -> Path:
    """Make a copy of an image writable for its owner."""
    for directory, _, files in os.walk(tree):
        os.chmod(directory, 0o755)
        for file in files:
            os.chmod(Path(directory) / file, 0o644)
    return tree


def lock(tree: Path) -> None:
    """Give files their measured mode back."""
    for directory, _, files in os.walk(tree):
        for file in files:
            if not (Path(directory) / file).is_symlink():
                os.chmod(Path(directory) / file, 0o444)


def build(base: Path) -> Image:
    """Build an image whose main is the one above, under `base`."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src/adyton", base / "adyton", ignore=ignored)
    (base / "adyton" / "enclave" / "__main__.py").write_text(MAIN)
    return build_image(base / "images", source=base / "adyton")


def copy_of(built: Image, path: Path) -> Image:
    """Return a copy that a test may alter; it is started as it then is."""
    shutil.copytree(built.path, path)
    return replace(built, path=unlock(path))


@contextlib.contextmanager
def started(
    image: Image,
    device: Path,
    *,
    env: dict[str, str] | None = None,
    command: Callable[[list[str]], list[str]] = lambda command: command,
    extra: tuple[int, ...] = (),
) -> Iterator[Started | Ended]:
    """Start the image as the host does, and end it."""
    ours, theirs = socket.socketpair()
    device_fd = open_device(device)
    process = subprocess.Popen(
        command(image.command(theirs.fileno(), device_fd)),
        env=env or {},
        cwd="/",
        pass_fds=(theirs.fileno(), device_fd, *extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    theirs.close()
    os.close(device_fd)
    with ours, process:
        ours.settimeout(60)
        with ours.makefile("rb") as answers:
            answer = answers.readline()
        if answer:
            yield Started(json.loads(answer), process)
            ours.close()
            assert process.wait(60) == 0
        else:
            assert process.stdout is not None
            output = process.stdout.read().decode()
            yield Ended(process.wait(60), output)


def refusal(image: Image, device: Path, **changes: Any) -> str:
    """Start an image that has to refuse, and return its one line."""
    with started(image, device, **changes) as result:
        assert isinstance(result, Ended), result
        assert result.status == REFUSED, result.output
        assert result.output.startswith("boot refused: ")
        assert result.output.count("\n") == 1
        return result.output
