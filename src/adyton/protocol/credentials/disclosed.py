"""The claims of an SD-JWT, put together from a verified payload and the disclosures that its digests call for.

RFC 9901, section 7.1: every digest at most once, every disclosure called for exactly once, nothing overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from adyton.core import limits
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.sd_jwt import ISSUER_JWT, Disclosure
from adyton.protocol.credentials.strict_json import Json, Object

Path: TypeAlias = tuple[str | int, ...]
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_RESERVED: Final = frozenset({"_sd", "_sd_alg", "..."})
_NESTED: Final = (dict, list)


class Claims(NamedTuple):
    """What an issuer says and a holder shows.

    Attributes:
        values: claims by name, without digests.
        places: where each disclosure ended up, by its text. The number of an item counts what is shown.
    """

    values: Object
    places: dict[str, Path]


@dataclass(slots=True)
class _Walk:
    waiting: dict[str, Disclosure]
    seen: set[str] = field(default_factory=set)
    places: dict[str, Path] = field(default_factory=dict)

    def object(self, members: Object, path: Path) -> Object:
        _require_depth(path)
        found: Object = {}
        for name, value in members.items():
            if name not in _RESERVED:
                nested = type(value) in _NESTED
                found[name] = self.value(value, (*path, name)) if nested else value
            elif name != "_sd":
                raise refused(
                    Reason.SD_ALG if name == "_sd_alg" else Reason.NAME_RESERVED, ISSUER_JWT
                )
        if "_sd" in members:
            self._claims(members["_sd"], found, path)
        return found

    def value(self, value: Json, path: Path) -> Json:
        if type(value) is dict:
            return self.object(value, path)
        if type(value) is list:
            return self._items(value, path)
        return value

    def _claims(self, digests: Json, found: Object, path: Path) -> None:
        if type(digests) is not list:
            raise refused(Reason.DIGEST_FORM, ISSUER_JWT)
        for digest in digests:
            disclosure = self._take(digest)
            if disclosure is None:
                continue
            if disclosure.name is None:
                raise refused(Reason.DISCLOSURE_PLACE, ISSUER_JWT)
            if disclosure.name in found:
                raise refused(Reason.CLAIM_TWICE, ISSUER_JWT)
            place = (*path, disclosure.name)
            self.places[disclosure.text] = place
            found[disclosure.name] = self.value(disclosure.value, place)

    def _items(self, items: list[Json], path: Path) -> list[Json]:
        _require_depth(path)
        found: list[Json] = []
        for item in items:
            place = (*path, len(found))
            if type(item) is not dict or "..." not in item:
                found.append(self.value(item, place))
                continue
            if len(item) != 1:
                raise refused(Reason.NAME_RESERVED, ISSUER_JWT)
            disclosure = self._take(item["..."])
            if disclosure is None:
                continue
            if disclosure.name is not None:
                raise refused(Reason.DISCLOSURE_PLACE, ISSUER_JWT)
            self.places[disclosure.text] = place
            found.append(self.value(disclosure.value, place))
        return found

    def _take(self, digest: Json) -> Disclosure | None:
        if type(digest) is not str or _DIGEST.fullmatch(digest) is None:
            raise refused(Reason.DIGEST_FORM, ISSUER_JWT)
        if digest in self.seen:
            raise refused(Reason.DIGEST_TWICE, ISSUER_JWT)
        self.seen.add(digest)
        if len(self.seen) > limits.CREDENTIAL_DIGESTS:
            raise refused(Reason.DISCLOSURES_MANY, ISSUER_JWT)
        return self.waiting.pop(digest, None)


def put_together(payload: Object, disclosures: Iterable[Disclosure]) -> Claims:
    """Return the claims of a verified payload and what is disclosed of it.

    Args:
        payload: the issuer's, verified.
        disclosures: no two of them the same.

    Raises:
        CredentialError: a digest, disclosure or claim twice; a disclosure that nothing calls for; another hash.
    """
    if payload.get("_sd_alg", "sha-256") != "sha-256":
        raise refused(Reason.SD_ALG, ISSUER_JWT)
    walk = _Walk({disclosure.digest: disclosure for disclosure in disclosures})
    top = {name: value for name, value in payload.items() if name != "_sd_alg"}
    values = walk.object(top, ())
    if walk.waiting:
        raise refused(Reason.DISCLOSURE_UNREFERENCED, "the presentation")
    return Claims(values, walk.places)


def _require_depth(path: Path) -> None:
    if len(path) >= limits.CREDENTIAL_DEPTH:
        raise refused(Reason.JSON_DEPTH, "what is disclosed inside of disclosures")
