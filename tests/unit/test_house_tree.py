"""The check of the whole tree: asserts, long files and addresses are refused."""

import subprocess
from pathlib import Path

import pytest

from tools import check_tree

ROOT = Path(__file__).resolve().parents[2]
SLASH = "/"  # paths are put together here, so that this file is no finding itself


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "src" / "a.py").write_text("x = 1\n")
    return tmp_path


def test_a_clean_tree_passes(tree: Path) -> None:
    assert check_tree.check_tree(tree) == []


def test_assert_is_refused_in_the_product_alone(tree: Path) -> None:
    (tree / "tests" / "test_a.py").write_text("assert True\n")
    assert check_tree.check_tree(tree) == []
    (tree / "src" / "a.py").write_text("def f(x):\n    if x:\n        assert x\n")
    assert check_tree.check_tree(tree) == [
        "src/a.py:3: assert vanishes under -O; raise InvariantError"
    ]


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_a_file_of_more_than_400_lines_is_refused(tree: Path, folder: str) -> None:
    file = tree / folder / "long.py"
    file.write_text("x = 1\n" * 400)
    assert check_tree.check_tree(tree) == []
    file.write_text("x = 1\n" * 401)
    assert check_tree.check_tree(tree) == [
        f"{folder}/long.py:401: 401 lines; past 400 it is two things"
    ]


HASH = "#"


@pytest.mark.parametrize(
    "comment",
    ["noqa", "noqa: S108", "noqa: S108, E501", "type: ignore", "type: ignore[misc]",
     "type: ignore  # why", "noqa: S108 #", "noqa  # why"],
)  # fmt: skip
def test_a_silenced_check_gives_code_and_reason(tree: Path, comment: str) -> None:
    file = tree / "src" / "a.py"
    file.write_text(f"x = 1  {HASH} {comment}\n")
    assert len(check_tree.check_tree(tree)) == 1


@pytest.mark.parametrize(
    "comment", ["noqa: S108  # why", "type: ignore[misc]  # why", "ignore", "no quality"]
)
def test_an_explained_silence_passes(tree: Path, comment: str) -> None:
    (tree / "src" / "a.py").write_text(f"x = 1  {HASH} {comment}\n")
    assert check_tree.check_tree(tree) == []


@pytest.mark.parametrize(
    "text",
    [
        SLASH + "root/.cache/x",
        "see " + SLASH + "home/anna/x",
        '"' + SLASH + "Users/anna",
        SLASH + "work/main/x",
        "file://" + SLASH + "root/x",
        "C:" + "\\Users\\anna",
    ],
)
def test_machine_paths_are_refused(tree: Path, text: str) -> None:
    (tree / "notes.md").write_text(f"one\n{text}\n")
    assert [line.split(" names ")[0] for line in check_tree.check_tree(tree)] == ["notes.md:2:"]


@pytest.mark.parametrize(
    "text",
    ["pypi" + ".org", "files.python" + "hosted.org", "registry.npm" + "js.org",
     "index.crates" + ".io", "proxy.golang" + ".org", "https://art" + "ifactory.example",
     "--index-" + "url x"],
)  # fmt: skip
def test_package_indexes_are_refused(tree: Path, text: str) -> None:
    (tree / "requirements.txt").write_text(text + "\n")
    assert ["a package index" in line for line in check_tree.check_tree(tree)] == [True]


@pytest.mark.parametrize(
    "text",
    ["a/" + "root/b", "$HOME" + SLASH + "home/x", SLASH + "homework", SLASH + "work/out",
     "https://www.rfc-editor.org/rfc/rfc9162"],
)  # fmt: skip
def test_other_paths_and_addresses_pass(tree: Path, text: str) -> None:
    (tree / "notes.md").write_text(text + "\n")
    assert check_tree.check_tree(tree) == []


def test_a_line_that_has_to_name_a_path_gives_a_reason(tree: Path) -> None:
    path = SLASH + "root/.ssh"
    (tree / "src" / "a.py").write_text(f"x = '{path}'  # allow-path: a hostile guest asks for it\n")
    assert check_tree.check_tree(tree) == []
    (tree / "src" / "a.py").write_text(f"x = '{path}'  # allow-path: \n")
    assert len(check_tree.check_tree(tree)) == 1


def test_binary_files_are_left_alone(tree: Path) -> None:
    (tree / "x.bin").write_bytes(b"\0" + (SLASH + "root/x").encode())
    assert check_tree.check_tree(tree) == []


def test_in_a_repository_what_git_ignores_is_left_alone(tree: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tree)], check=True)
    (tree / ".gitignore").write_text("private/\n")
    (tree / "private").mkdir()
    (tree / "private" / "notes").write_text(SLASH + "root/x")
    assert check_tree.check_tree(tree) == []
    (tree / "new").write_text(SLASH + "root/x")
    assert len(check_tree.check_tree(tree)) == 1


def test_the_command_exits_with_one(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_tree.main([str(tree)]) == 0
    (tree / "src" / "a.py").write_text("assert 1\n")
    assert check_tree.main([str(tree)]) == 1
    assert "src/a.py:1" in capsys.readouterr().err
