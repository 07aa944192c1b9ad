"""Issues SD-JWT VCs: which claims can be disclosed is said by their paths."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from adyton.client.credentials.signing import JoseKey, sign_jws
from adyton.core.errors import UsageError
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.disclosed import Path
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.sd_jwt import hash_text
from adyton.protocol.credentials.sd_jwt_vc import ALWAYS_VISIBLE, TYPE
from adyton.protocol.credentials.strict_json import Json, Object

Entropy: TypeAlias = Callable[[int], bytes]
SALT: Final = 16  # bytes


@dataclass(slots=True)
class _Hiding:
    paths: Collection[Path]
    entropy: Entropy
    decoys: int
    disclosures: list[str]
    met: set[Path]

    def object(self, members: Object, path: Path) -> Object:
        shown: Object = {}
        digests: list[str] = []
        for name, value in members.items():
            if name in ("_sd", "_sd_alg", "..."):
                raise UsageError("bad_argument", f"a claim cannot have the reserved name {name!r}")
            place = (*path, name)
            inner = self.value(value, place)
            if place in self.paths:
                self.met.add(place)
                digests.append(self._hide([name, inner]))
            else:
                shown[name] = inner
        if digests:
            digests += (self._decoy() for _ in range(self.decoys))
            # Sorted: where a digest stands says nothing about what it hides.
            shown["_sd"] = list[Json](sorted(digests))
        return shown

    def value(self, value: Json, path: Path) -> Json:
        if type(value) is dict:
            return self.object(value, path)
        if type(value) is list:
            return self._items(value, path)
        return value

    def _items(self, items: list[Json], path: Path) -> list[Json]:
        shown: list[Json] = []
        for number, item in enumerate(items):
            place = (*path, number)
            inner = self.value(item, place)
            if place in self.paths:
                self.met.add(place)
                shown.append({"...": self._hide([inner])})
            else:
                shown.append(inner)
        return shown

    def _hide(self, content: list[Json]) -> str:
        salt = base64url.encode(self.entropy(SALT))
        self.disclosures.append(base64url.encode(strict_json.write([salt, *content])))
        return hash_text(self.disclosures[-1])

    def _decoy(self) -> str:
        return hash_text(base64url.encode(self.entropy(32)))


def issue(
    claims: Mapping[str, Json],
    *,
    hidden: Collection[Path],
    key: JoseKey,
    kid: str,
    holder: PublicKey | None,
    entropy: Entropy,
    decoys: int = 0,
) -> str:
    """Return an SD-JWT VC with all its disclosures, for its holder.

    Args:
        claims: `iss`, `vct`, and the rest; `cnf` is made of `holder`.
        hidden: paths of what the holder may disclose or not, as `("address", "locality")` or `("nationalities", 0)`.
        key: the issuer's.
        kid: its name, for the header; empty for none.
        holder: the holder's public key; None leaves the credential to whoever has it.
        entropy: gives random bytes, for salts and decoys.
        decoys: digests of nothing, in each object that hides something.

    Raises:
        UsageError: no `iss` or `vct`; a path that leads nowhere, or to what must always be visible.
    """
    if type(claims.get("iss")) is not str or type(claims.get("vct")) is not str:
        raise UsageError("bad_argument", "a credential needs iss and vct, both texts")
    if "cnf" in claims:
        raise UsageError("bad_argument", "give the holder's key as such; cnf is made of it")
    for path in hidden:
        if not path or path[0] in ALWAYS_VISIBLE:
            raise UsageError("bad_argument", f"{shown_path(path)} must always be visible")
    hiding = _Hiding(frozenset(hidden), entropy, decoys, [], set())
    payload = hiding.object(dict(claims), ())
    if hiding.met != hiding.paths:
        lost = min(shown_path(path) for path in hiding.paths if path not in hiding.met)
        raise UsageError("bad_argument", f"there is no {lost} among the claims")
    if hiding.disclosures:
        payload["_sd_alg"] = "sha-256"
    if holder is not None:
        payload["cnf"] = {"jwk": dict(holder.members)}
    header: Object = {"typ": TYPE, **({"kid": kid} if kid else {})}
    return "~".join([sign_jws(key, header, payload), *hiding.disclosures, ""])


def shown_path(path: Path) -> str:
    """Return a path as people write it."""
    return ".".join(map(str, path))
