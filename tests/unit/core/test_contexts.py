"""Contexts: unique, of one form, each in use and none used bare."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from adyton.core.contexts import Context
from adyton.core.crypto import prefixed

ROOT = Path(__file__).resolve().parents[3]
SOURCE = ROOT / "src" / "adyton"
KINDS = {"hash": "", "mac": "", "sign": "SIGN_", "kdf": "KDF_", "hpke": "HPKE_", "ad": "AD_"}
# What may take a context as its first or second argument, by the kind of context.
TAKERS = {
    "hash": {"digest", "digest512", "mac", "prefixed"},
    "mac": {"mac"},
    "sign": {"sign", "verify"},
    "kdf": {"derive", "SivKey", "mac"},
    "hpke": {"hpke_seal", "open"},
    "ad": {"seal", "open"},
}


@cache
def uses() -> list[tuple[str, str]]:
    """Return context name and called function of every use as a direct argument in the source."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            for argument in node.args:
                for inner in ast.walk(argument) if not isinstance(argument, ast.Call) else ():
                    if (
                        isinstance(inner, ast.Attribute)
                        and isinstance(inner.value, ast.Name)
                        and inner.value.id == "Context"
                    ):
                        name = node.func
                        called = name.attr if isinstance(name, ast.Attribute) else ast.unparse(name)
                        found.append((inner.attr, called))
    return found


@cache
def mentioned() -> set[str]:
    """Return the name of every context that the source mentions, outside of the registry."""
    texts = [p.read_text() for p in SOURCE.rglob("*.py") if p.name != "contexts.py"]
    return set(re.findall(r"\bContext\.([A-Z_0-9]+)\b", "\n".join(texts)))


def test_values_are_unique() -> None:
    values = [member.value for member in Context.__members__.values()]
    assert len(values) == len(set(values)) == len(Context)


@pytest.mark.parametrize("context", Context)
def test_form_and_name(context: Context) -> None:
    match = re.fullmatch(rb"adyton/1/(hash|mac|sign|kdf|hpke|ad)/([A-Za-z-]+)", context.value)
    assert match is not None
    assert context.name.startswith(KINDS[match[1].decode()])
    if match[1] == b"hash":
        assert not context.name.startswith(tuple(prefix for prefix in KINDS.values() if prefix))


def test_no_context_is_the_prefix_of_another_once_it_is_used() -> None:
    used = [prefixed(context.value) for context in Context]
    for one in used:
        assert [other for other in used if other.startswith(one)] == [one]


@pytest.mark.parametrize("context", Context)
def test_each_context_is_used(context: Context) -> None:
    assert context.name in mentioned()


def test_nothing_mentions_a_context_that_is_not_registered() -> None:
    assert mentioned() <= set(Context.__members__)


def test_contexts_are_given_to_the_primitive_they_are_for() -> None:
    wrong = []
    for name, called in uses():
        kind = Context[name].value.split(b"/")[2].decode()
        known = set().union(*TAKERS.values())
        if called in known and called not in TAKERS[kind]:
            wrong.append((name, called))
    assert not wrong
    assert len(uses()) > 50


def test_no_context_string_is_spelled_outside_the_registry() -> None:
    for path in SOURCE.rglob("*.py"):
        if path.name != "contexts.py":
            assert not re.search(r"[\"']adyton/1/", path.read_text()), path


def test_the_simulated_platform_says_so_in_its_contexts() -> None:
    assert b"NOT-HARDWARE" in Context.KDF_SEALING_SIMULATED.value
    assert b"NOT-HARDWARE" not in Context.KDF_SEALING.value
