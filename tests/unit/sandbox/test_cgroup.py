"""Memory cgroups of both versions, on directories that stand for the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.sandbox import cgroup
from adyton.sandbox.cgroup import MemoryGroup


def _files(path: Path, **contents: str) -> None:
    for name, content in contents.items():
        (path / name.replace("__", ".")).write_text(content)


def _first(path: Path, name: str) -> str:
    return (path / name).read_text()


def test_version_1(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path / "g", unified=False)
    path = tmp_path / "g"
    _files(
        path,
        cgroup__procs="",
        memory__limit_in_bytes="",
        memory__memsw__limit_in_bytes="",
        memory__max_usage_in_bytes="77\n",
        memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    )
    group.attach(4711)
    assert _first(path, "cgroup.procs") == "4711"
    assert group.peak() == 77
    assert group.out_of_memory_kills() == 3
    group.reset()
    # Only kills since the last guest count.
    assert group.out_of_memory_kills() == 0
    _files(path, memory__oom_control="oom_kill 5\n")
    assert group.out_of_memory_kills() == 2
    group.limit(1000)
    assert _first(path, "memory.limit_in_bytes").startswith("1000")
    assert _first(path, "memory.memsw.limit_in_bytes").startswith("1000")


def test_version_2(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path / "g", unified=True)
    path = tmp_path / "g"
    _files(path, memory__max="", memory__swap__max="", memory__events="low 0\noom_kill 1\n")
    group.limit(4096)
    assert _first(path, "memory.max") == "4096"
    assert _first(path, "memory.swap.max") == "0"
    assert group.out_of_memory_kills() == 1
    # The kernel's highest mark cannot be set back: it would be another guest's.
    assert group.peak() is None


def test_without_swap_accounting(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path / "g", unified=False)
    _files(tmp_path / "g", memory__limit_in_bytes="")
    group.limit(5)
    assert not (tmp_path / "g" / "memory.memsw.limit_in_bytes").exists()


def test_limit_that_cannot_be_set_is_not_silent(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path / "g", unified=False)
    with pytest.raises(FileNotFoundError):
        group.limit(5)


def test_removed_twice(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path / "g", unified=False)
    group.remove()
    group.remove()
    assert not (tmp_path / "g").exists()


def test_none_where_none_can_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Plain directories: a group can be made, but holds no controller's files.
    monkeypatch.setattr(cgroup, "_V1", tmp_path)
    monkeypatch.setattr(cgroup, "_V2", tmp_path / "missing")
    assert cgroup.find() is None
    assert list(tmp_path.iterdir()) == []


def test_groups_of_dead_processes_are_swept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroup, "_V1", tmp_path)
    monkeypatch.setattr(cgroup, "_V2", tmp_path)
    (tmp_path / "adyton-4999999-1" / "cell-1").mkdir(parents=True)
    (tmp_path / "adyton-1-1").mkdir()
    (tmp_path / "someone-elses").mkdir()
    cgroup.find()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adyton-1-1", "someone-elses"]
