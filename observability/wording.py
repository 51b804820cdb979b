"""Names of the audit as people say them: what was done, on what, and how somebody had signed in.

The log keeps the bare names, because programs and the hash chain read them; pages show these words and the bare name
in the detail. An action without a word here shows by its name, so that nothing is hidden for want of a translation.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from observability.models import AuditEntry

DID: dict[str, Any] = {
    "adopt": _lazy("Adopted"),
    "attach": _lazy("Attached"),
    "audit_checkpoints": _lazy("Took the audit's checkpoints along"),
    "audit_export": _lazy("Exported the audit log"),
    "audit_read": _lazy("Read the audit log"),
    "audit_verify": _lazy("Verified the audit log"),
    "cancel": _lazy("Cancelled"),
    "console.control": _lazy("Moved control of the screen"),
    "console.serial": _lazy("Used the serial console"),
    "console.vnc": _lazy("Used the screen"),
    "console_replay": _lazy("Replayed a console session"),
    "create": _lazy("Created"),
    "delete": _lazy("Deleted"),
    "edit": _lazy("Changed"),
    "force-stop": _lazy("Forced to stop"),
    "grow": _lazy("Made larger"),
    "namespace_create": _lazy("Created the namespace"),
    "password_change": _lazy("Changed the password"),
    "password_reset": _lazy("Reset the password"),
    "pause": _lazy("Paused"),
    "person_activate": _lazy("Let in again"),
    "person_create": _lazy("Added the person"),
    "person_deactivate": _lazy("Locked out"),
    "person_unlock": _lazy("Unlocked"),
    "purge": _lazy("Deleted for good"),
    "quota_change": _lazy("Changed the quota"),
    "register": _lazy("Registered"),
    "reset": _lazy("Reset"),
    "restart": _lazy("Restarted"),
    "restore": _lazy("Restored from the trash"),
    "resume": _lazy("Resumed"),
    "retry": _lazy("Tried again"),
    "role_bind": _lazy("Gave a role"),
    "role_unbind": _lazy("Took a role away"),
    "secret_read": _lazy("Read the secret"),
    "serial_log": _lazy("Read the serial log"),
    "sessions_end": _lazy("Ended all sessions"),
    "share": _lazy("Shared with everybody"),
    "sign_in": _lazy("Signed in"),
    "sign_out": _lazy("Signed out"),
    "start": _lazy("Started"),
    "stop": _lazy("Stopped"),
    "token_create": _lazy("Created a token"),
    "token_list": _lazy("Created a token"),
    "token_revoke": _lazy("Revoked a token"),
    "token_use": _lazy("Used a token"),
    "trash": _lazy("Moved to the trash"),
    "type_create": _lazy("Created the machine type"),
    "unshare": _lazy("Shared no longer"),
    "upload": _lazy("Uploaded"),
}
KINDS: dict[str, Any] = {
    "AuditLog": _lazy("audit log"),
    "ConfigMap": _lazy("ConfigMap"),
    "Console": _lazy("console of virtual machine"),
    "Image": _lazy("image"),
    "Namespace": _lazy("namespace"),
    "Network": _lazy("network"),
    "NetworkInterface": _lazy("network interface"),
    "Node": _lazy("node"),
    "Operation": _lazy("operation"),
    "Request": _lazy("request"),
    "ResourceQuota": _lazy("quota"),
    "Secret": _lazy("secret"),
    "Session": _lazy("session"),
    "Token": _lazy("token"),
    "User": _lazy("person"),
    "VirtualMachine": _lazy("virtual machine"),
    "VirtualMachineDisk": _lazy("disk"),
    "VirtualMachineType": _lazy("machine type"),
}


def did(action: str) -> str:
    """What was done, as a verb of the past; the name itself where there is no word for it."""
    return str(DID.get(action, action))


def kind(name: str) -> str:
    return str(KINDS.get(name, name))


def signed_in(entry: AuditEntry) -> str:
    """How whoever did it had shown who they are."""
    if entry.auth == "token":
        return _("token %(name)s") % {"name": entry.token_id} if entry.token_id else _("token")
    known = {
        "session": _("browser session"),
        "password": _("password"),
        "system": _("the console itself"),
        "setup": _("set-up on the host"),
    }
    name = "setup" if entry.actor_name == "system:setup" else entry.auth
    return known.get(name, name)


def moved(entry: AuditEntry) -> str:
    """Who drives a screen now, and how that came; nothing of any other action."""
    extra = entry.details if entry.action == "console.control" else {}
    if not extra:
        return ""
    names = {"was": extra.get("from", ""), "now": extra.get("to", "")}
    sentences = {
        "given": _("%(was)s handed it over to %(now)s."),
        "taken": _("%(now)s took it from %(was)s."),
        "idle": _("%(now)s took it: %(was)s had typed nothing for a while."),
        "left": _("%(now)s has it: nobody else did."),
        "moved": _("%(now)s drives from another window."),
    }
    return sentences.get(str(extra.get("how")), "%(was)s → %(now)s") % names
