"""Names of the audit as people say them: what was done, on what, and how somebody had signed in.

The log keeps the bare names, because programs and the hash chain read them; pages show these words and the bare name
in the detail. An action without a word here shows by its name, so that nothing is hidden for want of a translation.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from observability.models import AuditEntry

DID: dict[str, Any] = {
    "adopt": gettext_lazy("Adopted"),
    "attach": gettext_lazy("Attached"),
    "audit_checkpoints": gettext_lazy("Took the audit's checkpoints along"),
    "audit_export": gettext_lazy("Exported the audit log"),
    "audit_read": gettext_lazy("Read the audit log"),
    "audit_verify": gettext_lazy("Verified the audit log"),
    "cancel": gettext_lazy("Cancelled"),
    "console.control": gettext_lazy("Moved control of the screen"),
    "console.serial": gettext_lazy("Used the serial console"),
    "console.vnc": gettext_lazy("Used the screen"),
    "console_replay": gettext_lazy("Replayed a console session"),
    "create": gettext_lazy("Created"),
    "delete": gettext_lazy("Deleted"),
    "edit": gettext_lazy("Changed"),
    "force-stop": gettext_lazy("Forced to stop"),
    "grow": gettext_lazy("Made larger"),
    "namespace_create": gettext_lazy("Created the namespace"),
    "password_change": gettext_lazy("Changed the password"),
    "password_reset": gettext_lazy("Reset the password"),
    "pause": gettext_lazy("Paused"),
    "person_activate": gettext_lazy("Let in again"),
    "person_create": gettext_lazy("Added the person"),
    "person_deactivate": gettext_lazy("Locked out"),
    "person_unlock": gettext_lazy("Unlocked"),
    "purge": gettext_lazy("Deleted for good"),
    "quota_change": gettext_lazy("Changed the quota"),
    "register": gettext_lazy("Registered"),
    "reset": gettext_lazy("Reset"),
    "restart": gettext_lazy("Restarted"),
    "restore": gettext_lazy("Restored from the trash"),
    "resume": gettext_lazy("Resumed"),
    "retry": gettext_lazy("Tried again"),
    "role_bind": gettext_lazy("Gave a role"),
    "role_unbind": gettext_lazy("Took a role away"),
    "secret_read": gettext_lazy("Read the secret"),
    "serial_log": gettext_lazy("Read the serial log"),
    "sessions_end": gettext_lazy("Ended all sessions"),
    "share": gettext_lazy("Shared with everybody"),
    "sign_in": gettext_lazy("Signed in"),
    "sign_out": gettext_lazy("Signed out"),
    "start": gettext_lazy("Started"),
    "stop": gettext_lazy("Stopped"),
    "token_create": gettext_lazy("Created a token"),
    "token_list": gettext_lazy("Created a token"),
    "token_revoke": gettext_lazy("Revoked a token"),
    "token_use": gettext_lazy("Used a token"),
    "trash": gettext_lazy("Moved to the trash"),
    "type_create": gettext_lazy("Created the machine type"),
    "unshare": gettext_lazy("Shared no longer"),
    "upload": gettext_lazy("Uploaded"),
}
KINDS: dict[str, Any] = {
    "AuditLog": gettext_lazy("audit log"),
    "ConfigMap": gettext_lazy("ConfigMap"),
    "Console": gettext_lazy("console of virtual machine"),
    "Image": gettext_lazy("image"),
    "Namespace": gettext_lazy("namespace"),
    "Network": gettext_lazy("network"),
    "NetworkInterface": gettext_lazy("network interface"),
    "Node": gettext_lazy("node"),
    "Operation": gettext_lazy("operation"),
    "Request": gettext_lazy("request"),
    "ResourceQuota": gettext_lazy("quota"),
    "Secret": gettext_lazy("secret"),
    "Session": gettext_lazy("session"),
    "Token": gettext_lazy("token"),
    "User": gettext_lazy("person"),
    "VirtualMachine": gettext_lazy("virtual machine"),
    "VirtualMachineDisk": gettext_lazy("disk"),
    "VirtualMachineType": gettext_lazy("machine type"),
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
