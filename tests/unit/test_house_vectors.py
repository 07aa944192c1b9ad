"""No published vectors of wallets lie unread."""

from __future__ import annotations

from tests.vectors_dir import ROOT, vectors_dir


def test_each_file_of_vectors_is_named_by_a_test() -> None:
    names = {path.name.split(".")[0] for path in vectors_dir("wallet").glob("*.json*")}
    assert len(names) > 20
    texts = [path.read_text() for path in (ROOT / "tests").glob("**/test_*.py")]
    assert not {name for name in names if not any(f'"{name}' in text for text in texts)}
