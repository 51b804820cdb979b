"""What `/api/v1/openapi.json` says beyond what the views say of themselves: how every refusal looks."""

from __future__ import annotations

from typing import Any

PROBLEM = {
    "type": "object",
    "description": "What went wrong, why, and what to do (RFC 9457).",
    "required": ["type", "title", "status", "detail", "reason"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for the person who asked."},
        "reason": {"type": "string", "description": "One CamelCase word for programs."},
        "fix": {"type": "string", "description": "What to do instead."},
        "field": {"type": "string", "description": "The input to blame."},
        "errors": {"type": "object", "additionalProperties": True, "description": "Causes by field."},
        "request_id": {"type": "string", "description": "Finds the request in the log and the audit."},
    },
}


def problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's last hook: every operation may answer with a problem."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = {"description": "Refused or failed.", "content": content}
    return result
