"""Opened claims, decoded for people and programs."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from adyton.core import limits
from adyton.core.encoding import decode
from adyton.core.errors import MalformedError
from adyton.protocol.certificate import Opening
from adyton.protocol.task import RunInfo, TaskLimits


def text_or_base64(content: bytes) -> tuple[str, str]:
    """Return a content as JSON can hold it, and how: `utf-8`, or `base64` where it is not text."""
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return base64.b64encode(content).decode("ascii"), "base64"


def limits_to_json(task_limits: TaskLimits) -> dict[str, int]:
    """Return a task's limits by name."""
    return {
        "wall_s": task_limits.wall_s,
        "cpu_s": task_limits.cpu_s,
        "memory": task_limits.memory,
        "output": task_limits.output,
        "outputs": task_limits.outputs,
    }


def run_info_to_json(info: RunInfo) -> dict[str, Any]:
    """Return run information by name: microseconds, bytes, the measurement in hex."""
    return {
        "wall_us": info.wall_us,
        "cpu_us": info.cpu_us,
        "peak_memory": info.peak_memory,
        "bytes_in": info.bytes_in,
        "bytes_out": info.bytes_out,
        "exit_code": info.exit_code,
        "limits": limits_to_json(info.limits),
        "tier": info.tier,
        "memory_cap": info.memory_cap,
        "measurement": info.measurement.hex(),
        "epoch": info.epoch,
        "attempt": info.attempt,
    }


def shown_values(openings: Iterable[Opening]) -> dict[str, Any]:
    """Return the values of verified openings: digests in hex, texts as text, the rest by name.

    Raises:
        MalformedError: a value has not the form of its field.
    """
    return {opening.field: _shown(opening.field, opening.value) for opening in openings}


def _shown(field: str, value: bytes) -> Any:
    if field in ("code", "stdin"):
        return value.hex()
    if field in ("stdout", "stderr"):
        text, form = text_or_base64(value)
        return text if form == "utf-8" else {"base64": text}
    if field == "limits":
        return limits_to_json(TaskLimits.decode(value))
    if field == "run_info":
        return run_info_to_json(RunInfo.decode(value))
    decoded = decode(value, max_bytes=limits.BLOB)
    if field in ("inputs", "outputs"):
        return _named(decoded)
    if field == "arguments":
        if type(decoded) is not list or any(type(item) is not str for item in decoded):
            raise MalformedError("malformed", "opened arguments are not texts")
        return decoded
    if field == "exit_code":
        if decoded is not None and type(decoded) is not int:
            raise MalformedError("malformed", "an opened exit code is not a number")
        return decoded
    raise MalformedError("malformed", "an opening of an unknown field")


def _named(decoded: Any) -> list[dict[str, str]]:
    listed = []
    for pair in decoded if type(decoded) is list else [None]:
        if (
            type(pair) is not list
            or len(pair) != 2
            or type(pair[0]) is not str
            or type(pair[1]) is not bytes
        ):
            raise MalformedError("malformed", "opened contents are not names and digests")
        listed.append({"name": pair[0], "digest": pair[1].hex()})
    return listed
