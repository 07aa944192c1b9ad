"""What every test has: the skip policy, the vectors, and a quiet, equal environment."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import skip_policy
from tests.vectors_dir import vectors_dir

# No deadline: two workers share two cores with the servers they start. The seed is fixed under
# CI by derandomize, so that a red run can be had again; locally every run explores.
_LOCAL = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("local", _LOCAL)
settings.register_profile("ci", _LOCAL, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "local")


def pytest_configure(config: pytest.Config) -> None:
    """Put the skip policy in force."""
    skip_policy.register(config, Path(__file__).with_name("expected-skips.txt"))


@pytest.fixture(scope="session")
def published_vectors() -> Path:
    """The directory of published vectors; skips visibly when it is absent."""
    return vectors_dir()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own ADYTON_* settings never change what a test means."""
    for name in ("ADYTON_SERVER", "ADYTON_HOME", "ADYTON_ALLOW_SIMULATED"):
        monkeypatch.delenv(name, raising=False)
