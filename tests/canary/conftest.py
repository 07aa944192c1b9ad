"""The sources without sealing, copied once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canary.unsealed import unsealed_source


@pytest.fixture(scope="session")
def unsealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds the package with sealing off."""
    return unsealed_source(tmp_path_factory.mktemp("unsealed") / "src")
