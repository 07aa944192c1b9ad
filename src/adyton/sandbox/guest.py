"""What the jailed child does with a job: a Python source runs here, any other file is exec'ed.

Standard library only. When `run` is called the lockdown is complete and no descriptor but
0, 1 and 2 is open.
"""

import atexit
import io
import json
import os
import random  # noqa: TID251  # reseeds what guests draw from; nothing of ours
import signal
import sys
import threading
import types
from collections.abc import Iterable
from typing import Final, NoReturn

WORK: Final = "/task"
_EXIT_NOT_EXECUTABLE: Final = 126
_EXIT_UNRAISABLE: Final = 120
_KEPT: Final[list[object]] = []

# With escapes and numbers, as a job's header has them.
_REHEARSAL_JOB: Final = json.dumps(
    {
        "name": "x",
        "n": [1, 2.5, None],
        "source": """
import os, sys
def f(a):
    for i in a:
        yield i
class C:
    x: int = 1
    def g(self):
        return [j for j in f(range(3))]
try:
    1 / 0
except ZeroDivisionError as e:
    y = f'{C().g()}', 1.5, e
print(y)
""",
    }
)


def environment(interpreter_prefix: str) -> dict[str, str]:
    """Return the whole environment of every guest."""
    return {
        "PATH": f"{interpreter_prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": WORK,
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Numeric libraries would start one thread for each processor.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def is_executable(name: str, code: bytes) -> bool:
    """Tell whether the file is to be exec'ed (shebang or ELF) rather than run as Python."""
    return code.startswith((b"#!", b"\x7fELF"))


def run(name: str, arguments: list[str], code: bytes) -> NoReturn:
    """Run the file `name` in the current directory and end this process with its result.

    Trust: this process is the guest from here on.
    """
    if is_executable(name, code):
        _exec(name, arguments)
    code_after_flush = _EXIT_UNRAISABLE
    try:
        code_after_flush = _run_python(name, arguments, code)
    finally:
        os._exit(code_after_flush)


def _exec(name: str, arguments: list[str]) -> NoReturn:
    # Python ignores these two; a program expects to be ended by them.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(f"{WORK}/{name}", [name, *arguments])
    except (OSError, ValueError) as error:
        os.write(2, f"{name}: cannot be executed: {error}\n".encode("utf-8", "replace"))
    os._exit(_EXIT_NOT_EXECUTABLE)


def _fresh_streams() -> None:
    # The zygote's streams remember what /dev/null could do (seek, for one).
    streams = {
        "stdin": _stream(0, "r"),
        "stdout": _stream(1, "w"),
        "stderr": _stream(2, "w", errors="backslashreplace", line=True),
    }
    for name, stream in streams.items():
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(
    number: int, mode: str, *, errors: str = "strict", line: bool = False
) -> io.TextIOWrapper:
    raw = io.FileIO(number, mode, closefd=False)
    buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    stream = io.TextIOWrapper(buffer, encoding="utf-8", errors=errors, line_buffering=line)
    stream.mode = mode  # type: ignore[misc]  # CPython's own streams carry it, typeshed has it read-only
    return stream


def rehearse() -> None:
    """Do once what every Python guest begins with.

    A forked page is copied when it is first written to; after this the job finds its own.
    """
    # All guests of a zygote would draw the same numbers.
    random.seed()
    kept = sys.stdin, sys.stdout, sys.stderr
    _fresh_streams()
    source = json.loads(_REHEARSAL_JOB)["source"].encode()
    exec(compile(source, f"{WORK}/x.py", "exec", dont_inherit=True), _main_module("x.py").__dict__)  # noqa: S102  # our own text
    _flush()
    sys.stdin, sys.stdout, sys.stderr = kept


def forget(modules: Iterable[str]) -> None:
    """Take `modules` out of the import system, and keep them alive.

    Guests then cannot import them; dropping the last reference instead would clear their globals.
    """
    for name in list(modules):
        _KEPT.append(sys.modules.pop(name))


def _main_module(path: str) -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__dict__["__builtins__"] = __builtins__
    main.__dict__["__cached__"] = None
    sys.modules["__main__"] = main
    return main


def _run_python(name: str, arguments: list[str], code: bytes) -> int:
    path = f"{WORK}/{name}"
    _fresh_streams()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main = _main_module(path)
    sys.argv[:] = [name, *arguments]
    sys.orig_argv[:] = [sys.executable, name, *arguments]
    sys.path.insert(0, WORK)
    status = 0
    try:
        exec(compile(code, path, "exec", dont_inherit=True), main.__dict__)  # noqa: S102  # the task itself
    except SystemExit as stop:
        status = _exit_status(stop.code)
    except BaseException as error:  # noqa: BLE001  # whatever the guest raised is the guest's end
        status = 130 if isinstance(error, KeyboardInterrupt) else 1
        # Without this function's own frame.
        trace = error.__traceback__
        shown = error.with_traceback(trace.tb_next if trace is not None else None)
        sys.excepthook(type(shown), shown, shown.__traceback__)
    return _finish(status)


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _finish(status: int) -> int:
    # As the interpreter ends: wait for threads, run exit handlers, flush.
    shutdown = getattr(threading, "_shutdown", None)
    if shutdown is not None:
        shutdown()
    atexit._run_exitfuncs()
    return status if _flush() else status or _EXIT_UNRAISABLE


def _flush() -> bool:
    flushed = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            flushed = False
    return flushed
