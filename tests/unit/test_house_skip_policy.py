"""The skip policy: a listed skip stands, an unlisted one fails, one that can be installed fails."""

from pathlib import Path

import pytest

from tests import skip_policy
from tests.skip_policy import Allowance, Skip

ROOT = Path(__file__).resolve().parents[2]

CONFTEST = """
import pathlib, sys
sys.path.insert(0, {root!r})
from tests import skip_policy

def pytest_configure(config):
    skip_policy.register(config, pathlib.Path({list!r}))
"""

LISTED = "* :: no radio here\n"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """An empty suite under the policy, in a user's surroundings."""
    allowed = pytester.makefile(".txt", allowed=LISTED)
    pytester.makeconftest(CONFTEST.format(root=str(ROOT), list=str(allowed)))
    monkeypatch.setenv("CI", "")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return pytester


def test_a_listed_skip_stands(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\ndef test_a(): pytest.skip('no radio here')")
    assert suite.runpytest().ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\ndef test_a(): pytest.skip('too lazy')\ndef test_b(): pass",
        "import pytest\n@pytest.mark.skip(reason='too lazy')\ndef test_a(): pass",
        "import pytest\n@pytest.mark.skipif(True, reason='too lazy')\ndef test_a(): pass",
        "import pytest\n@pytest.mark.xfail(reason='too lazy')\ndef test_a(): raise ValueError",
        "import pytest\n@pytest.mark.xfail(reason='too lazy', strict=False)\ndef test_a(): pass",
        (
            "import unittest\n@unittest.skip('too lazy')\n"
            "class TestA(unittest.TestCase):\n    def test_a(self): pass"
        ),
        (
            "import pytest\n@pytest.fixture\ndef gone(): pytest.skip('too lazy')\n"
            "def test_a(gone): pass"
        ),
    ],
    ids=["call", "mark", "skipif", "xfail", "xpass", "unittest", "fixture"],
)
def test_an_unlisted_skip_fails_the_session(suite: pytest.Pytester, source: str) -> None:
    suite.makepyfile(source)
    result = suite.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*skips that may not stand*", "*too lazy (not listed)"])


def test_a_module_that_skips_itself_is_met(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_one="import pytest\npytest.skip('too lazy', allow_module_level=True)",
        test_two="def test_b(): pass",
    )
    result = suite.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["test_one.py :: too lazy (not listed)"])


def test_importorskip_is_met(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_one="import pytest\npytest.importorskip('no_such_module')",
        test_two="def test_b(): pass",
    )
    assert suite.runpytest().ret == pytest.ExitCode.TESTS_FAILED


def test_workers_skips_are_met_once(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_one="import pytest\npytest.skip('asleep', allow_module_level=True)",
        test_two="import pytest\ndef test_b(): pytest.skip('too lazy')\ndef test_c(): pass",
    )
    result = suite.runpytest_subprocess("-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str()
    assert "test_one.py :: asleep" in text
    assert text.count("test_two.py::test_b :: too lazy") == 1


def test_a_listed_skip_stands_under_workers(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        "import pytest\ndef test_b(): pytest.skip('no radio here')\ndef test_c(): pass"
    )
    assert suite.runpytest_subprocess("-n", "2").ret == pytest.ExitCode.OK


def test_a_failed_session_keeps_its_status(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\npytest.skip('too lazy', allow_module_level=True)")
    assert suite.runpytest().ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("ci", "uid", "status"),
    [
        ("", 1000, pytest.ExitCode.OK),
        ("true", 1000, pytest.ExitCode.TESTS_FAILED),
        ("", 0, pytest.ExitCode.TESTS_FAILED),
    ],
)
def test_what_can_be_installed_must_be(
    suite: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    ci: str,
    uid: int,
    status: pytest.ExitCode,
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("os.geteuid", lambda: uid)
    (suite.path / "allowed.txt").write_text("* :: missing installable: *\n")
    suite.makepyfile("import pytest\ndef test_a(): pytest.skip('missing installable: gcc')")
    assert suite.runpytest().ret == status


def test_a_malformed_or_absent_list_is_refused(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_a(): pass")
    (suite.path / "allowed.txt").write_text("test_a.py::test_a\n")
    assert suite.runpytest().ret == pytest.ExitCode.USAGE_ERROR
    (suite.path / "allowed.txt").unlink()
    assert suite.runpytest().ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("line", ["a.py", "a.py ::", "a.py :: ", " :: why", "a.py :: *", "a::b"])
def test_every_line_gives_its_reason(line: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        skip_policy.parse_allowances(line)


def test_the_list_of_this_repository_is_well_formed() -> None:
    text = (ROOT / "tests" / "expected-skips.txt").read_text("utf-8")
    assert skip_policy.parse_allowances(text)


@pytest.mark.parametrize(
    ("text", "pattern", "like"),
    [
        ("a.py::t[x-1]", "a.py::t[x-1]", True),
        ("a.py::tx", "a.py::t[x-1]", False),
        ("a.py::t", "a.py::*", True),
        ("ab", "a*b*", True),
        ("aXbY", "a*b*Y", True),
        ("aa", "a*aa", False),
        ("abc", "*b", False),
        ("abc", "abc*", True),
        ("", "*", True),
        ("b", "a*", False),
    ],
)
def test_patterns(text: str, pattern: str, like: bool) -> None:
    assert skip_policy.is_like(text, pattern) is like


def test_both_node_and_reason_have_to_match() -> None:
    allowance = Allowance("a.py::*", "no radio here")
    assert allowance.covers(Skip("a.py::t", "no radio here"))
    assert not allowance.covers(Skip("b.py::t", "no radio here"))
    assert not allowance.covers(Skip("a.py::t", "no radio here, and it rains"))


def test_strictness() -> None:
    assert skip_policy.is_strict({}, 0)
    assert skip_policy.is_strict({"CI": "true"}, 1000)
    assert not skip_policy.is_strict({"CI": "1"}, 1000)
