"""What a nonce holds of its limits: packed as it is read again."""

from hypothesis import given
from hypothesis import strategies as st

from adyton.enclave.wallet.records import pack_charges, unpack_charges

amounts = st.dictionaries(
    st.binary(min_size=32, max_size=32), st.integers(0, 2**256 - 1), max_size=32
)


@given(amounts)
def test_charges_are_unpacked_as_they_were_packed(charges: dict[bytes, int]) -> None:
    packed = pack_charges(charges)
    assert unpack_charges(packed) == charges
    assert packed == pack_charges(dict(sorted(charges.items(), reverse=True)))
    assert len(packed) <= 32 * 65
