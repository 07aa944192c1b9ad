"""As much of JSON Schema as the published schemas use; a keyword that is not known here is an error, not a pass."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

SPEC = Path(__file__).parents[1] / "docs" / "spec"
_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "null": type(None),
}
_SAID_ELSEWHERE = {"$schema", "title", "$defs", "additionalProperties"}


class Schema:
    """A published schema.

    Args:
        name: of the file in docs/spec.
    """

    def __init__(self, name: str) -> None:
        self._whole = json.loads((SPEC / name).read_text())

    def problems(self, value: Any, definition: str = "") -> list[str]:
        """Return why a value is not what a definition, or the whole schema, says."""
        rule = self._whole["$defs"][definition] if definition else self._whole
        return list(self._check(value, rule, "$"))

    def _check(self, value: Any, rule: dict[str, Any], at: str) -> list[str]:
        found: list[str] = []
        for keyword, said in rule.items():
            if keyword not in _SAID_ELSEWHERE:
                check = getattr(self, f"_{keyword.removeprefix('$')}", None)
                if check is None:
                    raise ValueError(f"no such keyword here: {keyword}")
                found += [f"{at}: {keyword}: {why}" for why in check(value, said, rule, at)]
        return found

    def _ref(self, value: Any, said: str, _: Any, at: str) -> list[str]:
        return self._check(value, self._whole["$defs"][said.removeprefix("#/$defs/")], at)

    def _type(self, value: Any, said: str, _: Any, __: str) -> list[str]:
        right = isinstance(value, _TYPES[said]) and not isinstance(value, bool)
        return [] if right else [f"not {said}"]

    def _const(self, value: Any, said: Any, _: Any, __: str) -> list[str]:
        return [] if type(value) is type(said) and value == said else ["another value"]

    def _enum(self, value: Any, said: list[Any], _: Any, __: str) -> list[str]:
        return [] if value in said else ["none of the values"]

    def _pattern(self, value: Any, said: str, _: Any, __: str) -> list[str]:
        return [] if not isinstance(value, str) or re.search(said, value) else ["another form"]

    def _minLength(self, value: Any, said: int, _: Any, __: str) -> list[str]:
        return [] if not isinstance(value, str) or len(value) >= said else ["too short"]

    def _maxLength(self, value: Any, said: int, _: Any, __: str) -> list[str]:
        return [] if not isinstance(value, str) or len(value) <= said else ["too long"]

    def _minimum(self, value: Any, said: int, _: Any, __: str) -> list[str]:
        return [] if not isinstance(value, int) or value >= said else ["too small"]

    def _required(self, value: Any, said: list[str], _: Any, __: str) -> list[str]:
        if not isinstance(value, dict):
            return []
        return [f"lacks {name}" for name in said if name not in value]

    def _properties(self, value: Any, said: dict[str, Any], rule: Any, at: str) -> list[str]:
        if not isinstance(value, dict):
            return []
        found: list[str] = []
        if rule.get("additionalProperties") is False:
            found += [f"has {name}" for name in value if name not in said]
        for name, inner in said.items():
            if name in value:
                found += self._check(value[name], inner, f"{at}.{name}")
        return found

    def _items(self, value: Any, said: dict[str, Any], _: Any, at: str) -> list[str]:
        if not isinstance(value, list):
            return []
        return [why for item in value for why in self._check(item, said, f"{at}[]")]

    def _oneOf(self, value: Any, said: list[Any], _: Any, at: str) -> list[str]:
        right = sum(not self._check(value, rule, at) for rule in said)
        return [] if right == 1 else [f"{right} of the forms"]

    def _anyOf(self, value: Any, said: list[Any], _: Any, at: str) -> list[str]:
        return [] if any(not self._check(value, rule, at) for rule in said) else ["no form"]

    def _allOf(self, value: Any, said: list[Any], _: Any, at: str) -> list[str]:
        return [why for rule in said for why in self._check(value, rule, at)]
