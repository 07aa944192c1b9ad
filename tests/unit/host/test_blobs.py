"""Blobs: whole, named by their hash, within their quota, and no path but their own."""

import os
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.core.errors import MalformedError, UnavailableError, UsageError
from adyton.host.blobs import RESULT, UPLOAD, BlobStore
from adyton.protocol.task import blob_id


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs", quota=1000)


def files(blobs: BlobStore) -> list[str]:
    return sorted(path.name for path in blobs.root.rglob("*") if path.is_file())


def upload(blobs: BlobStore, data: bytes) -> bytes:
    writer = blobs.writer(blob_id(data))
    writer.write(data)
    writer.finish()
    return blob_id(data)


def test_an_upload_appears_when_it_is_whole(blobs: BlobStore) -> None:
    data = b"some ciphertext"
    id_ = blob_id(data)
    writer = blobs.writer(id_)
    writer.write(data[:5])
    assert blobs.chunk(id_, 0) is None
    writer.write(data[5:])
    writer.finish()
    assert (blobs.chunk(id_, 0), blobs.chunk(id_, 5), blobs.chunk(id_, 99)) == (data, data[5:], b"")
    assert (files(blobs), blobs.used, blobs.writers) == ([id_.hex()], len(data), 0)


def test_another_content_is_refused(blobs: BlobStore) -> None:
    writer = blobs.writer(blob_id(b"one"))
    writer.write(b"two")
    with pytest.raises(MalformedError, match="hash"):
        writer.finish()
    assert (files(blobs), blobs.used, blobs.writers) == ([], 0, 0)


def test_the_same_blob_twice_counts_once(blobs: BlobStore) -> None:
    upload(blobs, b"x" * 400)
    upload(blobs, b"x" * 400)
    assert (blobs.used, blobs.writers) == (400, 0)


def test_the_quota_holds(blobs: BlobStore) -> None:
    id_ = upload(blobs, b"x" * 900)
    writer = blobs.writer(blob_id(b"y" * 200))
    with pytest.raises(UnavailableError) as caught:
        writer.write(b"y" * 200)
    assert caught.value.code == "overloaded"
    writer.abandon()
    blobs.drop(id_)
    assert blobs.used == 0
    upload(blobs, b"y" * 200)


def test_one_blob_is_bounded(tmp_path: Path) -> None:
    writer = BlobStore(tmp_path).writer(bytes(32))
    writer.size = limits.BLOB + 4096
    with pytest.raises(MalformedError) as caught:
        writer.write(b"x")
    assert caught.value.code == "too_large"


def test_too_many_uploads_are_refused(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    writers = [blobs.writer(bytes(32)) for _ in range(16)]
    with pytest.raises(UnavailableError):
        blobs.writer(bytes(32))
    writers[0].abandon()
    blobs.writer(bytes(32))


def test_a_result_comes_in_parts_in_order(blobs: BlobStore) -> None:
    data = b"0123456789"
    id_ = blob_id(data)
    blobs.put(id_, 0, data[:4], last=False)
    with pytest.raises(UsageError):
        blobs.put(id_, 5, data[5:], last=True)
    with pytest.raises(UsageError):
        blobs.put(id_, 4, data[4:], last=True)  # the first part is gone with the mistake
    blobs.put(id_, 0, data[:3], last=False)
    blobs.put(id_, 0, data[:4], last=False)  # begun anew
    blobs.put(id_, 4, data[4:], last=True)
    assert blobs.chunk(id_, 2) == data[2:]
    # A result is part of the record: it takes no room from uploads, and is not dropped.
    assert (files(blobs), blobs.used, blobs.writers) == ([id_.hex()], 0, 0)
    blobs.drop(id_)
    assert (blobs.root / RESULT / id_.hex()).exists()


def test_a_drop_removes_an_upload(blobs: BlobStore) -> None:
    id_ = upload(blobs, b"x" * 300)
    blobs.drop(id_)
    blobs.drop(id_)
    assert (files(blobs), blobs.used) == ([], 0)


def test_no_id_leads_out_of_the_folder(blobs: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    for id_ in (b"../../secret", b"..", b"/etc/passwd", b"\x00"):
        assert blobs.path(id_) is None
        assert blobs.chunk(id_, 0) is None


def test_a_restart_counts_what_is_there_and_removes_fragments(blobs: BlobStore) -> None:
    upload(blobs, b"x" * 300)
    blobs.writer(bytes(32)).write(b"fragment")
    again = BlobStore(blobs.root, quota=1000)
    assert (again.used, len(files(again))) == (300, 1)


def test_old_blobs_are_swept_unless_asked_for(blobs: BlobStore) -> None:
    kept, old = upload(blobs, b"kept"), upload(blobs, b"old")
    result = b"result"
    blobs.put(blob_id(result), 0, result, last=True)
    now = 2_000_000_000.0
    for path in blobs.root.rglob("*"):
        if path.is_file():
            os.utime(path, (now, now))
    later = now + limits.BLOB_LIFETIME_S + 1
    os.utime(blobs.root / UPLOAD / kept.hex(), (later, later))
    assert blobs.sweep(later) == 1
    assert not (blobs.root / UPLOAD / old.hex()).exists()
    assert (blobs.root / RESULT / blob_id(result).hex()).exists()
    assert blobs.used == len(b"kept")
    assert blobs.sweep(later + 31 * 24 * 3600) == 1
    assert blobs.used == 0
    assert (blobs.root / RESULT / blob_id(result).hex()).exists()  # results stay
