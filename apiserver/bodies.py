"""What a request brings: its query's options and its body, held to limits before anything is made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apiserver import protobuf
from apiserver.status import BadRequest, UnsupportedMediaType
from inventory.manifests import load_yaml
from vmconsole.access.errors import TooLarge

LARGEST = 3 << 20  # as the original; a Secret may hold 1 MiB, and base64 and the annotation of kubectl add to it
DEEPEST = 64

JSON = "application/json"
YAML = "application/yaml"


@dataclass(frozen=True, slots=True)
class Options:
    """How a change is to be taken."""

    dry_run: bool = False
    validation: Literal["Strict", "Warn", "Ignore"] = "Warn"


def options_of(request: HttpRequest) -> Options:
    dry, validation = request.GET.getlist("dryRun"), request.GET.get("fieldValidation", "") or "Warn"
    if any(value not in ("All", "") for value in dry):
        raise BadRequest(_("dryRun: Unsupported value: supported values: “All”"), field="dryRun")
    if validation not in ("Strict", "Warn", "Ignore"):
        sentence = _("fieldValidation: Unsupported value: supported values: “Ignore”, “Strict”, “Warn”")
        raise BadRequest(sentence, field="fieldValidation")
    return Options("All" in dry, validation)  # type: ignore[arg-type]  # one of the three


def media_type(request: HttpRequest) -> str:
    return (request.content_type or JSON).strip().lower()


def body_of(request: HttpRequest, *, optional: bool = False) -> dict[str, Any]:
    """The body as one object, JSON or YAML."""
    kind = media_type(request)
    if kind not in (
        JSON,
        YAML,
        protobuf.MEDIA_TYPE,
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
    ):
        raise UnsupportedMediaType(_("The body of the request was in an unknown format. Send JSON or YAML."))
    raw = raw_body(request)
    if optional and not raw.strip():
        return {}
    found = _read(kind, raw)
    if not isinstance(found, dict):
        raise BadRequest(_("The body must be one object."))
    shallow(found)
    return found


def _read(kind: str, raw: bytes) -> Any:
    if kind == protobuf.MEDIA_TYPE:
        return protobuf.decoded(raw)
    try:
        return load_yaml(raw.decode()) if kind == YAML else decoded(raw)
    except UnicodeDecodeError as error:
        raise BadRequest(_("The body is not UTF-8.")) from error


def raw_body(request: HttpRequest) -> bytes:
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if announced.isdigit() and int(announced) > LARGEST:
        raise TooLarge(_("Request entity too large: limit is 3145728"))
    raw: bytes = request.body
    if len(raw) > LARGEST:
        raise TooLarge(_("Request entity too large: limit is 3145728"))
    return raw


def decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        wrong = re.sub(r"[^\x20-\x7e]", "?", str(error))[:200]
        raise BadRequest(_("The body cannot be read as JSON: %(what)s") % {"what": wrong}) from error


def shallow(value: Any, depth: int = 0) -> None:
    """Refuse what is nested deeper than any manifest: those who walk it later do so without counting."""
    if depth > DEEPEST:
        raise BadRequest(_("The body is nested too deeply."))
    if isinstance(value, dict):
        for each in value.values():
            shallow(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            shallow(each, depth + 1)
