"""Before a broker is asked for anything, the files are there that it knows a client by."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.client.opening import broker_identity, open_transport
from adyton.core.errors import UsageError


def test_which_file_is_missing_is_said_and_what_belongs_there(tmp_path: Path) -> None:
    files = tmp_path / "mqtt"
    files.mkdir()
    for name in ("ca.pem", "cert.pem", "key.pem"):
        with pytest.raises(UsageError, match=f"mqtt/{name} is missing.*ca.pem, cert.pem and key"):
            broker_identity(tmp_path)
        with pytest.raises(UsageError, match="is missing"):
            open_transport("mqtts://broker.example/gateway-1", tmp_path)
        (files / name).touch()
    assert broker_identity(tmp_path).key == files / "key.pem"
