"""The node of a dry run, at its beginning and end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adyton.cli import local_node
from adyton.core.errors import UnavailableError


def test_a_node_that_is_still_starting_when_it_is_given_up_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_start, told, ended = threading.Event(), threading.Event(), threading.Event()

    def serve(_settings: Any, on_ready: Callable[[Any], None]) -> None:
        may_start.wait(30)
        on_ready(SimpleNamespace(stop=told.set))
        told.wait(10)
        ended.set()

    monkeypatch.setattr("adyton.host.serve.serve", serve)
    monkeypatch.setattr(local_node, "_START_S", 0.0)
    monkeypatch.setattr(local_node, "_STOP_S", 60.0)
    starting = threading.Timer(0.2, may_start.set)
    starting.start()
    with pytest.raises(UnavailableError, match="does not start in time"):
        local_node._Node(tmp_path)
    starting.join()
    assert told.is_set()
    assert ended.is_set()
