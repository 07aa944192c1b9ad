"""What an operator chooses: settings of one run, and what is fixed at genesis.

The fixed part is written once to `DATA/config`. A later start that asks for something else is refused: the digest of
the configuration is part of every client's fingerprint.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import Error, UsageError
from adyton.host.image import EXTRAS
from adyton.host.invites import make_invite_key
from adyton.protocol.genesis import Configuration, EpochPolicy, TaskPolicy

FILE: Final = "config"
FORMAT: Final = 1
PORT: Final = 8384
DEFAULT_TASKS: Final = TaskPolicy(
    wall_s=600,
    memory=2 * 1024 * limits.MIB,
    output=limits.TASK_OUTPUT,
    outputs=limits.TASK_OUTPUTS,
    workers=2,
)
DEFAULT_EPOCHS: Final = EpochPolicy(blocks=10_000, grace=1_000)


@dataclass(frozen=True)
class ServeSettings:
    """One run of the server. Where a field says "fixed", None means: as stored, or the default at the first start.

    Attributes:
        data: directory of all that is kept; made when missing.
        host: address to listen on.
        port: 0 takes a free one.
        admission: fixed; `open` or `invite`.
        tasks: fixed; limits of native tasks.
        epochs: fixed; how keys are replaced.
        platform: fixed; kind of platform.
        allow_simulated: fixed; the operator's consent to the simulated platform, recorded in genesis.
        access_log: whether to log each request; the log then holds clients' addresses.
        extras: fixed; what the enclave's image has besides, of `image.EXTRAS`. Another image has other keys.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = PORT
    admission: str | None = None
    tasks: TaskPolicy | None = None
    epochs: EpochPolicy | None = None
    platform: str | None = None
    allow_simulated: bool | None = None
    access_log: bool = False
    extras: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Fixed:
    """What genesis fixes.

    Attributes:
        configuration: as the enclave is given it.
        allow_simulated: recorded beside it.
        extras: of the image, sorted.
    """

    configuration: Configuration
    allow_simulated: bool
    extras: tuple[str, ...] = ()


def fixed_at_genesis(settings: ServeSettings) -> Fixed:
    """Return what this data directory is fixed to; at its first start, fix it to the settings.

    Raises:
        UsageError: `config_mismatch`: the settings ask for something else; or the stored file is not readable.
    """
    path = settings.data / FILE
    if not path.exists():
        _write(path, _encode(_first(settings)))
    fixed = _decode(path)
    _require_same(settings, fixed)
    return fixed


def load_fixed(data: Path) -> Fixed:
    """Return what a data directory is fixed to.

    Raises:
        UsageError: it was never served, or the file is not readable.
    """
    if not (data / FILE).exists():
        raise UsageError("not_found", "no server has been started on this directory yet")
    return _decode(data / FILE)


def _first(settings: ServeSettings) -> Fixed:
    admission = settings.admission or "open"
    invite_key = make_invite_key(settings.data).public if admission == "invite" else None
    platform = settings.platform or "simulated"
    configuration = Configuration(
        platform,
        admission,
        invite_key,
        "single-host",
        "host",
        settings.tasks or DEFAULT_TASKS,
        settings.epochs or DEFAULT_EPOCHS,
    )
    consent = settings.allow_simulated
    # Decoded once more, so that a value outside the vocabulary is refused before anything is written.
    return Fixed(
        Configuration.decode(configuration.encode()),
        platform == "simulated" if consent is None else consent,
        _extras(settings.extras or ()),
    )


def _require_same(settings: ServeSettings, fixed: Fixed) -> None:
    configuration = fixed.configuration
    asked: tuple[tuple[str, object, object], ...] = (
        ("admission", settings.admission, configuration.admission),
        ("task limits", settings.tasks, configuration.tasks),
        ("epochs", settings.epochs, configuration.epochs),
        ("platform", settings.platform, configuration.platform),
        ("allow-simulated", settings.allow_simulated, fixed.allow_simulated),
        ("extra", settings.extras and tuple(sorted(set(settings.extras))), fixed.extras),
    )
    for name, wanted, stored in asked:
        if wanted is not None and wanted != stored:
            raise UsageError(
                "config_mismatch",
                f"{name} differs from what this chain began with; platform, admission, ordering, time source, "
                "task limits, epochs and extras are fixed at genesis: serve another directory for another "
                "configuration",
            )


def _encode(fixed: Fixed) -> bytes:
    configuration = fixed.configuration
    value: dict[str, Any] = {
        "format": FORMAT,
        "platform": configuration.platform,
        "admission": configuration.admission,
        "invite_key": None if configuration.invite_key is None else configuration.invite_key.hex(),
        "ordering": configuration.ordering,
        "time_source": configuration.time_source,
        "tasks": asdict(configuration.tasks),
        "epochs": asdict(configuration.epochs),
        "allow_simulated": fixed.allow_simulated,
    }
    if fixed.extras:
        value["extras"] = list(fixed.extras)
    return json.dumps(value, indent=2).encode() + b"\n"


def _decode(path: Path) -> Fixed:
    try:
        value = json.loads(path.read_bytes())
        if value.pop("format") != FORMAT:
            raise UsageError("config_mismatch", f"{path.name} is of another version")
        extras = _extras(value.get("extras", []))
        fixed = Fixed(_configuration(value), value["allow_simulated"], extras)
        if json.loads(_encode(fixed)) != {"format": FORMAT, **value}:
            raise UsageError("config_mismatch", f"{path.name} holds something else too")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UsageError("config_mismatch", f"{path.name} is not readable: {problem}") from None
    except Error as problem:
        raise UsageError("config_mismatch", f"{path.name}: {problem.message}") from None
    return fixed


def _extras(asked: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(asked) - EXTRAS.keys())
    if unknown:
        raise UsageError("usage", f"no extra {unknown[0]!r}; there are {', '.join(EXTRAS)}")
    return tuple(sorted(set(asked)))


def _configuration(value: dict[str, Any]) -> Configuration:
    tasks = TaskPolicy(*[value["tasks"][field.name] for field in fields(TaskPolicy)])
    epochs = EpochPolicy(*[value["epochs"][field.name] for field in fields(EpochPolicy)])
    key = value["invite_key"]
    made = Configuration(
        value["platform"],
        value["admission"],
        None if key is None else bytes.fromhex(key),
        value["ordering"],
        value["time_source"],
        tasks,
        epochs,
    )
    return Configuration.decode(made.encode())


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
