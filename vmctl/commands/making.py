"""`apply`, `diff` and `delete`: manifests, as kubectl takes them."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import typer

from vmctl import completing, merging, waiting
from vmctl.discovery import MACHINE, Resource
from vmctl.errors import Exit, Failed, clean, usage
from vmctl.manifests import Manifest, placed, read, resource_of, title
from vmctl.options import Context, DryRun, Files, Namespace, Selector, Timeout, Wait, Yes
from vmctl.output import dump_yaml, interactive, note, say
from vmctl.session import Session
from vmctl.words import _

Tree = dict[str, Any]
TRASH = "/api/v1/trash"
FILLED_IN = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")


def apply(
    files: Files, wait: Wait = False, timeout: Timeout = waiting.SECONDS, dry_run: DryRun = False,
    namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    asked = _asked(session, files)
    for resource, manifest in asked:
        say(f"{title(resource, manifest)} {_apply_one(session, resource, manifest, dry_run=dry_run)}")
    if wait and not dry_run:
        wait_for(session, asked, timeout)


def wait_for(session: Session, asked: list[tuple[Resource, Manifest]], timeout: int) -> None:
    for resource, manifest in asked:
        metadata = manifest["metadata"]
        done = waiting.is_ready(resource, manifest)
        thing = waiting.wait(session, resource, metadata.get("namespace", ""), metadata["name"], done, seconds=timeout)
        if state := waiting.state_of(thing):
            say(_("%(name)s is %(state)s.") % {"name": title(resource, manifest), "state": state})


def _asked(session: Session, files: list[str]) -> list[tuple[Resource, Manifest]]:
    """Everything is read and known before anything is changed."""
    found = [(resource_of(session.catalogue, manifest), manifest) for manifest in read(files)]
    return [(resource, placed(manifest, resource, session.namespace)) for resource, manifest in found]


def _apply_one(session: Session, resource: Resource, manifest: Manifest, *, dry_run: bool) -> str:
    metadata = manifest["metadata"]
    live = find(session, resource, manifest)
    if live is None:
        session.create(resource, merging.annotated(manifest), dry_run=dry_run)
        return _("created (dry run)") if dry_run else _("created")
    patch = merging.patch(live, manifest)
    if not patch:
        return _("unchanged")
    made = session.patch(resource, metadata.get("namespace", ""), metadata["name"], patch, dry_run=dry_run)
    if made["metadata"].get("resourceVersion") == live["metadata"].get("resourceVersion") and not dry_run:
        return _("unchanged")  # the server's defaults, spelt out
    return _("configured (dry run)") if dry_run else _("configured")


def find(session: Session, resource: Resource, manifest: Manifest) -> Tree | None:
    metadata = manifest["metadata"]
    try:
        return session.get(resource, metadata["name"], metadata.get("namespace", ""))
    except Failed as failed:
        if failed.code is Exit.NOT_FOUND:
            return None
        raise


def diff(files: Files, namespace: Namespace = "", context: Context = "") -> None:
    session = Session(context, namespace)
    different = False
    for resource, manifest in _asked(session, files):
        live = find(session, resource, manifest)
        after = _after(session, resource, manifest, live)
        lines = _compared(title(resource, manifest), live or {}, after)
        different = different or bool(lines)
        for line in lines:
            typer.secho(clean(line, keep="\t"), fg={"+": "green", "-": "red"}.get(line[:1]))
    raise typer.Exit(Exit.DIFFERENT if different else Exit.DONE)


def _after(session: Session, resource: Resource, manifest: Manifest, live: Tree | None) -> Tree:
    """What the server would make of it, defaults and all."""
    if live is None:
        return session.create(resource, merging.annotated(manifest), dry_run=True)
    patch = merging.patch(live, manifest)
    metadata = manifest["metadata"]
    return (
        session.patch(resource, metadata.get("namespace", ""), metadata["name"], patch, dry_run=True) if patch else live
    )


def _compared(name: str, before: Tree, after: Tree) -> list[str]:
    old, new = (dump_yaml(_own(tree)).splitlines() if tree else [] for tree in (before, after))
    return list(difflib.unified_diff(old, new, f"live/{name}", f"merged/{name}", lineterm=""))


def _own(tree: Tree) -> Tree:
    """Without what only servers write, and without secrets' values: those are compared, and never shown."""
    bare = merging.without_note({key: value for key, value in tree.items() if key != "status"})
    bare["metadata"] = {key: value for key, value in bare["metadata"].items() if key not in FILLED_IN}
    if tree.get("kind") == "Secret":
        for field in ("data", "stringData"):
            bare |= {field: {key: _veiled(value) for key, value in (tree.get(field) or {}).items()}}
    return bare


def _veiled(value: object) -> str:
    from hashlib import sha256

    return f"*** ({sha256(str(value).encode()).hexdigest()[:8]})"


def delete(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="KIND NAME...", help=_("A kind and names of it, or KIND/NAME."),
                       autocompletion=completing.objects),
    ] = None,
    files: Files = [],  # noqa: B006  # read only
    selector: Selector = "",
    wait: Wait = False,
    timeout: Timeout = waiting.SECONDS,
    yes: Yes = False,
    ignore: Annotated[bool, typer.Option("--ignore-not-found", help=_("Being gone already is fine."))] = False,
    at_once: Annotated[
        bool, typer.Option("--now", help=_("Machines for good, and not into the trash. With -f always so."))
    ] = False,
    namespace: Namespace = "",
    context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    doomed = list(reversed(_asked(session, files))) if files else _named(session, what or [], selector)
    if not doomed:
        note(_("There is nothing to delete."))
        return
    if not yes and interactive():
        shown = ", ".join(clean(title(*one), keep="") for one in doomed)
        typer.confirm(_("Delete %(names)s?") % {"names": shown}, abort=True)
    for_good = at_once or bool(files)
    gone = [one for one in doomed if _delete_one(session, *one, ignore=ignore, for_good=for_good)]
    for resource, manifest in gone if wait else []:
        metadata = manifest["metadata"]
        place = metadata.get("namespace", "")
        waiting.wait(session, resource, place, metadata["name"], waiting.is_gone, seconds=timeout)


def _named(session: Session, what: list[str], selector: str) -> list[tuple[Resource, Manifest]]:
    from vmctl.commands.looking import parse

    if not what:
        raise usage(_("Say what to delete: KIND NAME, KIND/NAME, or -f FILE."))
    found = []
    for resource, names in parse(session, what):
        if not names and not selector:
            raise usage(_("Say which: names, or labels with -l."))
        chosen = session.list(resource, session.namespace, labelSelector=selector) if not names else []
        every = [*names, *(one["metadata"]["name"] for one in chosen)]
        place = {"namespace": session.namespace} if resource.namespaced else {}
        found += [(resource, {"metadata": {"name": name, **place}}) for name in every]
    return found


def _delete_one(
    session: Session, resource: Resource, manifest: Manifest, *, ignore: bool, for_good: bool
) -> bool:  # fmt: skip
    metadata = manifest["metadata"]
    place, name = metadata.get("namespace", ""), metadata["name"]
    thrown = False
    try:
        if for_good or (resource.group, resource.kind) != (MACHINE.group, MACHINE.kind):
            session.api.request("DELETE", resource.path(place, name))
        else:
            thrown = session.api.json("POST", TRASH, json={"namespace": place, "name": name})["verb"] == "trash"
    except Failed as failed:
        if ignore and failed.code is Exit.NOT_FOUND:
            return False
        raise
    say(f"{title(resource, manifest)} " + (_("moved to the trash") if thrown else _("deleted")))
    return True
