"""Why a presentation is refused: a word for each cause, its sentence, and the coarse class that a receipt tells.

Words and classes are part of the protocol; sentences may change. A sentence holds no value of the credential.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final

from adyton.core.errors import CredentialError


class Coarse(StrEnum):
    """What a receipt tells: one word that links no visits."""

    UNTRUSTED_ISSUER = "untrusted_issuer"
    EXPIRED = "expired"
    REVOKED = "revoked"
    NOT_BOUND = "not_bound"
    MALFORMED = "malformed"
    WRONG_REQUEST = "wrong_request"
    POLICY = "policy"


class Reason(Enum):
    """A cause of refusal.

    Attributes:
        word: its stable name, the member's in lower case.
        coarse: the class that a receipt tells.
        text: what does not hold, and where it helps, what to do.
    """

    coarse: Coarse
    text: str

    def __init__(self, coarse: Coarse, text: str) -> None:
        self.coarse = coarse
        self.text = text

    @property
    def word(self) -> str:
        """The stable name."""
        return self.name.lower()

    # the request and its envelope
    REQUEST_USED = (Coarse.WRONG_REQUEST, "was answered before; make another request")
    ENVELOPE = (Coarse.MALFORMED, "is not sealed in the size and form of a presentation")
    UNOPENABLE = (
        Coarse.MALFORMED,
        "does not open: it is sealed to another key, network or request, or altered",
    )
    PRESENTED = (Coarse.MALFORMED, "holds something else than a presentation")
    # form: text, JSON, keys
    TOO_LARGE = (Coarse.MALFORMED, "is over its size limit")
    BASE64URL = (Coarse.MALFORMED, "is not base64url without padding, whitespace or stray bits")
    JSON = (Coarse.MALFORMED, "is not JSON")
    JSON_DUPLICATE = (
        Coarse.MALFORMED,
        "has a JSON member twice; readers would differ on its value",
    )
    JSON_NUMBER = (Coarse.MALFORMED, "has a number that readers differ on; give it as a string")
    JSON_DEPTH = (Coarse.MALFORMED, "is nested too deep")
    JSON_TEXT = (Coarse.MALFORMED, "holds half of a surrogate pair, or is not UTF-8")
    JSON_OBJECT = (Coarse.MALFORMED, "is not a JSON object")
    JWK = (Coarse.MALFORMED, "is not a public key as JWK of P-256 or Ed25519")
    JWK_PRIVATE = (Coarse.MALFORMED, "is a private key; give its public half only")
    JWK_USE = (Coarse.MALFORMED, "is a key that is not for signatures")
    # signed parts
    SD_JWT_FORM = (
        Coarse.MALFORMED,
        "is not an SD-JWT: a JWT, disclosures and a key binding, each after ~",
    )
    JWS_FORM = (Coarse.MALFORMED, "is not a compact JWS of three parts")
    JWS_HEADER = (
        Coarse.MALFORMED,
        "has a header without alg, or in which alg, typ or kid is no text",
    )
    ALG_NONE = (Coarse.MALFORMED, "is not signed: alg is none")
    ALG_MISMATCH = (Coarse.MALFORMED, "is signed by another algorithm than that of its key")
    HEADER_CRITICAL = (Coarse.MALFORMED, "has a header that demands an extension: crit or b64")
    HEADER_KEY = (
        Coarse.MALFORMED,
        "brings its own key in the header: jwk, jku or x5u are never believed",
    )
    TYPE = (Coarse.MALFORMED, "has another typ; an SD-JWT VC has dc+sd-jwt, a key binding kb+jwt")
    # issuer
    ISSUER_MISSING = (
        Coarse.MALFORMED,
        "names no issuer; iss is a text and not selectively disclosed",
    )
    ISSUER_UNKNOWN = (
        Coarse.UNTRUSTED_ISSUER,
        "is of an issuer that is not registered for this policy",
    )
    ISSUER_GIVEN_UP = (
        Coarse.UNTRUSTED_ISSUER,
        "is of an issuer whose record was given up, for good",
    )
    ISSUER_SIGNATURE = (
        Coarse.UNTRUSTED_ISSUER,
        "does not verify with the key that is registered for its issuer",
    )
    # disclosures
    SD_ALG = (
        Coarse.MALFORMED,
        "names another hash than sha-256 in _sd_alg, or names it below the top",
    )
    DISCLOSURE_FORM = (
        Coarse.MALFORMED,
        "has a disclosure that is not [salt, name, value] or [salt, value]",
    )
    DISCLOSURE_TWICE = (Coarse.MALFORMED, "has the same disclosure twice")
    DISCLOSURE_UNREFERENCED = (Coarse.MALFORMED, "has a disclosure that nothing refers to")
    DISCLOSURE_PLACE = (
        Coarse.MALFORMED,
        "has a disclosure of a claim for an item of a list, or reversed",
    )
    DISCLOSURES_MANY = (Coarse.MALFORMED, "has more disclosures or digests than are taken")
    DIGEST_FORM = (Coarse.MALFORMED, "has in _sd or ... something else than digests")
    DIGEST_TWICE = (Coarse.MALFORMED, "has the same digest twice")
    NAME_RESERVED = (Coarse.MALFORMED, "uses one of the names _sd, _sd_alg, ... for something else")
    CLAIM_TWICE = (Coarse.MALFORMED, "discloses a claim that is there already")
    CLAIM_NOT_DISCLOSABLE = (
        Coarse.MALFORMED,
        "selectively discloses a claim that must always be visible",
    )
    # the credential
    VCT_MISSING = (Coarse.MALFORMED, "has no credential type; vct is a text")
    VCT = (Coarse.POLICY, "is of another type (vct) than the policy asks for")
    TIME_FORM = (Coarse.MALFORMED, "has a time that is not a whole number of seconds since 1970")
    NOT_YET_VALID = (Coarse.EXPIRED, "is not valid yet: nbf or iat lies ahead of block time")
    EXPIRED = (Coarse.EXPIRED, "has expired at block time")
    EXPIRY_MISSING = (Coarse.POLICY, "never expires, and the policy asks for an expiry")
    # key binding
    BINDING_MISSING = (
        Coarse.NOT_BOUND,
        "comes without a key binding; present it with the holder's key",
    )
    HOLDER_KEY_MISSING = (
        Coarse.NOT_BOUND,
        "names no holder's key (cnf.jwk) that a binding could be made by",
    )
    HOLDER_KEY = (Coarse.NOT_BOUND, "names the holder's key in a form other than one public jwk")
    BINDING_SIGNATURE = (Coarse.NOT_BOUND, "is not signed by the holder's key")
    BINDING_CLAIMS = (
        Coarse.MALFORMED,
        "lacks aud, nonce or sd_hash as a text, or iat as a whole number",
    )
    AUDIENCE = (Coarse.WRONG_REQUEST, "is meant for another verifier: aud differs")
    NONCE = (Coarse.WRONG_REQUEST, "answers another request: nonce differs")
    BINDING_HASH = (Coarse.NOT_BOUND, "binds another selection of disclosures: sd_hash differs")
    BINDING_FUTURE = (
        Coarse.WRONG_REQUEST,
        "was made ahead of block time; look at the holder's clock",
    )
    BINDING_OLD = (Coarse.WRONG_REQUEST, "was made too long ago; present the credential anew")
    BINDING_EXPIRED = (
        Coarse.WRONG_REQUEST,
        "ended before block time, as its exp says; present the credential anew",
    )
    # status
    STATUS_FORM = (Coarse.MALFORMED, "has a status that is not a list's address and an index in it")
    STATUS_MECHANISM = (Coarse.POLICY, "has a status of a kind that cannot be looked up here")
    STATUS_MISSING = (Coarse.POLICY, "has no status, and the policy asks for one")
    STATUS_UNKNOWN = (
        Coarse.POLICY,
        "has a status list that is not on the chain; bring it in first",
    )
    STATUS_STALE = (
        Coarse.POLICY,
        "has a status list that is out of date on the chain; bring a new one",
    )
    STATUS_VALUE = (Coarse.POLICY, "has a status that only its issuer knows the meaning of")
    REVOKED = (Coarse.REVOKED, "has been revoked by its issuer")
    SUSPENDED = (Coarse.REVOKED, "is suspended by its issuer")
    # policy
    AGE_MISSING = (Coarse.POLICY, "discloses neither an age over the limit nor a birthdate")
    AGE_FORM = (Coarse.MALFORMED, "has an age over a limit that is not true or false")
    BIRTHDATE_FORM = (Coarse.MALFORMED, "has a birthdate that is not a date of the form YYYY-MM-DD")
    BIRTHDATE_RANGE = (Coarse.MALFORMED, "has a birthdate in the future or before 1800")
    UNDER_AGE = (Coarse.POLICY, "is of somebody who has not reached the age")
    BIRTHDATE_REACH = (
        Coarse.POLICY,
        "has a birthdate over 179 years before the age limit; no range proof reaches there",
    )
    CLAIM_REQUIRED = (Coarse.POLICY, "does not disclose a claim that the policy asks for")
    CLAIM_STABLE = (
        Coarse.POLICY,
        "has something else than a text or an integer as the claim that tells holders apart",
    )


WORDS: Final[dict[str, Reason]] = {reason.word: reason for reason in Reason}


def refused(reason: Reason, what: str) -> CredentialError:
    """Return the error that a part of a presentation is refused with.

    Args:
        reason: the cause.
        what: the part, as "the issuer's JWT"; never a value of it.
    """
    return CredentialError(reason.word, f"{what} {reason.text}")
