"""A value met at load is decoded once for all parts, and only as what it is."""

import pytest

from adyton.core.errors import MalformedError
from adyton.enclave.members import Member
from adyton.enclave.state import Loaded
from adyton.protocol.notary import Notarize


def test_a_value_is_decoded_once() -> None:
    loaded = Loaded("app", b"name", Member("runner", 7).encode())
    first = loaded.message(Member)
    assert first == Member("runner", 7)
    assert loaded.message(Member) is first


def test_a_value_is_never_another_message() -> None:
    loaded = Loaded("app", b"name", Member("runner", 7).encode())
    loaded.message(Member)
    with pytest.raises(MalformedError):
        loaded.message(Notarize)
    assert loaded.message(Member) == Member("runner", 7)
