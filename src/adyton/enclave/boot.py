"""The enclave's first code: checks its own image, closes what it does not need, runs `main`.

    python -I -S -B -X pycache_prefix=/dev/null/x IMAGE/boot.py CHANNEL_FD DEVICE_FD

Standard library only, because nothing of the image may run before it was checked. A refusal is one
line on standard error and exit status 70.

Trust: the host starts this. On hardware the platform measures the image before the first
instruction; on the simulated platform this file is all there is, and a host could alter it.
"""

import ctypes
import hashlib
import importlib
import os
import re
import resource
import stat
import sys
from collections.abc import Iterator

REFUSED = 70
HEADER = "adyton-manifest/1"
MANIFEST_NAME = "MANIFEST"
MANIFEST_MAX = 4 * 1024 * 1024
PYCACHE = "/dev/null/x"
PR_SET_DUMPABLE = 4
# Equal to the constants in core/measurement.py, which cannot be imported yet.
STDLIB_SKIPPED = frozenset(
    "__pycache__ dist-packages ensurepip idlelib site-packages test tests turtledemo".split()
)
STDLIB_SKIPPED_PREFIX = "config-"

Listed = dict[str, tuple[str, str]]  # path -> (flag, SHA-384 in hex)


class Refusal(Exception):
    """The enclave does not start; the text says why."""


def check_interpreter() -> None:
    """Refuse an interpreter that could run code other than what the manifest lists."""
    flags = sys.flags
    if not (flags.isolated and flags.no_site and flags.dont_write_bytecode):
        raise Refusal("the interpreter is not started with -I -S -B")
    if flags.optimize or flags.dev_mode or flags.inspect or sys.warnoptions:
        raise Refusal("the interpreter is started with other options")
    if sys._xoptions != {"pycache_prefix": PYCACHE} or sys.pycache_prefix != PYCACHE:
        raise Refusal(f"the interpreter is not started with -X pycache_prefix={PYCACHE}")


def check_environment() -> None:
    """Refuse any variable: what the process was started with, not what it has set since."""
    with open("/proc/self/environ", "rb") as file:
        if file.read(1):
            raise Refusal("the environment is not empty")


def check_descriptors(channel: int, device: int) -> None:
    """Close every descriptor but standard streams, channel and device, and check those two."""
    if channel == device or min(channel, device) < 3:
        raise Refusal("channel and device are not two descriptors of their own")
    try:
        kinds = [os.fstat(descriptor).st_mode for descriptor in (channel, device)]
    except OSError as problem:
        raise Refusal("channel or device is not open") from problem
    if not stat.S_ISSOCK(kinds[0]) or not stat.S_ISDIR(kinds[1]):
        raise Refusal("the channel is not a socket, or the device not a directory")
    low = 3
    for kept in sorted((channel, device)):
        os.closerange(low, kept)
        low = kept + 1
    # One system call (close_range) for all the others.
    os.closerange(low, 2**31 - 1)
    for descriptor in (channel, device):
        os.set_inheritable(descriptor, False)


def close_process() -> None:
    """Leave no core file, and let no process of the same user read memory or attach."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise Refusal("the process cannot be made undumpable")


def read_manifest(image: str) -> dict[str, Listed]:
    """Return what the manifest lists, by area."""
    content = read(f"{image}/{MANIFEST_NAME}", os.O_NOFOLLOW)[0]
    if len(content) > MANIFEST_MAX:
        raise Refusal("the manifest is too large")
    lines = content.decode("ascii", "replace").split("\n")
    if lines[0] != HEADER or lines[-1]:
        raise Refusal("the image has no manifest")
    areas: dict[str, Listed] = {"image": {}, "interpreter": {}, "library": {}, "stdlib": {}}
    last = ("", "")
    for line in lines[1:-1]:
        match = re.fullmatch(r"([a-z]+) ([-x]) ([0-9a-f]{96}) ([ -~]+)", line)
        if match is None or match[1] not in areas or (match[1], match[4]) <= last:
            raise Refusal("the manifest has a line that is not one, or not in its place")
        last = (match[1], match[4])
        areas[match[1]][match[4]] = (match[2], match[3])
    return areas


def read(path: str, flags: int = 0) -> tuple[bytes, str]:
    """Return a file's content, and `x` if anybody may execute it, else `-`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
        with open(descriptor, "rb", buffering=0) as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise Refusal(f"not a plain file: {path}")
            return file.readall(), "x" if mode & 0o111 else "-"
    except OSError as problem:
        raise Refusal(f"not readable: {path}") from problem


def check_file(path: str, listed: tuple[str, str] | None, flags: int = 0) -> None:
    """Refuse a file that is not exactly what the manifest lists."""
    if listed is None:
        raise Refusal(f"not in the manifest: {path}")
    content, flag = read(path, flags)
    if listed != (flag, hashlib.sha384(content).hexdigest()):
        raise Refusal(f"not what the manifest says: {path}")


def files_under(root: str, *, stdlib: bool, below: str = "") -> Iterator[str]:
    """Yield the relative path of every file; refuse what is neither file nor directory."""
    with os.scandir(f"{root}/{below}") as found:
        for item in found:
            path = below + item.name
            if item.is_dir(follow_symlinks=False):
                skipped = item.name in STDLIB_SKIPPED or item.name.startswith(STDLIB_SKIPPED_PREFIX)
                if not (stdlib and skipped):
                    yield from files_under(root, stdlib=stdlib, below=f"{path}/")
            # Distributions link single files of the standard library; their content is what counts.
            elif item.is_file(follow_symlinks=stdlib):
                yield path
            else:
                raise Refusal(f"neither file nor directory: {root}/{path}")


def check_tree(root: str, listed: Listed, *, stdlib: bool) -> None:
    """Refuse a tree that holds another set of files than listed, or another content."""
    missing = set(listed)
    for path in files_under(root, stdlib=stdlib):
        if not stdlib and path == MANIFEST_NAME:
            continue
        check_file(f"{root}/{path}", listed.get(path), 0 if stdlib else os.O_NOFOLLOW)
        missing.discard(path)
    if missing:
        raise Refusal(f"missing: {root}/{min(missing)}")


def check_loaded(areas: dict[str, Listed], boot: str, stdlib: str) -> None:
    """Check the interpreter, its library, and that what ran so far came from the manifest."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        mapped = {line.rstrip("\n").partition("/")[2] for line in file if "/libpython" in line}
    libraries = {os.path.basename(path): f"/{path}" for path in mapped}
    if set(libraries) != set(areas["library"]) or set(areas["interpreter"]) != {"python"}:
        raise Refusal("the interpreter has another library than the manifest says")
    check_file("/proc/self/exe", areas["interpreter"]["python"])
    for name, path in libraries.items():
        check_file(path, areas["library"][name])
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if origin is None or (name == "__main__" and origin == boot):
            continue
        if origin.removeprefix(f"{stdlib}/") not in areas["stdlib"]:
            raise Refusal(f"loaded from outside the manifest: {origin}")


def boot(arguments: list[str]) -> int | None:
    """Check everything, then run the enclave until it ends; return its exit status."""
    check_interpreter()
    check_environment()
    if len(arguments) != 3 or not all(text.isdecimal() for text in arguments[1:]):
        raise Refusal("usage: boot.py CHANNEL_FD DEVICE_FD")
    channel, device = int(arguments[1]), int(arguments[2])
    check_descriptors(channel, device)
    image = os.path.dirname(os.path.abspath(arguments[0]))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    stdlib = f"{sys.base_prefix}/{sys.platlibdir}/{version}"
    areas = read_manifest(image)
    check_loaded(areas, arguments[0], stdlib)
    check_tree(stdlib, areas["stdlib"], stdlib=True)
    check_tree(image, areas["image"], stdlib=False)
    # After the last look into /proc, which would not be readable any more.
    close_process()
    # Without the zip archive of the standard library, which need not exist and is not measured.
    sys.path[:] = [stdlib, f"{stdlib}/lib-dynload", image]
    measuring = importlib.import_module("adyton.core.measurement")
    content = read(f"{image}/{MANIFEST_NAME}", os.O_NOFOLLOW)[0]
    measured = measuring.measurement(measuring.parse_manifest(content))
    enclave = importlib.import_module("adyton.enclave.__main__")
    status: int | None = enclave.main(channel, device, image, measured)
    return status


if __name__ == "__main__":
    try:
        sys.exit(boot(sys.argv))
    except Refusal as refusal:
        # A path may hold anything; the reason stays one line.
        sys.stderr.write(f"boot refused: {ascii(str(refusal))[1:-1]}\n")
        sys.exit(REFUSED)
