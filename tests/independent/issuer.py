"""An issuer of others' making: sd-jwt and jwcrypto, and the specification. The package under test is not there.

argv[1]: `key`, `issue` or `list`; the rest comes as JSON on standard input.
"""

import base64
import json
import sys
import time
import zlib
from typing import Any

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer

ISS = "https://registry.independent.example"
VCT = "urn:eudi:pid:1"
LIST = f"{ISS}/status/7"


def make_key(_: object) -> object:
    key = JWK.generate(kty="EC", crv="P-256")
    public = key.export_public(as_dict=True)
    public.pop("kid", None)
    return {"private": key.export_private(as_dict=True), "public": public, "iss": ISS, "list": LIST}


def issue(given: dict[str, Any]) -> object:
    now = int(time.time()) - 60
    claims = {
        "iss": ISS,
        "vct": VCT,
        "iat": now,
        "exp": now + given.get("seconds", 3600),
        "status": {"status_list": {"idx": given["index"], "uri": LIST}},
        SDObj("birthdate"): given["birthdate"],
        SDObj("given_name"): "Erika",
        "age_equal_or_over": {SDObj("18"): given["adult"], SDObj("21"): given["adult"]},
    }
    issuer = SDJWTIssuer(
        claims,
        JWK(**given["key"]),
        JWK(**given["holder"]),
        sign_alg="ES256",
        extra_header_parameters={"typ": "dc+sd-jwt"},
    )
    return issuer.sd_jwt_issuance


def status_list(given: dict[str, Any]) -> object:
    now = int(time.time()) - given.get("age", 60)
    bits = bytearray(64)
    for index in given["revoked"]:
        bits[index // 8] |= 1 << index % 8
    packed = base64.urlsafe_b64encode(zlib.compress(bytes(bits), 9)).rstrip(b"=").decode()
    payload = {"sub": LIST, "iat": now, "exp": now + 3600, "ttl": 3600,
               "status_list": {"bits": 1, "lst": packed}}  # fmt: skip
    token = JWS(json.dumps(payload))
    header = json.dumps({"alg": "ES256", "typ": "statuslist+jwt"})
    token.add_signature(JWK(**given["key"]), alg="ES256", protected=header)
    return token.serialize(compact=True)


print(
    json.dumps(
        {"key": make_key, "issue": issue, "list": status_list}[sys.argv[1]](json.load(sys.stdin))
    )
)
