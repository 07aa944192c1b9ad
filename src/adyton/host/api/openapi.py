"""The OpenAPI 3.1 document, generated from the table of routes."""

from __future__ import annotations

from typing import Any

from adyton.core.errors import CODES
from adyton.host.api.table import OPENAPI_PATH, ROUTES, Route

_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(CODES)},
    },
}


def document(version: str) -> dict[str, Any]:
    """Return the document; `version` is that of this program."""
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    paths[OPENAPI_PATH] = {
        "get": {
            "summary": "This document.",
            "responses": {
                "200": {"description": "OK", "content": {"application/json": {"schema": {}}}}
            },
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Adyton",
            "version": version,
            "description": "Bodies are JSON, with byte strings in base64, or CBOR by Content-Type and Accept.",
        },
        "paths": paths,
        "components": {"schemas": {"Problem": _PROBLEM}},
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.about,
        "operationId": route.handler.__name__,
        "responses": {
            str(route.status): {"description": "OK", "content": _answer(route)},
            "default": {
                "description": "Problem details (RFC 9457)",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            },
        },
    }
    if route.parameters:
        operation["parameters"] = [
            {
                "name": item.name,
                "in": item.place,
                "required": item.required,
                "description": item.about,
                "schema": item.schema,
            }
            for item in route.parameters
        ]
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _body(route.body)}
    return operation


def _body(field: str) -> dict[str, Any]:
    if field == "octets":
        return {"application/octet-stream": {"schema": {}}}
    name = field.removesuffix("[]")
    octets: dict[str, Any] = {"type": "string", "contentEncoding": "base64"}
    one = {"type": "array", "items": octets, "minItems": 1} if name != field else octets
    schema = {
        "type": "object",
        "required": [name],
        "additionalProperties": False,
        "properties": {name: one},
    }
    return {"application/json": {"schema": schema}, "application/cbor": {"schema": schema}}


def _answer(route: Route) -> dict[str, Any]:
    if route.answer is None:
        return {route.answer_type: {"schema": {}}}
    schema = {"type": "object", "properties": route.answer}
    return {"application/json": {"schema": schema}, "application/cbor": {"schema": schema}}
