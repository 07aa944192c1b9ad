"""As much of JSON Schema as our schema uses: what it says of a value, so that it can be held against a reader."""

from __future__ import annotations

import re
from typing import Any, Final

_TYPES: Final[dict[str, Any]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int
}  # fmt: skip
_SAID: Final = {"$schema", "$defs", "title", "description"}


def holds(schema: dict[str, Any], value: Any, root: dict[str, Any]) -> bool:
    """Say whether a value is as a schema wants it; raise on a keyword that is not known here."""
    return all(
        _keyword(keyword, stated, schema, value, root)
        for keyword, stated in schema.items()
        if keyword not in _SAID
    )


def _keyword(keyword: str, stated: Any, schema: dict[str, Any], value: Any, root: Any) -> bool:
    if keyword == "$ref":
        return holds(root["$defs"][stated.removeprefix("#/$defs/")], value, root)
    if keyword in ("anyOf", "oneOf"):
        count = sum(holds(part, value, root) for part in stated)
        return count == 1 if keyword == "oneOf" else count > 0
    if keyword in ("const", "enum"):
        allowed = [stated] if keyword == "const" else stated
        return any(type(item) is type(value) and item == value for item in allowed)
    if keyword == "type":
        names = [stated] if isinstance(stated, str) else stated
        return any(type(value) is _TYPES[name] for name in names)
    if isinstance(value, dict):
        return _of_object(keyword, stated, schema, value, root)
    if isinstance(value, list):
        if keyword == "items":
            return all(holds(stated, item, root) for item in value)
        return _bound(keyword, "Items", stated, len(value))
    if isinstance(value, str):
        if keyword == "pattern":
            return re.search(stated, value) is not None
        return _bound(keyword, "Length", stated, len(value))
    return True


def _of_object(
    keyword: str, stated: Any, schema: dict[str, Any], value: dict[str, Any], root: Any
) -> bool:
    if keyword == "required":
        return set(stated) <= set(value)
    if keyword == "properties":
        return all(holds(stated[name], value[name], root) for name in set(stated) & set(value))
    if keyword == "propertyNames":
        return all(holds(stated, name, root) for name in value)
    if keyword == "additionalProperties":
        others = set(value) - set(schema.get("properties", {}))
        if stated is False:
            return not others
        return all(holds(stated, value[name], root) for name in others)
    return _bound(keyword, "Properties", stated, len(value))


def _bound(keyword: str, kind: str, stated: int, size: int) -> bool:
    if keyword == "min" + kind:
        return size >= stated
    if keyword == "max" + kind:
        return size <= stated
    # Keywords of other types of values say nothing of this one.
    if re.fullmatch(
        "(min|max)(Items|Length|Properties)|items|pattern|required|.*[pP]rop.*", keyword
    ):
        return True
    raise ValueError(f"a keyword that is not known here: {keyword}")
