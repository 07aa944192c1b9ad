"""The enclave image: what is in it, what is refused, and that it is the same everywhere."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adyton.core import measurement as manifests
from adyton.core.errors import UsageError
from adyton.enclave import boot
from adyton.host import image as images
from adyton.host.image import Image, _runtime_entries, _wheel, build_image, measure

ROOT = Path(__file__).resolve().parents[3]


def writable(tree: Path) -> Path:
    """Let the owner change a copy of an image."""
    for directory, _, _ in os.walk(tree):
        os.chmod(directory, 0o700)
    return tree


@pytest.fixture(scope="module")
def read_once() -> dict[str, Callable[..., object]]:
    """The readers of wheels, interpreter and standard library, which read once: no test of the sources alters those."""
    wheel = functools.cache(lambda name: list(_wheel(name)))
    runtime = functools.cache(lambda: list(_runtime_entries()))
    return {
        "_wheel": wheel,
        "_runtime_entries": runtime,
        "_digest": functools.cache(images._digest),
    }


@pytest.fixture
def source(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_once: dict[str, Callable[..., object]],
) -> Iterator[Path]:
    """A copy of the package, to be altered."""
    for name, reader in read_once.items():
        monkeypatch.setattr(images, name, reader)
    copy = tmp_path / "src" / "adyton"
    shutil.copytree(ROOT / "src/adyton", copy, ignore=shutil.ignore_patterns("__pycache__"))
    yield copy
    writable(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """An image of a copy of the tree, which others may be editing."""
    tree = tmp_path_factory.mktemp("image")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src/adyton", tree / "adyton", ignore=ignored)
    yield build_image(tree / "images", source=tree / "adyton")
    writable(tree)


def files_of(image: Image) -> set[str]:
    return {
        path.relative_to(image.path).as_posix() for path in image.path.rglob("*") if path.is_file()
    }


def test_the_image_holds_the_measured_packages_and_wheels_alone(built: Image) -> None:
    files = files_of(built)
    assert {"boot.py", "MANIFEST", "adyton/__init__.py", "adyton/core/crypto.py"} <= files
    assert {"cbor2/__init__.py", "nacl/_sodium.abi3.so"} <= files
    assert any(re.fullmatch(r"_cffi_backend\..*so", name) for name in files)
    assert (built.path / "adyton/__init__.py").read_bytes() == b""
    assert "adyton/enclave/boot.py" not in files
    assert any(re.fullmatch(r"_pysha3\..*so", name) for name in files)
    assert "sha3.py" in files
    tops = {name.partition("/")[0] for name in files if "/" in name}
    wheels = {"cbor2", "cffi", "coincurve", "cryptography", "nacl", "pycparser"}
    assert tops == {"adyton", "sortedcontainers", "wasmtime", *wheels}
    own = {name.split("/")[1] for name in files if name.startswith("adyton/")}
    assert own == {"__init__.py", *images.PACKAGES}
    strange = [
        name
        for name in files
        if not re.search(r"\.(py|so)$", name) or re.search(r"dist-info|/tests?/|customize", name)
    ]
    assert strange == ["MANIFEST"]


def test_the_image_cannot_be_written(built: Image) -> None:
    modes = {path.stat().st_mode & 0o777 for path in built.path.rglob("*") if path.is_file()}
    assert modes == {0o444}
    directories = [built.path, *(path for path in built.path.rglob("*") if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in directories} == {0o555}


def test_the_manifest_lists_every_file_and_what_runs_them(built: Image) -> None:
    entries = manifests.parse_manifest(built.manifest)
    assert (built.path / "MANIFEST").read_bytes() == built.manifest
    assert manifests.measurement(entries) == built.measurement
    listed = {entry.path: entry for entry in entries if entry.area == "image"}
    assert set(listed) == files_of(built) - {"MANIFEST"}
    for path, entry in listed.items():
        assert hashlib.sha384((built.path / path).read_bytes()).digest() == entry.digest
    runtime = {(entry.area, entry.path): entry.digest for entry in entries}
    python = Path(sys.executable).resolve().read_bytes()
    assert runtime["interpreter", "python"] == hashlib.sha384(python).digest()
    os_file = Path(os.__file__).read_bytes()
    assert runtime["stdlib", "os.py"] == hashlib.sha384(os_file).digest()
    assert ("stdlib", "encodings/utf_8.py") in runtime
    assert not [path for area, path in runtime if "site-packages" in path or ".pyc" in path]


def test_the_same_sources_give_the_same_measurement_anywhere(built: Image, tmp_path: Path) -> None:
    source = built.path.parent.parent / "adyton"
    again = build_image(tmp_path / "elsewhere", source=source)
    assert again.path != built.path
    assert (again.measurement, again.manifest) == (built.measurement, built.manifest)
    assert measure(source).measurement == built.measurement
    writable(tmp_path)


def test_an_image_is_made_once(built: Image) -> None:
    inode = built.path.stat().st_ino
    again = build_image(built.path.parent, source=built.path.parent.parent / "adyton")
    assert again == built
    assert again.path.stat().st_ino == inode
    assert [path.name for path in built.path.parent.iterdir()] == [built.path.name]
    assert built.path.name == built.measurement.hex()[:32]


def test_the_running_package_can_be_measured() -> None:
    measured = measure()
    assert len(measured.measurement) == 48
    assert measured.trusted_lines.own > 1000
    assert measured.trusted_lines.libraries > 1000
    assert measured.trusted_lines.native > 2**20


def test_the_lines_are_counted(source: Path) -> None:
    before = measure(source).trusted_lines
    (source / "core" / "more.py").write_text("# one\n# two\n")
    (source / "host" / "more.py").write_text("# not measured\n")
    after = measure(source).trusted_lines
    assert after.own - before.own == 2
    assert (after.libraries, after.native) == (before.libraries, before.native)


def test_every_measured_source_counts(source: Path) -> None:
    before = measure(source).measurement
    seen = {before}
    for package in images.PACKAGES:
        file = source / package / "__init__.py"
        file.write_bytes(file.read_bytes() + b"\n")
        seen.add(measure(source).measurement)
    file = source / "enclave" / "boot.py"
    file.write_bytes(file.read_bytes() + b"\n")
    seen.add(measure(source).measurement)
    assert len(seen) == len(images.PACKAGES) + 2


@pytest.mark.parametrize(
    "name", ["core/x.pyc", "core/x.pyo", "core/x.pth", "enclave/sitecustomize.py"]
)
def test_code_that_runs_unasked_is_refused(source: Path, name: str) -> None:
    (source / name).write_bytes(b"")
    with pytest.raises(UsageError) as raised:
        measure(source)
    assert raised.value.code == "image_invalid"


@pytest.mark.parametrize("to", ["/etc/passwd", "crypto.py", "nowhere.py", "/tmp"])
def test_links_among_the_sources_are_refused(source: Path, to: str) -> None:
    (source / "core" / "linked.py").symlink_to(to)
    with pytest.raises(UsageError):
        measure(source)


def test_caches_and_other_files_stay_outside(source: Path, tmp_path: Path) -> None:
    before = measure(source)
    (source / "core" / "__pycache__").mkdir()
    (source / "core" / "__pycache__" / "crypto.cpython-311.pyc").write_bytes(b"evil")
    (source / "core" / "notes.txt").write_text("none of the enclave's business")
    assert build_image(tmp_path / "images", source=source).measurement == before.measurement


@pytest.mark.parametrize("missing", ["core", "enclave/boot.py"])
def test_a_tree_without_its_parts_is_refused(source: Path, missing: str) -> None:
    path = source / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(UsageError):
        measure(source)


def test_an_altered_image_is_not_reused(source: Path, tmp_path: Path) -> None:
    image = build_image(tmp_path / "images", source=source)
    writable(image.path)
    (image.path / "boot.py").chmod(0o644)
    (image.path / "boot.py").write_text("print('mine')\n")
    with pytest.raises(UsageError) as raised:
        build_image(tmp_path / "images", source=source)
    assert raised.value.code == "image_invalid"


def test_half_an_image_is_never_left(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(UsageError):
        build_image(tmp_path / "images", source=source)
    assert list((tmp_path / "images").iterdir()) == []


# --- wheels -------------------------------------------------------------------------------------


def fake_wheel(monkeypatch: pytest.MonkeyPatch, site: Path, lines: list[str]) -> None:
    """Let `pynacl` be a wheel with this RECORD in `site`."""
    info = site / "pynacl-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pynacl\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{line}\n" for line in lines))
    real = importlib.metadata.distribution

    def distribution(name: str) -> importlib.metadata.Distribution:
        if name != "pynacl":
            return real(name)
        return importlib.metadata.PathDistribution(info)

    monkeypatch.setattr(importlib.metadata, "distribution", distribution)


EMPTY = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0"


def test_a_wheel_is_taken_as_its_record_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "nacl" / "tests").mkdir(parents=True)
    for name in ("nacl/__init__.py", "nacl/tests/x.py", "nacl/unlisted.py", "nacl/x.pyi"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "nacl" / "libs.so.1").write_bytes(b"")
    listed = ("nacl/__init__.py", "nacl/tests/x.py", "nacl/x.pyi", "nacl/libs.so.1", "../bin/tool")
    fake_wheel(monkeypatch, tmp_path, [f"{name},{EMPTY}" for name in listed])
    manifest = manifests.parse_manifest(measure(ROOT / "src/adyton").manifest)
    held = {entry.path for entry in manifest if entry.path.startswith(("nacl", "..", "bin"))}
    assert held == {"nacl/__init__.py", "nacl/libs.so.1"}


@pytest.mark.parametrize(
    "line",
    [
        f"nacl/altered.py,{EMPTY}",
        f"nacl/absent.py,{EMPTY}",
        "nacl/altered.py,,",
        "nacl/altered.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,0",
        f"nacl/x.pyc,{EMPTY}",
        f"evil.pth,{EMPTY}",
        f"sitecustomize.py,{EMPTY}",
        f"cbor2/__init__.py,{EMPTY}",
    ],
)
def test_a_wheel_that_is_not_what_its_record_says_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    (tmp_path / "nacl").mkdir()
    (tmp_path / "cbor2").mkdir()
    (tmp_path / "nacl" / "altered.py").write_text("import os\n")
    for name in ("nacl/x.pyc", "evil.pth", "sitecustomize.py", "cbor2/__init__.py"):
        (tmp_path / name).write_bytes(b"")
    fake_wheel(monkeypatch, tmp_path, [line])
    with pytest.raises(UsageError) as raised:
        measure(ROOT / "src/adyton")
    assert raised.value.code == "image_invalid"


def test_a_wheel_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "DISTRIBUTIONS", (*images.DISTRIBUTIONS, "no-such-thing"))
    with pytest.raises(UsageError):
        measure(ROOT / "src/adyton")


def test_the_wheels_are_those_that_are_pinned() -> None:
    pinned = re.findall(r"^([a-z0-9_-]+)==", (ROOT / "requirements/enclave.txt").read_text(), re.M)
    assert sorted(pinned) == sorted(images.DISTRIBUTIONS)


def test_an_extra_is_in_the_image_only_where_it_is_asked_for() -> None:
    plain, again, more = measure(), measure(extras=()), measure(extras=["zk"])
    assert plain.measurement == again.measurement != more.measurement
    assert "wallycore" not in plain.manifest.decode()
    added = set(more.manifest.decode().split()) - set(plain.manifest.decode().split())
    names = {word for word in added if "wallycore" in word}
    assert any(re.fullmatch(r"_wallycore\..*\.so", name) for name in names)
    assert "wallycore/__init__.py" in names


@pytest.mark.parametrize("extra", ["zkp", "dev", ""])
def test_an_unknown_extra_is_refused(extra: str) -> None:
    with pytest.raises(UsageError, match="there are zk"):
        measure(extras=[extra])


def test_the_wheels_of_an_extra_are_pinned_exactly() -> None:
    pinned = (ROOT / "requirements/zk.txt").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    for name in images.EXTRAS["zk"]:
        (version,) = re.findall(rf"^{name}==(\S+)", pinned, re.M)
        assert f'"{name}=={version}",' in project


# --- what boot has to know by itself ------------------------------------------------------------


def test_boot_and_builder_agree() -> None:
    assert boot.HEADER == manifests.HEADER
    assert boot.MANIFEST_NAME == manifests.MANIFEST_NAME
    assert boot.STDLIB_SKIPPED == manifests.STDLIB_SKIPPED
    assert boot.STDLIB_SKIPPED_PREFIX == manifests.STDLIB_SKIPPED_PREFIX
    assert boot.PYCACHE == images.PYCACHE


def test_boot_imports_the_standard_library_alone() -> None:
    source = (ROOT / "src/adyton/enclave/boot.py").read_text()
    names = set(re.findall(r"^(?:from|import) ([a-z_]+)", source, re.M))
    assert names
    assert names <= sys.stdlib_module_names
