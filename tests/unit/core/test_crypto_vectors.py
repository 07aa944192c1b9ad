"""Published vectors: RFC 5297, 5869, 8032, 9180, and Wycheproof where it lies beside the repository.

`tests/unit/core/references.py` is judged by the RFCs' vectors, and our primitives by it and by them.
"""

import json
from hashlib import sha512
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from adyton.core.crypto import SigningKey, verify_raw
from adyton.core.errors import VerificationError
from tests.unit.core import references
from tests.vectors_dir import vectors_dir

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19


def test_rfc_5297_deterministic_encryption() -> None:
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    associated = bytes.fromhex("101112131415161718191a1b1c1d1e1f2021222324252627")
    text = bytes.fromhex("112233445566778899aabbccddee")
    sealed = "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"
    assert references.siv_seal(key, text, associated).hex() == sealed
    assert AESSIV(key).encrypt(text, [associated]).hex() == sealed


def test_rfc_5297_several_associated_strings() -> None:
    key = bytes.fromhex("7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f")
    first = bytes.fromhex(
        "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100"
    )
    associated = [
        first,
        bytes.fromhex("102030405060708090a0"),
        bytes.fromhex("09f911029d74e35bd84156c5635688c0"),
    ]
    text = b"this is some plaintext to encrypt using SIV-AES"
    sealed = (
        "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17"
        "dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d"
    )
    assert references.siv_seal(key, text, *associated).hex() == sealed
    assert AESSIV(key).encrypt(text, associated).hex() == sealed


@pytest.mark.parametrize(
    ("secret", "salt", "info", "expected"),
    [
        (
            "0b" * 22,
            "000102030405060708090a0b0c",
            "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "0b" * 22,
            "",
            "",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_rfc_5869(secret: str, salt: str, info: str, expected: str) -> None:
    made = references.hkdf(bytes.fromhex(secret), bytes.fromhex(info), 42, bytes.fromhex(salt))
    assert made.hex() == expected


RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public.hex() == public
    assert key.sign_raw(bytes.fromhex(message)).hex() == signature
    verify_raw(key.public, bytes.fromhex(signature), bytes.fromhex(message))


@pytest.mark.parametrize("times", [1, 2, 15])
def test_a_signature_whose_s_is_not_reduced_is_refused(times: int) -> None:
    _, public, message, signature = RFC_8032[2]
    good = bytes.fromhex(signature)
    scalar = int.from_bytes(good[32:], "little") + times * GROUP_ORDER
    if scalar >= 2**256:
        pytest.fail("not a scalar of 32 bytes")
    malleable = good[:32] + scalar.to_bytes(32, "little")
    with pytest.raises(VerificationError):
        verify_raw(bytes.fromhex(public), malleable, bytes.fromhex(message))


# Points of order 1, 2, 4 and 8, some in a second, non-canonical form.
SMALL_ORDER = [
    (1).to_bytes(32, "little"),
    (FIELD - 1).to_bytes(32, "little"),
    bytes(32),
    bytes(31) + b"\x80",
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
    (FIELD + 1).to_bytes(32, "little"),
    FIELD.to_bytes(32, "little"),
]


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_a_public_key_of_small_order_is_refused(public: bytes) -> None:
    # Under such a key, R = identity and S = 0 satisfies the equation for one message in eight or more.
    for first in SMALL_ORDER:
        for number in range(8):
            with pytest.raises(VerificationError):
                verify_raw(public, first + bytes(32), bytes([number]))


def test_a_signature_whose_r_is_of_small_order_is_refused() -> None:
    # S = k·a with R the identity: valid by the equation without cofactor checks on R.
    seed, public = RFC_8032[0][:2]
    digest = sha512(bytes.fromhex(seed)).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    first = (1).to_bytes(32, "little")
    hashed = sha512(first + bytes.fromhex(public) + b"m").digest()
    product = int.from_bytes(hashed, "little") * scalar % GROUP_ORDER
    with pytest.raises(VerificationError):
        verify_raw(bytes.fromhex(public), first + product.to_bytes(32, "little"), b"m")


def test_rfc_9180_our_suite() -> None:
    # RFC 9180's published vectors, mode base, X25519, HKDF-SHA256, AES-256-GCM, sequence number 0.
    secret = bytes.fromhex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d")
    enc = bytes.fromhex("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256")
    sealed = bytes.fromhex(
        "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a"
    )
    info = b"Ode on a Grecian Urn"
    opened = references.hpke_open(secret, enc + sealed, info, b"Count-0")
    assert opened == b"Beauty is truth, truth beauty"


def wycheproof(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return group and test of every case, or skip visibly where the vectors are absent."""
    groups = json.loads(vectors_dir("identity", "wycheproof", name).read_text())["testGroups"]
    return [(group, test) for group in groups for test in group["tests"]]


def test_rfc_9180_every_vector_of_our_suite() -> None:
    vectors = json.loads(vectors_dir("identity", "hpke", "test-vectors.json").read_text())
    ours = [
        v for v in vectors if (v["mode"], v["kem_id"], v["kdf_id"], v["aead_id"]) == (0, 32, 1, 2)
    ]
    assert ours
    for vector in ours:
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
        enc = bytes.fromhex(vector["enc"])
        point = private.exchange(X25519PublicKey.from_public_bytes(enc))
        key, nonce = references.hpke_key(
            point, enc, bytes.fromhex(vector["pkRm"]), bytes.fromhex(vector["info"])
        )
        assert (key.hex(), nonce.hex()) == (vector["key"], vector["base_nonce"])
        for case in vector["encryptions"]:
            opened = AESGCM(key).decrypt(
                bytes.fromhex(case["nonce"]), bytes.fromhex(case["ct"]), bytes.fromhex(case["aad"])
            )
            assert opened.hex() == case["pt"]


def test_wycheproof_ed25519() -> None:
    for group, test in wycheproof("ed25519_test.json"):
        arguments = [
            bytes.fromhex(text) for text in (group["publicKey"]["pk"], test["sig"], test["msg"])
        ]
        if test["result"] == "valid":
            verify_raw(*arguments)
            continue
        with pytest.raises(VerificationError):
            verify_raw(*arguments)


def test_wycheproof_siv() -> None:
    for _, test in wycheproof("aes_siv_cmac_test.json"):
        key, associated, text, sealed = (
            bytes.fromhex(test[name]) for name in ("key", "aad", "msg", "ct")
        )
        if len(key) != 64 or test["result"] != "valid":
            continue
        assert references.siv_seal(key, text, associated) == sealed
        if text:
            assert AESSIV(key).encrypt(text, [associated]) == sealed


def test_wycheproof_hkdf() -> None:
    for _, test in wycheproof("hkdf_sha256_test.json"):
        if test["result"] != "valid":
            continue
        made = references.hkdf(
            bytes.fromhex(test["ikm"]),
            bytes.fromhex(test["info"]),
            test["size"],
            bytes.fromhex(test["salt"]),
        )
        assert made.hex() == test["okm"]
