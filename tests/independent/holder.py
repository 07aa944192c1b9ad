"""A holder of others' making: sd-jwt, cryptography, cbor2, and the specification. The package under test is not there.

argv[1]: `key` or `present`; the rest comes as JSON on standard input.

It takes the node's evidence as it is: what it would have to appraise, docs/spec/evidence.md says, and other tests do.
"""

import base64
import hashlib
import json
import secrets
import sys
import urllib.request
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from jwcrypto.jwk import JWK
from sd_jwt.holder import SDJWTHolder

URI = "adyton:present?"
LEAST = 4096


def prefixed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def pad(data: bytes) -> bytes:
    framed = len(data).to_bytes(4, "big") + data
    size = LEAST
    while size < len(framed):
        size *= 2
    return framed.ljust(size, b"\0")


def make_key(_: object) -> object:
    key = JWK.generate(kty="EC", crv="P-256")
    return {"private": key.export_private(as_dict=True), "public": key.export_public(as_dict=True)}


def read_request(uri: str) -> tuple[list[Any], bytes]:
    text = uri.removeprefix(URI)
    encoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    request = cbor2.loads(encoded)
    assert request[0] == "presentation-request/1"
    assert len(request) == 8
    name = hashlib.sha256(prefixed(b"adyton/1/hash/presentation-request", encoded)).digest()
    return request, name


def intake(server: str) -> tuple[int, bytes]:
    """Return number and intake key of the present epoch."""
    asked = urllib.request.Request(
        f"{server}/evidence?nonce={secrets.token_hex(32)}", headers={"Accept": "application/cbor"}
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        evidence = cbor2.loads(cbor2.loads(answer.read())["evidence"])
    assert evidence[0] == "node-evidence/1"
    name, record, _signature = evidence[4]
    assert name == "signed-epoch-record/1"
    assert record[0] == "epoch-record/1"
    return record[3], record[4]


def present(given: dict[str, Any]) -> object:
    request, name = read_request(given["uri"])
    _, chain_id, *_ = request
    holder = SDJWTHolder(given["credential"])
    holder.create_presentation(
        given["disclose"],
        nonce=given.get("nonce") or name.hex(),
        aud=given.get("audience") or f"adyton:{chain_id.hex()}",
        holder_key=JWK(**given["key"]),
        sign_alg="ES256",
    )
    epoch, key = intake(given["server"])
    plain = pad(cbor2.dumps(["presented/1", holder.sd_jwt_presentation, ""]))
    info = prefixed(b"adyton/1/hpke/presentation", chain_id, epoch.to_bytes(8, "big"), name)
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    sealed = suite.encrypt(plain, X25519PublicKey.from_public_bytes(key), info=info)
    body = cbor2.dumps(["identity-present/1", request, ["sealed-presentation/1", epoch, sealed]])
    asked = urllib.request.Request(
        given["to"], data=body, headers={"Content-Type": "application/cbor"}, method="POST"
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return {"name": name.hex(), "told": json.load(answer)}


print(json.dumps({"key": make_key, "present": present}[sys.argv[1]](json.load(sys.stdin))))
