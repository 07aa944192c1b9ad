"""Web3 secret storage, version 3: one private key in a JSON file, under a password.

    K   = scrypt or PBKDF2 (password)                 32 bytes
    c   = AES-128-CTR(K[:16], iv, private key)
    mac = Keccak-256(K[16:] ‖ c)

The format is others', and so are its primitives; nothing of ours is protected by it.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import uuid
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from adyton.client.wallet_document import parse_object
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.signature import public_key

_KEY: Final = 32
_SCRYPT_MEMORY: Final = 2**30  # 128 * n * r: what a file may make us take
_SCRYPT_P: Final = 16
_ROUNDS: Final = 10_000_000
_FILE: Final = 64 * 1024
_HEX: Final = re.compile(r"(0x)?([0-9a-fA-F]{2})*")
STANDARD_N: Final = 2**18  # what geth writes: a second and 256 MiB for each guess


def encrypt(secret: bytes, password: str, *, n: int = STANDARD_N) -> bytes:
    """Return the file of a private key.

    Args:
        secret: 32 bytes.
        password: whatever its length; an empty one is refused.
        n: cost of scrypt, a power of two.

    Raises:
        UsageError: no private key, or no password.
    """
    address = address_of(public_key(secret))
    if not password:
        raise UsageError("usage", "an empty password protects nothing")
    salt, iv = secrets.token_bytes(32), secrets.token_bytes(16)
    derived = Scrypt(salt=salt, length=32, n=n, r=8, p=1).derive(password.encode())
    ciphertext = _apply(derived[:16], iv, secret)
    made = {
        "version": 3,
        "id": str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        "address": address.hex(),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": iv.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "scrypt",
            "kdfparams": {"dklen": 32, "n": n, "r": 8, "p": 1, "salt": salt.hex()},
            "mac": keccak(derived[16:] + ciphertext).hex(),
        },
    }
    return json.dumps(made, indent=2).encode() + b"\n"


def decrypt(unverified: bytes, password: str) -> bytes:
    """Return the private key (32 bytes) in a file.

    Raises:
        UsageError: no such file, another password, or a key that is not the address's.
    """
    file = _parsed(unverified)
    crypto = _member(file, "crypto", dict)
    derived = _derived(crypto, password)
    ciphertext = _bytes(crypto, "ciphertext")
    if not hmac.compare_digest(keccak(derived[16:32] + ciphertext), _bytes(crypto, "mac")):
        raise UsageError("keystore", "the password is another one, or the file was altered")
    if _member(crypto, "cipher", str) != "aes-128-ctr":
        raise _refused("its cipher is not aes-128-ctr")
    iv = _bytes(_member(crypto, "cipherparams", dict), "iv")
    if len(iv) != 16 or len(ciphertext) != _KEY:
        raise _refused("it does not hold one key of 32 bytes")
    secret = _apply(derived[:16], iv, ciphertext)
    address = file.get("address")
    if address is not None:
        told = address.lower().removeprefix("0x") if isinstance(address, str) else ""
        if told != address_of(public_key(secret)).hex():
            raise _refused("its address is not that of the key in it")
    return secret


def _parsed(unverified: bytes) -> dict[str, Any]:
    if len(unverified) > _FILE:
        raise _refused("it is too large")
    try:
        file = parse_object(unverified)
    except (MalformedError, UsageError):
        raise _refused("it is not a JSON object") from None
    # Some programs write the name with a capital letter.
    file = {"crypto" if name == "Crypto" else name: value for name, value in file.items()}
    if file.get("version") not in (3, "3"):
        raise _refused("its version is not 3")
    return file


def _derived(crypto: dict[str, Any], password: str) -> bytes:
    kdf, given = _member(crypto, "kdf", str), _member(crypto, "kdfparams", dict)
    salt = _bytes(given, "salt")
    if _member(given, "dklen", int) != 32:
        raise _refused("it derives another length than 32")
    if kdf == "scrypt":
        n, r, p = (_member(given, name, int) for name in ("n", "r", "p"))
        if n < 2 or n & (n - 1) or r < 1 or not 1 <= p <= _SCRYPT_P:
            raise _refused("its parameters are not those of scrypt")
        if 128 * n * r > _SCRYPT_MEMORY:
            raise _refused(f"its scrypt takes over {_SCRYPT_MEMORY >> 20} MiB")
        return Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive(password.encode())
    if kdf == "pbkdf2":
        rounds = _member(given, "c", int)
        if _member(given, "prf", str) != "hmac-sha256" or not 1 <= rounds <= _ROUNDS:
            raise _refused("its parameters are not those of PBKDF2")
        made = PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=rounds)
        return made.derive(password.encode())
    raise _refused("its key derivation is neither scrypt nor pbkdf2")


def _apply(key: bytes, iv: bytes, text: bytes) -> bytes:
    both_ways = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return both_ways.update(text) + both_ways.finalize()


def _member(file: dict[str, Any], name: str, kind: type) -> Any:
    value = file.get(name)
    if type(value) is not kind:
        raise _refused(f"it has no {name!r}")
    return value


def _bytes(file: dict[str, Any], name: str) -> bytes:
    text = _member(file, name, str)
    if not _HEX.fullmatch(text):
        raise _refused(f"its {name!r} is not hex")
    return bytes.fromhex(text.removeprefix("0x"))


def _refused(why: str) -> UsageError:
    return UsageError("keystore", f"not a keystore file of version 3: {why}")
