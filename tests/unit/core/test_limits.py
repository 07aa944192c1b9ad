"""Bounds that must fit into each other; what does not fit could never be delivered."""

from adyton.core import limits
from adyton.core.crypto import HPKE_OVERHEAD, SIV_OVERHEAD
from adyton.protocol import boundary, reverse
from adyton.protocol.envelope import PADDED_LEAST
from adyton.protocol.padding import size_class


def test_what_travels_inside_an_envelope_fits() -> None:
    request = limits.ARGUMENTS_BYTES + 1024
    padded = size_class(request + 4, least=PADDED_LEAST)
    assert padded + HPKE_OVERHEAD + 256 <= limits.ENVELOPE
    assert limits.INLINE + 4096 <= limits.ARGUMENTS_BYTES
    assert limits.ENVELOPE <= limits.ENTRY


def test_a_result_that_stays_inline_fits_its_finish_and_its_entry() -> None:
    sealed = size_class(limits.RESULT_INLINE + 4, least=limits.RESULT_MIN) + SIV_OVERHEAD
    assert sealed <= 2 * limits.RESULT_INLINE
    assert sealed + 16 * limits.KIB <= limits.ENTRY
    assert limits.ENTRY <= limits.PUBLIC_PART


def test_a_block_fits_a_frame() -> None:
    assert limits.BLOCK_BYTES + limits.BLOCK_ENTRIES * 8 < limits.FRAME
    assert boundary.ApplyBlock.MAX_BYTES <= limits.FRAME
    assert boundary.BlockResult.MAX_BYTES <= limits.FRAME
    assert limits.STATE_PAGE_BYTES + limits.STATE_VALUE < limits.FRAME
    assert limits.PAGE_BYTES + limits.PUBLIC_PART < limits.FRAME


def test_every_message_of_the_channel_fits_a_frame() -> None:
    for classes in (boundary.HOST_REQUESTS, reverse.ENCLAVE_REQUESTS):
        for cls in classes.values():
            assert cls.MAX_BYTES <= limits.FRAME


def test_what_a_task_may_ask_for_fits_its_result() -> None:
    assert 2 * limits.TASK_OUTPUT + limits.TASK_OUTPUTS < limits.BLOB
    assert limits.BLOB_BYTES_PER_TASK >= limits.BLOB
    assert limits.TASK_INPUTS + 2 >= limits.BLOBS_PER_TASK


def test_a_proof_of_the_greatest_log_fits() -> None:
    assert limits.UINT_MAX.bit_length() <= limits.PROOF_NODES
    assert limits.RECEIPT >= 400 + 34 * 32
    assert limits.TICKET == 16 + 32 + 16
