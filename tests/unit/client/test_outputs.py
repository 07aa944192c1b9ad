"""A guest's output files land below one directory and nowhere else."""

from pathlib import Path

import pytest

from adyton.client.outputs import save_outputs
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.task import TaskOutput


def test_outputs_are_written(tmp_path: Path) -> None:
    outputs = (TaskOutput("a.txt", b"a"), TaskOutput("sub/deep/b.txt", b"b"))
    saved = save_outputs(outputs, tmp_path / "new" / "out")
    assert [path.read_bytes() for path in saved] == [b"a", b"b"]
    assert saved[1] == tmp_path / "new" / "out" / "sub" / "deep" / "b.txt"


def test_an_older_file_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"older and longer")
    save_outputs((TaskOutput("a.txt", b"a"),), tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"a"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    "path",
    ["/etc/x", "../x", "a/../../x", "a/./b", "", "a//b", "a/", "a\x00b", "x" * 256, ".", "\ud800"],
)
def test_paths_that_lead_elsewhere_are_refused_and_nothing_is_written(
    tmp_path: Path, path: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(MalformedError, match="leads out"):
        save_outputs((TaskOutput("good.txt", b"x"), TaskOutput(path, b"x")), out)
    assert not out.exists()


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b/c", "a/b")])
def test_paths_that_collide_are_refused(tmp_path: Path, paths: tuple[str, ...]) -> None:
    with pytest.raises(MalformedError, match="same path"):
        save_outputs(tuple(TaskOutput(path, b"x") for path in paths), tmp_path / "out")


def test_a_linked_parent_is_not_followed(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (out / "sub").symlink_to(outside)
    with pytest.raises(UsageError, match="cannot be written"):
        save_outputs((TaskOutput("sub/x", b"x"),), out)
    assert list(outside.iterdir()) == []


def test_a_link_in_the_file_s_place_is_replaced_not_followed(tmp_path: Path) -> None:
    precious, out = tmp_path / "precious", tmp_path / "out"
    precious.write_bytes(b"precious")
    out.mkdir()
    (out / "x").symlink_to(precious)
    save_outputs((TaskOutput("x", b"new"),), out)
    assert precious.read_bytes() == b"precious"
    assert (out / "x").read_bytes() == b"new"
    assert not (out / "x").is_symlink()


def test_a_directory_in_the_file_s_place_stays(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be written"):
        save_outputs((TaskOutput("x", b"new"),), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
