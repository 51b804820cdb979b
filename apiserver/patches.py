"""Patches: merge (RFC 7396) and JSON patch (RFC 6902), applied to what the client could see.

kubectl sends strategic merge patches for kinds of the core; ours there have no lists that would be merged by key, so
it is taken as a merge, its directives obeyed where they mean something.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import jsonpatch
from django.http import HttpRequest
from django.utils.translation import gettext as _

from apiserver.bodies import decoded, media_type, raw_body, shallow
from apiserver.kinds import Kind, Manifest
from apiserver.status import BadRequest, UnsupportedMediaType
from vmconsole.access.errors import Unprocessable

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = ("application/apply-patch+yaml", "application/apply-patch+cbor")
MOST_OPERATIONS = 1000


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch as it came, and how it is to be applied."""

    how: str
    body: Any

    def applied(self, current: Manifest) -> Manifest:
        result: Any
        if self.how == JSON_PATCH:
            result = _json_patched(current, self.body)
        else:
            result = merged(copy.deepcopy(current), self.body, directives=self.how == STRATEGIC)
        if not isinstance(result, dict):
            raise Unprocessable(_("The patch leaves no object."))
        shallow(result)
        return result


def patch_of(request: HttpRequest, kind: Kind) -> Patch:
    how = media_type(request)
    if how in APPLY:
        sentence = _("Server-side apply is not offered here. Use kubectl apply without --server-side.")
        raise UnsupportedMediaType(sentence)
    taken = [JSON_PATCH, MERGE, *([STRATEGIC] if not kind.group else [])]
    if how not in taken:
        sentence = _("the body of the request was in an unknown format - accepted media types include: %(types)s")
        raise UnsupportedMediaType(sentence % {"types": ", ".join(taken)})
    body = decoded(raw_body(request))
    shallow(body)
    if how == JSON_PATCH:
        _check_operations(body)
    elif not isinstance(body, dict):
        raise BadRequest(_("The patch must be one object."))
    return Patch(how, body)


def merged(target: Any, patch: Any, *, directives: bool = False) -> Any:
    """RFC 7396: null takes away, objects are merged, everything else is put in place."""
    if not isinstance(patch, dict):
        return patch
    if directives and patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = target if isinstance(target, dict) else {}
    for key, value in patch.items():
        if directives and key.startswith("$"):
            _directed(result, key, value)
        elif value is None or (directives and isinstance(value, dict) and value.get("$patch") == "delete"):
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value, directives=directives)
    return result


def _directed(result: dict[str, Any], key: str, value: Any) -> None:
    """Of the directives of strategic patches the one that our kinds can meet: taking values out of a plain list."""
    word, _slash, field = key.partition("/")
    if word == "$deleteFromPrimitiveList" and isinstance(value, list) and isinstance(result.get(field), list):
        result[field] = [each for each in result[field] if each not in value]


def _check_operations(body: Any) -> None:
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise BadRequest(_("A JSON patch is a list of operations."))
    if len(body) > MOST_OPERATIONS:
        sentence = _("The allowed maximum operations in a JSON patch is %(most)s, got %(count)s")
        raise BadRequest(sentence % {"most": MOST_OPERATIONS, "count": len(body)})


def _json_patched(current: Manifest, operations: list[dict[str, Any]]) -> Any:
    try:
        return jsonpatch.JsonPatch(operations).apply(current, in_place=False)
    except jsonpatch.JsonPatchTestFailed as error:
        raise Unprocessable(_("the server rejected our request due to an error in our request")) from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise Unprocessable(_("The patch cannot be applied: %(why)s") % {"why": str(error)[:200]}) from error
    except (TypeError, KeyError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise BadRequest(_("The patch cannot be read.")) from error
