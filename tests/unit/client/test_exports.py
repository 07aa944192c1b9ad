"""What the package offers is there, under its name."""

import pytest

import adyton.client


@pytest.mark.parametrize("name", adyton.client.__all__)
def test_every_name_that_is_offered_is_there(name: str) -> None:
    assert getattr(adyton.client, name).__name__ == name


def test_nothing_else_is() -> None:
    assert sorted(adyton.client.__all__) == sorted(adyton.client._HOME)
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = adyton.client.absent
