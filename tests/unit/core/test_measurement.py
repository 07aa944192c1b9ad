"""Manifest and measurement."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.contexts import Context
from adyton.core.crypto import prefixed
from adyton.core.errors import MalformedError
from adyton.core.measurement import AREAS, Entry, encode_manifest, measurement, parse_manifest

ENTRY = Entry("image", "adyton/core/x.py", False, b"\x01" * 48)
OTHER = Entry("stdlib", "os.py", True, b"\x02" * 48)

paths = st.from_regex(r"\A[ -.0-~]{1,8}(/[ -.0-~]{1,8}){0,2}\Z").filter(
    lambda path: not {".", ".."} & set(path.split("/"))
)
entries = st.builds(
    Entry, st.sampled_from(AREAS), paths, st.booleans(), st.binary(min_size=48, max_size=48)
)


@given(st.lists(entries, unique_by=lambda entry: (entry.area, entry.path)))
def test_a_manifest_has_one_encoding(listed: list[Entry]) -> None:
    encoded = encode_manifest(listed)
    assert parse_manifest(encoded) == tuple(sorted(listed))
    assert encode_manifest(reversed(listed)) == encoded


def test_the_manifest_is_as_documented() -> None:
    assert encode_manifest([OTHER, ENTRY]).decode() == (
        f"adyton-manifest/1\nimage - {'01' * 48} adyton/core/x.py\nstdlib x {'02' * 48} os.py\n"
    )


def test_the_measurement_is_as_documented() -> None:
    first = prefixed(b"image", b"adyton/core/x.py", b"\x00", b"\x01" * 48)
    second = prefixed(b"stdlib", b"os.py", b"\x01", b"\x02" * 48)
    expected = hashlib.sha384(prefixed(Context.MEASUREMENT.value) + prefixed(first, second))
    assert measurement([OTHER, ENTRY]) == expected.digest()


def test_everything_in_an_entry_changes_the_measurement() -> None:
    variants = [
        ENTRY,
        replace(ENTRY, area="stdlib"),
        replace(ENTRY, path="adyton/core/y.py"),
        replace(ENTRY, executable=True),
        replace(ENTRY, digest=b"\x03" * 48),
    ]
    lists = [[variant] for variant in variants] + [[], [ENTRY, OTHER]]
    assert len({measurement(listed) for listed in lists}) == len(lists)


@pytest.mark.parametrize(
    "path", ["", "/x", "x/", "x//y", "..", "../x", "x/../y", "./x", "x/.", "x\ny", "x\0", "é"]
)
def test_a_path_that_leaves_its_area_is_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        encode_manifest([replace(ENTRY, path=path)])


def test_a_file_named_twice_is_refused() -> None:
    with pytest.raises(MalformedError):
        encode_manifest([ENTRY, replace(ENTRY, digest=b"\x05" * 48)])


@pytest.mark.parametrize("digest", [b"", b"\x01" * 47, b"\x01" * 49])
def test_a_digest_of_another_size_is_refused(digest: bytes) -> None:
    with pytest.raises(MalformedError):
        encode_manifest([replace(ENTRY, digest=digest)])


GOOD = encode_manifest([ENTRY, OTHER])
FIRST, SECOND = GOOD.splitlines(keepends=True)[1:]


@pytest.mark.parametrize(
    "unverified",
    [
        pytest.param(b"", id="empty"),
        pytest.param(GOOD[:-1], id="no end of line"),
        pytest.param(GOOD + b"\n", id="an empty line"),
        pytest.param(GOOD.replace(b"/1\n", b"/2\n", 1), id="another version"),
        pytest.param(GOOD.replace(FIRST + SECOND, SECOND + FIRST), id="not sorted"),
        pytest.param(GOOD + SECOND, id="named twice"),
        pytest.param(GOOD.replace(b"image", b"other"), id="another area"),
        pytest.param(GOOD.replace(b" x ", b" X "), id="another flag"),
        pytest.param(GOOD.replace(b"01" * 48, b"0A" * 48), id="upper case"),
        pytest.param(GOOD.replace(b"01" * 48, b"01" * 47), id="a short digest"),
        pytest.param(GOOD.replace(b"\n", b"\r\n"), id="other line ends"),
        pytest.param(GOOD + b"image - \xff", id="not ASCII"),
    ],
)
def test_any_other_form_is_refused(unverified: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_manifest(unverified)
