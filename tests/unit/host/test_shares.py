"""What one address may have of the server, and the limit of open files."""

import resource

import pytest

from adyton.core.errors import UnavailableError
from adyton.host import bounds
from adyton.host.descriptors import connections_within, raise_file_limit
from adyton.host.shares import Places, Rate, network_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%lo", "fe80::1", True),
        ("no:address", "none:either", False),
        ("", "", True),
    ],
)
def test_a_client_is_counted_by_its_network(one: str, other: str, same: bool) -> None:
    assert (network_of(one) == network_of(other)) is same


def test_one_address_does_not_take_all_places() -> None:
    places = Places(most=3, each=2, what="of these")
    places.take("a")
    places.take("a")
    with pytest.raises(UnavailableError, match="too many of these") as caught:
        places.take("a")
    assert caught.value.code == "overloaded"
    with places.held("b"):
        for address in "abc":
            with pytest.raises(UnavailableError):
                places.take(address)
    places.free("a")
    with pytest.raises(KeyError), places.held("c"):
        raise KeyError
    places.take("a")
    assert places.count == 2
    places.free("a")
    places.free("a")
    assert places.count == 0


def test_a_rate_holds_for_each_address_and_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rate = Rate(each=3, most=5)
    for _ in range(3):
        rate.take("a")
    for _ in range(9):  # what is refused takes nothing from others
        with pytest.raises(UnavailableError):
            rate.take("a")
    rate.take("b")
    rate.take("c")
    with pytest.raises(UnavailableError):
        rate.take("d")
    now = 11.0
    for _ in range(3):
        rate.take("a")


def test_the_table_of_a_rate_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 10.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    rate = Rate(each=1, most=100)
    for second in range(20):
        now = 10.0 + second
        for number in range(100):
            rate.take(f"{second}.{number}")
        with pytest.raises(UnavailableError):
            rate.take("one more")
        assert len(rate._by_address) == 100


def test_the_soft_limit_of_files_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = min(512, before[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        monkeypatch.setattr(bounds, "FILES", soft + 1)
        raised = raise_file_limit()
        assert raised == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert raised == min(soft + 1, before[1])
        monkeypatch.setattr(bounds, "FILES", soft - 1)  # never lowered
        assert raise_file_limit() == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_connections_leave_files_to_the_rest() -> None:
    assert connections_within(1 << 20) == bounds.CONNECTIONS
    assert connections_within(1024) == 1024 - bounds.SPARE_FILES
    assert connections_within(3) == 1
