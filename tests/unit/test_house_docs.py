"""The check of the documents: what is untrue in them is named, what is true is not."""

from pathlib import Path

import pytest

from tools import check_docs

HELP = "<!-- help: adyton run -->\n```text\nusage: adyton run FILE\n```\n<!-- /help -->\n"


def usage(command: list[str]) -> str:
    return f"usage: {' '.join(command)} FILE\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree whose documents are true."""
    for name, text in {
        "README.md": f"# Adyton\n\n## The `way` of a request\n\n[seeds](docs/seeds.md)\n\n{HELP}",
        "docs/seeds.md": "| T1 | `src/a.py` | `tests/test_a.py::test_a` |\n",
        "docs/spec/a.md": "[up](../../README.md#the-way-of-a-request) [here](#a)\n\n# A\n",
        "src/a.py": "",
        "tests/test_a.py": "def test_a(): pass\nclass TestB:\n    def test_c(self): pass\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def findings(tree: Path) -> list[str]:
    return check_docs.check_docs(tree, usage)


def append(tree: Path, name: str, text: str) -> None:
    with (tree / name).open("a") as file:
        file.write(text)


def test_true_documents_pass(tree: Path) -> None:
    assert findings(tree) == []


@pytest.mark.parametrize("name", ["README.md", "docs/seeds.md"])
def test_a_required_document_that_is_absent_is_named(tree: Path, name: str) -> None:
    (tree / name).unlink()
    assert f"{name}: absent" in findings(tree)


@pytest.mark.parametrize(
    ("link", "finding"),
    [
        ("[x](absent.md)", "link to nothing: absent.md"),
        ("![x](absent.png)", "link to nothing: absent.png"),
        ('[x](absent.md "title")', "link to nothing: absent.md"),
        ("[x](<absent.md>)", "link to nothing: absent.md"),
        ("[x][1]\n\n[1]: absent.md", "link to nothing: absent.md"),
        ("[x](#nowhere)", "no such heading: #nowhere"),
        ("[x](docs/spec/a.md#b)", "no such heading: docs/spec/a.md#b"),
        ("[x](../other/README.md)", "link leaves the tree: ../other/README.md"),
    ],
)
def test_links_to_nothing_are_named(tree: Path, link: str, finding: str) -> None:
    append(tree, "README.md", f"\n{link}\n")
    (line,) = findings(tree)
    assert line.startswith("README.md:")
    assert line.endswith(finding)


def test_links_below_docs_are_relative_to_their_document(tree: Path) -> None:
    append(tree, "docs/spec/a.md", "\n[x](README.md)\n")
    assert findings(tree) == ["docs/spec/a.md:5: link to nothing: README.md"]


@pytest.mark.parametrize(
    "text",
    [
        "[x](https://www.rfc-editor.org/rfc/rfc9162)",
        "[x](mailto:a@example.org)",
        "```\n[x](absent.md)\n```",
        "`[x](absent.md)`",
        "``a[i](j) ` b``",
        "[x](docs/spec)",
    ],
)
def test_what_is_no_claim_passes(tree: Path, text: str) -> None:
    append(tree, "README.md", f"\n{text}\n")
    assert findings(tree) == []


def test_equal_headings_are_numbered() -> None:
    text = "# A b\n## A b\n### `C`: [d](e.md)\n```\n# not one\n```\n"
    assert check_docs.anchors(text) == {"a-b", "a-b-1", "c-d"}


def test_old_help_is_named_and_refreshed(tree: Path) -> None:
    readme = tree / "README.md"
    readme.write_text(readme.read_text().replace("usage: adyton run FILE", "usage: old"))
    assert findings(tree) == ["README.md:7: help of `adyton run` is old; make docs ARGS=--write"]
    readme.write_text(check_docs.refresh_help(readme.read_text(), usage))
    assert findings(tree) == []
    assert HELP in readme.read_text()


def test_an_empty_help_block_is_filled() -> None:
    text = "a\n<!-- help: adyton verify -->\n<!-- /help -->\nb\n"
    assert check_docs.refresh_help(text, usage) == (
        "a\n<!-- help: adyton verify -->\n```text\nusage: adyton verify FILE\n```\n"
        "<!-- /help -->\nb\n"
    )


@pytest.mark.parametrize("mark", ["<!-- help: adyton run -->", "<!-- /help -->", "<!-- help -->"])
def test_a_help_mark_without_partner_is_named(tree: Path, mark: str) -> None:
    append(tree, "README.md", f"\n{mark}\n")
    assert "README.md: a help mark without its partner" in findings(tree)


def test_only_our_own_commands_are_run(tree: Path) -> None:
    with pytest.raises(ValueError, match="not a command"):
        check_docs.help_output(["rm", "-r"])
    append(tree, "README.md", "\n<!-- help: ls -->\n<!-- /help -->\n")
    lines = check_docs.check_docs(tree, check_docs.help_output)
    assert any("not a command of this project: ls" in line for line in lines)


def test_a_command_that_does_not_run_is_named() -> None:
    with pytest.raises(ValueError, match="does not run"):
        check_docs.help_output(["adyton", "no-such-noun"])


@pytest.mark.parametrize(
    ("cell", "finding"),
    [
        ("`src/b.py`", "no such path: src/b.py"),
        ("`tests/test_a.py::test_z`", "no such test: tests/test_a.py::test_z"),
        ("`tests/test_a.py::TestB::test_z`", "no such test: tests/test_a.py::TestB::test_z"),
        ("`tests/test_b.py::test_a`", "no such path: tests/test_b.py"),
    ],
)
def test_seeds_that_do_not_exist_are_named(tree: Path, cell: str, finding: str) -> None:
    append(tree, "docs/seeds.md", f"| T2 | {cell} |\n")
    assert findings(tree) == [f"docs/seeds.md:2: {finding}"]


@pytest.mark.parametrize(
    "cell", ["`src/`", "`tests/test_a.py::TestB::test_c`", "`tests/test_a.py::test_a[1]`"]
)
def test_seeds_that_exist_pass(tree: Path, cell: str) -> None:
    append(tree, "docs/seeds.md", f"| T2 | {cell} |\n")
    assert findings(tree) == []


def test_the_threat_model_names_tests_that_exist(tree: Path) -> None:
    model = tree / "docs" / "threat-model.md"
    model.write_text("| a claim | `tests/test_a.py::test_a` |\n")
    assert findings(tree) == []
    append(tree, "docs/threat-model.md", "| another | `tests/test_a.py::test_gone` |\n")
    named = "docs/threat-model.md:2: no such test: tests/test_a.py::test_gone"
    assert findings(tree) == [named]


def test_seeds_without_any_path_are_named(tree: Path) -> None:
    (tree / "docs" / "seeds.md").write_text("| T1 | later |\n")
    assert findings(tree) == ["docs/seeds.md: names no code and no test"]


def test_the_command_exits_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_docs.main([str(tmp_path)]) == 1
    assert "README.md: absent" in capsys.readouterr().err
