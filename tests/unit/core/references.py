"""Independent implementations from the RFCs, by which the product's primitives are judged."""

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.cmac import CMAC


def length_prefixed(*parts: bytes) -> bytes:
    """lp() of the specification: each part behind its length in four bytes."""
    joined = b""
    for part in parts:
        joined += bytes([len(part) >> shift & 255 for shift in (24, 16, 8, 0)]) + part
    return joined


def hkdf_extract(salt: bytes, secret: bytes) -> bytes:
    """RFC 5869, 2.2."""
    return hmac.new(salt or bytes(32), secret, sha256).digest()


def hkdf_expand(key: bytes, info: bytes, size: int) -> bytes:
    """RFC 5869, 2.3."""
    made, block, count = b"", b"", 1
    while len(made) < size:
        block = hmac.new(key, block + info + bytes([count]), sha256).digest()
        made, count = made + block, count + 1
    return made[:size]


def hkdf(secret: bytes, info: bytes, size: int, salt: bytes = b"") -> bytes:
    """RFC 5869."""
    return hkdf_expand(hkdf_extract(salt, secret), info, size)


def _cmac(key: bytes, data: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def _double(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    if number >> 128:
        number = (number & (1 << 128) - 1) ^ 0x87
    return number.to_bytes(16, "big")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def siv_seal(key: bytes, plaintext: bytes, *associated: bytes) -> bytes:
    """RFC 5297: S2V, then AES in counter mode; the key's first half is for S2V."""
    mac_key, ctr_key = key[: len(key) // 2], key[len(key) // 2 :]
    chained = _cmac(mac_key, bytes(16))
    for data in associated:
        chained = _xor(_double(chained), _cmac(mac_key, data))
    if len(plaintext) >= 16:
        last = plaintext[:-16] + _xor(plaintext[-16:], chained)
    else:
        last = _xor(_double(chained), (plaintext + b"\x80").ljust(16, b"\x00"))
    tag = _cmac(mac_key, last)
    counter = bytearray(tag)
    counter[8] &= 0x7F
    counter[12] &= 0x7F
    encryptor = Cipher(algorithms.AES(ctr_key), modes.CTR(bytes(counter))).encryptor()
    return tag + encryptor.update(plaintext) + encryptor.finalize()


_KEM = b"KEM" + (0x20).to_bytes(2, "big")
_HPKE = b"HPKE" + b"".join(n.to_bytes(2, "big") for n in (0x20, 1, 2))


def _extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hkdf_extract(salt, b"HPKE-v1" + suite + label + secret)


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    return hkdf_expand(key, size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, size)


def hpke_key(
    shared_point: bytes, sender: bytes, recipient: bytes, info: bytes
) -> tuple[bytes, bytes]:
    """RFC 9180: key and base nonce of base mode, X25519, HKDF-SHA256, AES-256-GCM."""
    kem = _extract(_KEM, b"", b"eae_prk", shared_point)
    shared = _expand(_KEM, kem, b"shared_secret", sender + recipient, 32)
    context = (
        b"\x00"
        + _extract(_HPKE, b"", b"psk_id_hash", b"")
        + _extract(_HPKE, b"", b"info_hash", info)
    )
    secret = _extract(_HPKE, shared, b"secret", b"")
    key = _expand(_HPKE, secret, b"key", context, 32)
    return key, _expand(_HPKE, secret, b"base_nonce", context, 12)


def hpke_open(secret: bytes, sealed: bytes, info: bytes, associated: bytes = b"") -> bytes:
    """RFC 9180, single shot, base mode: `sealed` is the encapsulated key and the ciphertext."""
    private = X25519PrivateKey.from_private_bytes(secret)
    point = private.exchange(X25519PublicKey.from_public_bytes(sealed[:32]))
    public = private.public_key().public_bytes_raw()
    key, nonce = hpke_key(point, sealed[:32], public, info)
    return AESGCM(key).decrypt(nonce, sealed[32:], associated)


def hpke_seal(ephemeral: bytes, recipient: bytes, plaintext: bytes, info: bytes) -> bytes:
    """RFC 9180, single shot, base mode, with a given ephemeral key."""
    private = X25519PrivateKey.from_private_bytes(ephemeral)
    sender = private.public_key().public_bytes_raw()
    point = private.exchange(X25519PublicKey.from_public_bytes(recipient))
    key, nonce = hpke_key(point, sender, recipient, info)
    return sender + AESGCM(key).encrypt(nonce, plaintext, b"")
