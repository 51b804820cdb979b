"""The schemas of what every kind shares: ObjectMeta, ListMeta, Status, DeleteOptions."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _map(description: str) -> Schema:
    return {"type": "object", "description": description, "additionalProperties": {"type": "string"}}


def _list(description: str, of: Schema) -> Schema:
    return {"type": "array", "description": description, "items": of}


OWNER: Schema = {
    "type": "object",
    "description": "An object that this one belongs to.",
    "required": ["apiVersion", "kind", "name", "uid"],
    "properties": {
        "apiVersion": _text("Group and version of the owner."),
        "kind": _text("Kind of the owner."),
        "name": _text("Name of the owner, in the same namespace or of the cluster."),
        "uid": _text("UID of the owner."),
        "controller": {"type": "boolean", "description": "Whether it is the one that manages this object."},
        "blockOwnerDeletion": {"type": "boolean", "description": "Kept as written."},
    },
}
OBJECT_META: Schema = {
    "type": "object",
    "description": "Name, labels and what the server notes of the object.",
    "properties": {
        "name": _text("Lower-case letters, digits, '-' and '.'. Cannot change."),
        "generateName": _text("Beginning of a name that the server completes, when there is no name."),
        "namespace": _text("Where it lives. Cannot change."),
        "uid": _text("Identifies this object for all time. Set by the server."),
        "resourceVersion": _text("Changes with every change. Sent back, it keeps you from overwriting newer ones."),
        "generation": {"type": "integer", "format": "int64", "description": "Number of the wish. Set by the server."},
        "creationTimestamp": _text("When it was created. Set by the server.", format="date-time"),
        "deletionTimestamp": _text("When its deletion was asked for. Set by the server.", format="date-time"),
        "labels": _map("Words to find and group objects by."),
        "annotations": _map("Notes of people and programs; vmconsole.dev/… are this console's own."),
        "ownerReferences": _list("Objects it belongs to: it is deleted once all of them are gone.", OWNER),
        "finalizers": _list("Names that hold a deleted object until somebody removes them.", {"type": "string"}),
    },
}
LIST_META: Schema = {
    "type": "object",
    "description": "What belongs to the list as a whole.",
    "properties": {
        "resourceVersion": _text("Watch from here to miss nothing."),
        "continue": _text("Ask with it for the rest of the list."),
        "remainingItemCount": {"type": "integer", "format": "int64"},
    },
}
STATUS: Schema = {
    "type": "object",
    "description": "How a request ended that returns no object.",
    "properties": {
        "apiVersion": _text("v1"),
        "kind": _text("Status"),
        "metadata": {"type": "object"},
        "status": _text("Success or Failure."),
        "message": _text("A sentence for the person who asked."),
        "reason": _text("One word for programs."),
        "details": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "code": {"type": "integer", "format": "int32"},
    },
    "x-kubernetes-group-version-kind": [{"group": "", "kind": "Status", "version": "v1"}],
}
DELETE_OPTIONS: Schema = {
    "type": "object",
    "description": "How to delete.",
    "properties": {
        "dryRun": _list("All: only say what would happen.", {"type": "string"}),
        "propagationPolicy": _text("Background, Foreground or Orphan: what becomes of what it owns."),
        "preconditions": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
