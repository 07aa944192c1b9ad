"""base64url: one text for each byte string."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import CredentialError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.reasons import Reason
from tests.credential_kit import refusal


@given(st.binary(max_size=80))
def test_round_trip(value: bytes) -> None:
    text = base64url.encode(value)
    assert text == base64.urlsafe_b64encode(value).decode().rstrip("=")
    assert base64url.decode(text, "it") == value


@given(st.text(alphabet="AQgwBCab019-_+/= \n~é", max_size=9))
def test_what_is_read_is_what_would_be_written(text: str) -> None:
    try:
        value = base64url.decode(text, "it")
    except CredentialError:
        return
    assert base64url.encode(value) == text


@pytest.mark.parametrize(
    "text",
    [
        *("A", "AAAAA", "AA==", "AAA=", "QQ=", "=", "AB", "AAB", "QR", "QUJ", "QUJDR"),
        *("AA AA", " AAAA", "AAAA ", "AAAA\n", "AA\r\nAA", "A+AA", "A/AA", "A.AA", "AA~A"),
        *("AAAé", "AAA\0", "AA١A", "ＡＡＡＡ"),
    ],
)
def test_another_text_of_the_same_bytes_is_refused(text: str) -> None:
    with refusal(Reason.BASE64URL):
        base64url.decode(text, "it")
