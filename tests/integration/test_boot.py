"""The enclave's process: what starts is what was measured, closed, without environment or options."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

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


# --- what starts --------------------------------------------------------------------------------


def test_the_image_starts_and_is_told_its_measurement(built: Image, device: Path) -> None:
    with started(built, device) as enclave:
        assert isinstance(enclave, Started), enclave
        seen = enclave.seen
    assert bytes.fromhex(seen["measurement"]) == built.measurement
    assert seen["image"] == str(built.path)
    assert seen["platform"] == "simulated"
    stdlib = sysconfig.get_path("stdlib")
    assert seen["path"] == [stdlib, f"{stdlib}/lib-dynload", str(built.path)]
    assert seen["outside"] == []


def test_an_unaltered_copy_starts(image: Image, device: Path) -> None:
    lock(image.path)
    with started(image, device) as enclave:
        assert isinstance(enclave, Started), enclave


def test_the_process_is_closed(built: Image, device: Path, tmp_path: Path) -> None:
    with (tmp_path / "secret").open("wb") as file:
        extra = os.dup(file.fileno())
    try:
        with started(built, device, extra=(extra,)) as enclave:
            assert isinstance(enclave, Started), enclave
            assert enclave.seen["dumpable"] == 0
            assert enclave.seen["core"] == [0, 0]
            # Standard streams, channel and device; the host's other descriptor is gone.
            assert len(enclave.seen["descriptors"]) == 5
            assert extra not in enclave.seen["descriptors"]
            assert enclave.seen["inheritable"] == [False, False]
            # The kernel gives an undumpable process's files in /proc to root; root itself reads on.
            assert os.stat(f"/proc/{enclave.process.pid}/mem").st_uid == 0
            if os.geteuid() != 0:
                with pytest.raises(PermissionError):
                    Path(f"/proc/{enclave.process.pid}/mem").read_bytes()
    finally:
        os.close(extra)


# --- compiled files and the environment ---------------------------------------------------------


def test_a_compiled_file_that_would_have_run_is_not_run(
    image: Image, device: Path, tmp_path: Path
) -> None:
    """The hole this closes: the source is untouched, and other code runs."""
    mark = tmp_path / "ran"
    victim = image.path / "adyton/core/limits.py"
    source = tmp_path / "limits.py"
    source.write_text(f"{victim.read_text()}\nopen({str(mark)!r}, 'w').close()\n")
    cached = victim.parent / "__pycache__" / f"limits.{sys.implementation.cache_tag}.pyc"
    cached.parent.mkdir()
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(source), cfile=str(cached), invalidation_mode=mode)

    program = f"import sys; sys.path.insert(0, {str(image.path)!r}); import adyton.core.limits"
    subprocess.run([str(image.interpreter), "-I", "-c", program], check=True, env={})
    assert mark.exists()  # so it would have run

    mark.unlink()
    lock(image.path)
    assert "__pycache__" in refusal(image, device)
    # And the interpreter's own options keep it from running where nobody looks.
    flags = image.command(3, 4)[1:6]
    subprocess.run([str(image.interpreter), *flags, "-c", program], check=True, env={})
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "LANG", "LD_PRELOAD"]
)
def test_any_environment_is_refused_and_has_no_effect(
    built: Image, device: Path, tmp_path: Path, name: str
) -> None:
    mark = tmp_path / "ran"
    for module in ("startup.py", "sitecustomize.py", "hashlib.py"):
        (tmp_path / module).write_text(f"open({str(mark)!r}, 'w').close()\n")
    value = {
        "PYTHONSTARTUP": str(tmp_path / "startup.py"),
        "LD_PRELOAD": next(iter((built.path / "nacl").glob("*.so"))),
        "LANG": "C",
    }.get(name, tmp_path)
    assert "environment" in refusal(built, device, env={name: str(value)})
    assert not mark.exists()


# --- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["-I", "-S", "-B"])
def test_every_option_is_needed(built: Image, device: Path, flag: str) -> None:
    def without(command: list[str]) -> list[str]:
        return [part for part in command if part != flag]

    assert "-I -S -B" in refusal(built, device, command=without)


@pytest.mark.parametrize(
    "options",
    [["-O"], ["-X", "dev"], ["-X", "utf8"], ["-W", "error"], ["-X", "pycache_prefix=/tmp"]],
)
def test_other_options_are_refused(built: Image, device: Path, options: list[str]) -> None:
    def with_options(command: list[str]) -> list[str]:
        at = command.index(str(built.path / "boot.py"))
        return [*command[:at], *options, *command[at:]]

    assert "interpreter" in refusal(built, device, command=with_options)


def test_the_cache_has_to_be_nowhere(built: Image, device: Path) -> None:
    def without(command: list[str]) -> list[str]:
        return [part for part in command if part != "-X" and "pycache" not in part]

    assert "pycache_prefix" in refusal(built, device, command=without)


@pytest.mark.parametrize(
    "arguments", [[], ["3"], ["x", "y"], ["-1", "3"], ["0", "1"], ["200", "201"], ["3", "4", "5"]]
)
def test_other_arguments_are_refused(built: Image, device: Path, arguments: list[str]) -> None:
    refusal(built, device, command=lambda command: [*command[:-2], *arguments])


def test_channel_and_device_are_not_exchanged_or_one(built: Image, device: Path) -> None:
    refusal(built, device, command=lambda command: [*command[:-2], command[-1], command[-2]])
    refusal(built, device, command=lambda command: [*command[:-2], command[-1], command[-1]])


def test_another_interpreter_is_refused(image: Image, device: Path, tmp_path: Path) -> None:
    """The same interpreter with one byte more: it runs, and is not the one that was measured."""
    other = tmp_path / "python3"
    other.write_bytes(image.interpreter.read_bytes() + b"\0")
    other.chmod(0o755)
    (tmp_path / "pyvenv.cfg").write_text(f"home = {image.interpreter.parent}\n")
    lock(image.path)

    def by_other(command: list[str]) -> list[str]:
        return [str(other), *command[1:]]

    assert "boot refused" in refusal(image, device, command=by_other)
