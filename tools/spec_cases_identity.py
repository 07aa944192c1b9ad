"""The vectors of DIDs, status lists, pseudonyms and range proofs."""

import json
from typing import Any

from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.base58 import write_multibase
from adyton.protocol.credentials.did import own_did, own_name
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.did_jwk import did_of_jwk, jwk_of
from adyton.protocol.credentials.did_key import did_of_key
from adyton.protocol.credentials.multikey import key_agreement_of, read_multikey
from adyton.protocol.credentials.range_proof import SPAN, RangeProof
from tests.credential_kit import ISSUER, ISSUER_KEY, NOW, OTHER_KEY
from tests.status_kit import URI, bitstring_credential, token
from tools.spec_case import Case, flip
from tools.spec_functions import FUNCTIONS

_ED = read_multikey("z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG")
_POINT = read_multikey("zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv")
_K1 = read_multikey("zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme")
_SEALING = key_agreement_of(_ED)
_CHAIN_ID = bytes(range(32))
_CLIENT, _SALT = b"\x48" * 32, b"\x49" * 16
_OWN = own_did(_CHAIN_ID, own_name(_CHAIN_ID, _CLIENT, _SALT))
_RECORD = b"\x51" * 32
# Streams as one compressor made them: another makes others of the same content.
_EXAMPLE = bytes.fromhex("78dadbb918000217015d")
_TWO_BITS = bytes.fromhex("78da3be9f2130003df0207")
_FOUR = bytes.fromhex("78da7b020000e500e5")
_ONE = bytes.fromhex("78da63040000020002")
_LONG = (
    bytes.fromhex("78daedc13101000000c2a0f54f6d085fa0")
    + bytes(1016)
    + bytes.fromhex("4e0300f10001")
)
_ZEROS = bytes.fromhex(
    "1f8b0800000000000203edc13101000000c2a0f54f6d0c1fa000000000000000000000000000000080b70186d254ab00400000"
)
_SHORT = bytes.fromhex(
    "1f8b0800000000000203edc13101000000c2a0f54f6d0c1fa000000000000000000000000000000080b30109af858aff3f0000"
)
_LEFTMOST = bytes.fromhex(
    "1f8b0800000000000203edc121010000000220a73bdd1916a001000000000000000000000000000000de06e459436700400000"
)
_SECRET, _BOUND = b"\x61" * 32, b"\x62" * 32
_CUTOFF, _BIRTH = 14_202, 11_016  # 2008-11-19, 2000-02-29


# --- DIDs -----------------------------------------------------------------------------------------


def did_cases() -> list[Case]:
    """Return the vectors of `did.md`."""
    return [*_resolved(), *_own(), *_documents()]


def _resolved() -> list[Case]:
    def key(name: str, data: bytes, refused: str = "malformed") -> Case:
        return Case(name, "resolve_did", {"did": f"did:key:{write_multibase(data)}"}, refused)

    def jwk(name: str, value: Any, refused: str = "malformed") -> Case:
        text = value if isinstance(value, str) else json.dumps(value)
        did = f"did:jwk:{base64url.encode(text.encode())}"
        return Case(name, "resolve_did", {"did": did}, refused)

    point = dict(jwk_of(_POINT))
    return [
        *(
            Case(f"did:{method} of {made.curve}", "resolve_did", {"did": str(did_of(made))})
            for method, did_of in (("key", did_of_key), ("jwk", did_of_jwk))
            for made in (_ED, _POINT, _K1, _SEALING)
        ),
        jwk("for encryption alone", {**point, "use": "enc", "kid": "x"}, ""),
        key("P-384", b"\x81\x24\x02" + bytes(48)),
        key("no point of P-256", b"\x80\x24\x02" + b"\xff" * 32),
        key("Ed25519 of small order", b"\xed\x01\x01" + bytes(31)),
        key("X25519 of small order", b"\xec\x01" + bytes(32)),
        key("X25519 in another encoding", b"\xec\x01\x09" + bytes(30) + b"\x80"),
        Case("another base", "resolve_did", {"did": "did:key:uAAAA"}, "malformed"),
        Case("too long", "resolve_did", {"did": "did:key:z" + "1" * 200}, "too_large"),
        Case("a fragment", "resolve_did", {"did": f"{did_of_key(_ED)}#x"}, "malformed"),
        jwk("a private key", {**point, "d": "AA"}),
        jwk("a y of another point", {**point, "y": point["x"]}),
        jwk("a signing key for encryption", {**jwk_of(_ED), "use": "enc"}),
        jwk("a member twice", '{"kty":"OKP","kty":"OKP"}', "credential_refused"),
        Case(
            "padded base64url", "resolve_did", {"did": f"{did_of_jwk(_ED)}%3D"}, "credential_refused"
        ),
    ]  # fmt: skip


def _own() -> list[Case]:
    given = {"chain_id": _CHAIN_ID.hex(), "client_key": _CLIENT.hex(), "salt": _SALT.hex()}
    did = str(_OWN)
    return [
        Case("an own did", "read_own_did", {**given, "did": did}),
        Case("of another chain", "read_own_did", {**given, "did": did.replace(":00", ":10")}, "wrong_chain"),
        Case("in capitals", "read_own_did", {**given, "did": did[:-1] + "A"}, "malformed"),
        Case("of another method", "read_own_did", {**given, "did": str(did_of_key(_ED))}, "malformed"),
    ]  # fmt: skip


def _documents() -> list[Case]:
    web = "did:web:issuer.example%3A8443:people"
    pinned: dict[str, Any] = {
        "@context": "https://www.w3.org/ns/did/v1",
        "id": web,
        "verificationMethod": [
            {"id": "#a", "type": "JsonWebKey", "controller": web, "publicKeyJwk": jwk_of(_POINT)}
        ],
        "assertionMethod": [f"{web}#a"],
        "service": [{"id": "#s", "type": "LinkedDomains", "serviceEndpoint": "https://x.example"}],
    }
    method = pinned["verificationMethod"][0]

    def with_key(**changes: Any) -> dict[str, Any]:
        return {**pinned, "verificationMethod": [{**method, **changes}]}

    own = json.loads(write_own_document(_OWN, [_ED, _POINT], _SEALING))

    def read(name: str, document: Any, did: str = web, refused: str = "malformed") -> Case:
        given = {
            "did": did,
            "document": document if isinstance(document, str) else json.dumps(document),
        }
        return Case(name, "read_did_document", given, refused)

    return [
        read("pinned for a did:web", pinned, refused=""),
        read("of an own did", own, str(_OWN), ""),
        read("of another did", {**pinned, "id": "did:web:issuer.example"}, refused="not_found"),
        read("of no host", pinned, "did:web:1.2.3.4"),
        read("a member that is not of DID core", {**pinned, "publicKey": []}),
        read("a key of another controller", with_key(controller="did:web:x.example")),
        read("a key of another kind", with_key(type="RsaVerificationKey2018")),
        read("a key in two forms", with_key(publicKeyMultibase=_ED.multikey())),
        read("two keys of one name", {**pinned, "verificationMethod": [method, method]}),
        read("a key that is not there", {**pinned, "assertionMethod": ["#b"]}),
        read("a member twice", '{"id":"a","id":"b"}', refused="credential_refused"),
        read("an own did without a key to seal to", {**own, "keyAgreement": []}, str(_OWN)),
    ]  # fmt: skip


# --- status lists ---------------------------------------------------------------------------------


def status_list_cases() -> list[Case]:
    """Return the vectors of `status-list.md`."""
    key = strict_json.write(dict(ISSUER_KEY.public.members)).decode()
    given: dict[str, Any] = {
        "kind": "token", "uri": URI, "issuer": _RECORD.hex(), "iss": ISSUER, "key": key, "now_s": NOW,
    }  # fmt: skip
    bits = {**given, "kind": "bitstring"}

    def read(name: str, signed: str, refused: str = "", base: dict[str, Any] = given) -> Case:
        return Case(name, "read_status_list", {**base, "token": signed}, refused)

    def listed(stream: bytes = _EXAMPLE, bits: int = 1, **changes: Any) -> str:
        lst = base64url.encode(stream)
        return token(**{"status_list": {"bits": bits, "lst": lst}, **changes})

    def bitstring(stream: bytes = _ZEROS, **changes: Any) -> str:
        lst = {"encodedList": "u" + base64url.encode(stream), **changes.pop("subject", {})}
        return bitstring_credential(subject=lst, **changes)

    both = {"statusPurpose": ["suspension", "revocation"]}
    padded = {"bits": 1, "lst": base64url.encode(_ONE) + "="}
    return [
        read("a token list", listed()),
        read("two bits", listed(_TWO_BITS, 2, without="ttl")),
        read("a bitstring list", bitstring(subject={"ttl": 60_000}), base=bits),
        read("of both purposes", bitstring(subject=both), base=bits),
        read("signed by another", listed(key=OTHER_KEY), "credential_refused"),
        read("another typ", listed(typ="JWT"), "status_invalid"),
        read("another address", listed(sub=URI + "0"), "status_invalid"),
        read("of the future", listed(iat=NOW + 121), "status_stale"),
        read("expired", listed(exp=NOW), "status_stale"),
        read("without iat", listed(without="iat"), "malformed"),
        read("three bits", listed(bits=3), "malformed"),
        read("a byte behind the stream", listed(_ONE + b"\0"), "malformed"),
        read("cut off", listed(_ONE[:-1]), "malformed"),
        read("an altered checksum", listed(flip(_ONE)), "malformed"),
        read("a byte over the limit, inflated", listed(_LONG), "too_large"),
        read("padded", token(status_list=padded), "credential_refused"),
        read("a short bitstring", bitstring(_SHORT), "malformed", bits),
        read("for messages", bitstring(subject={"statusPurpose": "message"}), "status_invalid", bits),
        read("of another issuer", bitstring(issuer="https://x.example"), "status_invalid", bits),
        read("two bits a status", bitstring(subject={"statusSize": 2}), "malformed", bits),
        read("another base", bitstring(subject={"encodedList": "z1"}), "malformed", bits),
        *_looked_up({**given, "token": listed(_FOUR, 2)}, {**bits, "token": bitstring(_LEFTMOST)}),
    ]  # fmt: skip


def _looked_up(four: dict[str, Any], leftmost: dict[str, Any]) -> list[Case]:
    def look(
        name: str,
        listed: dict[str, Any],
        index: int,
        refused: str = "",
        *,
        purpose: str = "",
        now_s: int = NOW,
        oldest_s: int | None = None,
    ) -> Case:
        place = {"kind": listed["kind"], "uri": URI, "index": index, "purpose": purpose}
        asked = {"list": listed, "place": place, "now_s": now_s, "oldest_s": oldest_s}
        return Case(name, "look_up_status", asked, refused)

    return [
        *(look(f"{word} in a token list", four, index)
          for index, word in enumerate(("valid", "revoked", "suspended", "another value"))),
        look("the leftmost of a bitstring", leftmost, 0, purpose="revocation"),
        look("the one beside it", leftmost, 1, purpose="revocation"),
        look("of a purpose that the list has not", leftmost, 0, purpose="suspension"),
        look("the last second of its time to live", four, 1, now_s=NOW + 599),
        look("its time to live has ended", four, 1, now_s=NOW + 600),
        look("older than the policy takes", four, 0, now_s=NOW + 1, oldest_s=100),
        look("behind the end", four, 4, "credential_refused"),
    ]  # fmt: skip


# --- pseudonyms, range proofs ---------------------------------------------------------------------


def range_proof_cases() -> list[Case]:
    """Return the vectors of `range-proof.md`."""
    return [*_pseudonyms(), *_proofs()]


def _pseudonyms() -> list[Case]:
    given = {
        "secret": _SECRET.hex(), "party": "63" * 32, "issuer": ISSUER, "claim": "document_number",
        "value": "T22000129",
    }  # fmt: skip

    def named(name: str, refused: str = "", **changes: Any) -> Case:
        return Case(name, "pseudonym", {**given, **changes}, refused)

    return [
        named("a pseudonym"),
        named("at another party", party="64" * 32),
        named("of another issuer", issuer="https://other.example"),
        named("a number", value=22000129),
        named("the same digits as a text", value="22000129"),
        named("of nothing", "malformed", value=""),
        named("of a truth", "malformed", value=True),
        named("of a list", "malformed", value=["T22000129"]),
    ]


def _proofs() -> list[Case]:
    asked: dict[str, Any] = {
        "secret": _SECRET.hex(), "cutoff_day": _CUTOFF, "bound": _BOUND.hex(), "birth_day": _BIRTH,
    }  # fmt: skip
    make = FUNCTIONS["make_range_proof"]

    def made(name: str, refused: str = "", **changes: Any) -> Case:
        return Case(name, "make_range_proof", {**asked, **changes}, refused)

    def proof(**changes: Any) -> RangeProof:
        return RangeProof.decode(bytes.fromhex(make({**asked, **changes})["range_proof"]))

    good, other = proof(), proof(birth_day=_BIRTH - 1)

    def check(
        name: str, shown: RangeProof, refused: str = "range_proof_invalid", **changes: Any
    ) -> Case:
        given = {"range_proof": shown.encode().hex(), "cutoff_day": _CUTOFF, "bound": _BOUND.hex()}
        return Case(name, "verify_range_proof", {**given, **changes}, refused)

    return [
        made("a range proof"),
        made("on the cutoff day", birth_day=_CUTOFF),
        made("of the earliest birthday", birth_day=_CUTOFF - SPAN + 1),
        made("a day too late", "range_unmet", birth_day=_CUTOFF + 1),
        made("too long ago", "range_unmet", birth_day=_CUTOFF - SPAN),
        made("a cutoff centuries away", "malformed", cutoff_day=65_537),
        check("a range proof holds", good, ""),
        check("of another receipt", good, bound="63" * 32),
        check("of another cutoff", good, cutoff_day=_CUTOFF - 1),
        check("a later cutoff's", proof(cutoff_day=_CUTOFF + 6570)),
        check("another commitment", RangeProof(other.commitment, good.proof)),
        check("no commitment", RangeProof(bytes(33), good.proof)),
        check("an altered byte", RangeProof(good.commitment, flip(good.proof))),
        check("an altered header", RangeProof(good.commitment, flip(good.proof, 1))),
    ]  # fmt: skip
