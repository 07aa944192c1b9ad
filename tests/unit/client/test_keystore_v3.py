"""Keystore files of others are read, and ours are read by others; what is not one is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.client.keystore_v3 import decrypt, encrypt
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.signature import public_key
from tests.wallet_vectors import cases, unhex

SECRET = b"\x46" * 32
LOW_N = 2**12


@pytest.mark.parametrize("case", cases("ethtests-keystore"), ids=lambda case: case["name"])
def test_published_files(case: dict[str, Any]) -> None:
    file = json.dumps(case["json"]).encode()
    assert decrypt(file, case["password"]) == unhex(case["priv"])
    with pytest.raises(UsageError, match="password"):
        decrypt(file, case["password"] + " ")


@pytest.mark.parametrize("case", cases("ethers-wallets"), ids=lambda case: case["name"])
def test_files_of_another_library(case: dict[str, Any]) -> None:
    file, password = case["content"].encode(), unhex(case["password"]).decode()
    if case["type"] == "crowdsale":  # a sale of 2014, whose files are of another form
        with pytest.raises(UsageError, match="its version is not 3"):
            decrypt(file, password)
        return
    assert checksummed(address_of(public_key(decrypt(file, password)))) == case["address"]


def test_what_is_written_is_read() -> None:
    file = encrypt(SECRET, "päss wörd", n=LOW_N)
    assert decrypt(file, "päss wörd") == SECRET
    assert SECRET.hex() not in file.decode()
    assert file != encrypt(SECRET, "päss wörd", n=LOW_N)
    told = json.loads(file)
    assert told["address"] == "9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
    capital = {("Crypto" if name == "crypto" else name): value for name, value in told.items()}
    assert decrypt(json.dumps(capital).encode(), "päss wörd") == SECRET
    with pytest.raises(UsageError, match="empty password"):
        encrypt(SECRET, "", n=LOW_N)


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("version", 1, "version is not 3"),
        ("address", "00" * 20, "address is not that of the key"),
        ("crypto", [], "no 'crypto'"),
        ("crypto.cipher", "aes-256-gcm", "cipher"),
        ("crypto.cipherparams.iv", "00", "one key"),
        ("crypto.cipherparams.iv", "0", "not hex"),
        ("crypto.ciphertext", "00" * 32, "altered"),
        ("crypto.mac", "00" * 32, "altered"),
        ("crypto.kdf", "argon2", "neither scrypt nor pbkdf2"),
        ("crypto.kdfparams.n", 2**24, "MiB"),
        ("crypto.kdfparams.n", 3, "scrypt"),
        ("crypto.kdfparams.n", True, "'n'"),
        ("crypto.kdfparams.r", 0, "scrypt"),
        ("crypto.kdfparams.p", 10**9, "scrypt"),
        ("crypto.kdfparams.dklen", 64, "length"),
        ("crypto.kdfparams.salt", 7, "'salt'"),
        ("crypto.kdf", "pbkdf2", "'c'"),
    ],
)
def test_what_is_no_such_file_is_refused(path: str, value: Any, match: str) -> None:
    file = json.loads(encrypt(SECRET, "word", n=LOW_N))
    *inner, last = path.split(".")
    at = file
    for name in inner:
        at = at[name]
    at[last] = value
    with pytest.raises(UsageError, match=match):
        decrypt(json.dumps(file).encode(), "word")


def test_what_is_no_json_or_too_much_of_it_is_refused() -> None:
    for wrong in (b"", b"[]", b"{", b'{"version": 3, "version": 3}', b" " * 70_000):
        with pytest.raises(UsageError, match="not a keystore file"):
            decrypt(wrong, "word")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just("00" * 32),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ("version", "crypto", "kdf", "kdfparams", "cipher", "cipherparams", "mac", "salt")
            ),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=99) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_no_such_file_is_refused_as_such(unverified: bytes) -> None:
    with pytest.raises(UsageError):
        decrypt(unverified, "word")
