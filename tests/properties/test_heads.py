"""What strangers send of a chain: heads and conflicts, of any bytes."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from adyton.client.certificate import CertificatePolicy
from adyton.client.chain_head import PREFIX, head_text, parse_head
from adyton.client.conflict import verify_conflict
from adyton.core.errors import Error, MalformedError
from adyton.protocol.conflict import ChainConflict, ChainHead
from tests.message_forms import strategy

POLICY = CertificatePolicy(
    fingerprints=frozenset({bytes(32)}),
    kinds=frozenset({"simulated"}),
    allow_simulated=True,
    least_ordering="single-host",
    max_evidence_age_ms=0,
    allow_stale=False,
)


@given(strategy(ChainHead), st.integers(1, 200))
def test_a_head_comes_back_however_it_is_broken(head: ChainHead, width: int) -> None:
    text = head_text(head)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    assert parse_head("\r\n ".join(lines)) == head


@given(st.one_of(st.text(), st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode())))
def test_any_text_is_a_head_or_malformed(text: str) -> None:
    for given_ in (text, PREFIX + text):
        try:
            head = parse_head(given_)
        except MalformedError:
            continue
        assert head_text(head) == "".join(given_.split())


@given(st.one_of(st.binary(max_size=400), strategy(ChainConflict).map(ChainConflict.encode)))
def test_any_bytes_accuse_nobody(unverified: bytes) -> None:
    try:
        verify_conflict(unverified, policy=POLICY, now_ms=0)
    except Error:
        return
    raise AssertionError("made-up bytes verify")
