"""ECDSA over P-256: published signatures, and what is no signature or key."""

import json
from typing import Any

import pytest

from adyton.core.errors import MalformedError, UsageError, VerificationError
from adyton.core.p256 import P256PublicKey, P256SigningKey
from tests.vectors_dir import vectors_dir

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# RFC 6979, appendix A.2.5.
SECRET = bytes.fromhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
SIGNED = bytes.fromhex(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)


def test_the_published_signature_is_made_and_verifies() -> None:
    key = P256SigningKey(SECRET)
    assert key.public.x.hex() == "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    assert key.public.y.hex() == "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    assert key.sign(b"sample") == SIGNED
    key.public.verify(SIGNED, b"sample")
    assert SECRET.hex() not in repr(key)


def test_wycheproof() -> None:
    suite = json.loads(
        vectors_dir("identity", "wycheproof", "ecdsa_secp256r1_sha256_p1363_test.json").read_text()
    )
    results: dict[str, int] = {}
    for group in suite["testGroups"]:
        point = bytes.fromhex(group["publicKey"]["uncompressed"])
        key = P256PublicKey(point[1:33], point[33:])
        for case in group["tests"]:
            results[case["result"]] = results.get(case["result"], 0) + 1
            signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
            if case["result"] == "valid":
                key.verify(signature, message)
            else:
                with pytest.raises(VerificationError):
                    key.verify(signature, message)
    assert results.keys() == {"valid", "invalid"}
    assert sum(results.values()) == suite["numberOfTests"]


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        SIGNED[:-1],
        SIGNED + b"\0",
        bytes(64),
        SIGNED[:32] + bytes(32),
        bytes(32) + SIGNED[32:],
        SIGNED[:32] + ORDER.to_bytes(32, "big"),
        b"\xff" * 64,
        SIGNED[32:] + SIGNED[:32],
    ],
)
def test_what_is_no_signature(signature: bytes) -> None:
    with pytest.raises(VerificationError) as caught:
        P256SigningKey(SECRET).public.verify(signature, b"sample")
    assert caught.value.code == "bad_signature"


def test_another_message() -> None:
    with pytest.raises(VerificationError):
        P256SigningKey(SECRET).public.verify(SIGNED, b"sampl")


@pytest.mark.parametrize(
    ("x", "y"),
    [(bytes(32), bytes(32)), (b"\1" * 32, b"\1" * 32), (b"\xff" * 32, bytes(32)), (b"", b"")],
)
def test_what_is_no_point(x: bytes, y: bytes) -> None:
    with pytest.raises(MalformedError):
        P256PublicKey(x, y)


@pytest.mark.parametrize(
    "secret", [bytes(32), ORDER.to_bytes(32, "big"), b"\xff" * 32, b"\1" * 31, b"\1" * 33, b""]
)
def test_what_is_no_private_key(secret: Any) -> None:
    with pytest.raises(UsageError):
        P256SigningKey(secret)
