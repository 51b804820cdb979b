"""Who may go through which door: one line per URL and method. `tests/test_doors.py` knocks at every one.

A new URL needs a line here, and a method that no line names must be answered with 405.

Read a line as: `"app:noun_verb": {"GET": SEE}`. What the words promise to each person stands in `ANSWERS`; people
and their roles in `tests/people.py`; what the doors are opened on is the world of `tests/world.py`, all of it in
namespace a. "Open" means that the door did not refuse the person; what they typed may still be wrong (422, 409).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from apiserver import consoles
from tests.people import MINE
from tests.world import World

OPEN: Final = 0  # the door is open: anything but a refusal
OUT: Final = 302  # a stranger: sent to the sign-in page, or 401 for programs

Answer = dict[str, int]


def answers(*, stranger: int = OUT, bob: int, carol: int, alice: int, dave: int, erin: int = OPEN) -> Answer:
    return {"stranger": stranger, "bob": bob, "carol": carol, "alice": alice, "dave": dave, "erin": erin}


# --- what the words promise: bob views a, carol edits a, alice administers a, dave has b only, erin has everything ---
EVERYBODY = answers(stranger=OPEN, bob=OPEN, carol=OPEN, alice=OPEN, dave=OPEN)
PEOPLE = answers(bob=OPEN, carol=OPEN, alice=OPEN, dave=OPEN)  # whoever is signed in; shows only what is theirs
SEE = answers(bob=OPEN, carol=OPEN, alice=OPEN, dave=404)
EDIT = answers(bob=403, carol=OPEN, alice=OPEN, dave=404)
EDIT_SOMEWHERE = answers(bob=403, carol=OPEN, alice=OPEN, dave=OPEN)  # a form: in one's own namespace
CLUSTER_SEE = answers(bob=OPEN, carol=OPEN, alice=OPEN, dave=404)
CLUSTER_EDIT = answers(bob=403, carol=403, alice=403, dave=404)
AUDIT = answers(bob=403, carol=403, alice=OPEN, dave=OPEN)  # of the namespaces one administers
AUDIT_HERE = answers(bob=403, carol=403, alice=OPEN, dave=404)
AUDIT_ALL = answers(bob=403, carol=403, alice=403, dave=404, erin=404)  # of the cluster; no controller made one here
NO_LOG = answers(bob=403, carol=403, alice=404, dave=404, erin=404)  # nothing was printed in tests
ROLES = answers(bob=404, carol=404, alice=OPEN, dave=OPEN)  # administrators of some namespace
ROLES_HERE = answers(bob=404, carol=404, alice=OPEN, dave=404)
PERSONS = answers(bob=404, carol=404, alice=403, dave=404)  # only for administrators of the cluster
PERSON_NEW = answers(bob=403, carol=403, alice=403, dave=404)
NOT_READY = answers(stranger=503, bob=503, carol=503, alice=503, dave=503, erin=503)  # no controller in tests
NO_PROMETHEUS = answers(bob=503, carol=503, alice=503, dave=503, erin=503)  # none is set up in tests
OWN = answers(bob=404, carol=OPEN, alice=404, dave=404, erin=404)  # carol began it, and goes on with it
OWN_OR_ADMIN = answers(bob=404, carol=OPEN, alice=404, dave=404)  # carol's; administrators of the cluster see it too
NO_PICTURE = answers(bob=403, carol=404, alice=404, dave=404, erin=404)  # no controller in tests takes one
MACHINE_DOOR = answers(stranger=404, bob=404, carol=404, alice=404, dave=404, erin=404)  # opens to a token only

Doors = dict[str, dict[str, Answer]]

ACCESS: Doors = {
    "access:sign_in": {"GET": EVERYBODY, "POST": EVERYBODY},
    "access:sign_out": {"POST": PEOPLE},
    "access:account": {"GET": PEOPLE},
    "access:preferences_change": {"POST": EVERYBODY},
    "access:password_change": {"GET": PEOPLE, "POST": PEOPLE},
    "access:sessions_end": {"POST": PEOPLE},
    "access:token_list": {"GET": PEOPLE, "POST": PEOPLE},
    "access:token_revoke": {"POST": OWN_OR_ADMIN},
    "access:api_login": {"POST": EVERYBODY},
    "access:api_me": {"GET": PEOPLE},
    "access:api_token_list": {"GET": PEOPLE, "POST": PEOPLE},
    "access:api_token": {"GET": OWN_OR_ADMIN, "DELETE": OWN_OR_ADMIN},
    "access:api_person_list": {"GET": ROLES, "POST": PERSON_NEW},
    "access:api_person": {"GET": ROLES_HERE, "PATCH": PERSONS},
    "access:api_role_list": {"GET": ROLES, "POST": ROLES_HERE},
    "access:api_role": {"DELETE": ROLES_HERE},
    "access:person_list": {"GET": ROLES},
    "access:person_create": {"POST": PERSON_NEW},
    "access:role_bind": {"POST": ROLES},
    "access:person_detail": {"GET": ROLES_HERE},
    "access:person_activate": {"POST": PERSONS},
    "access:person_deactivate": {"POST": PERSONS},
    "access:person_unlock": {"POST": PERSONS},
    "access:person_sessions_end": {"POST": PERSONS},
    "access:person_password_reset": {"POST": PERSONS},
    "access:role_unbind": {"POST": ROLES_HERE},
    "access:namespace_list": {"GET": PEOPLE},
    "access:namespace_create": {"POST": PERSON_NEW},
    "access:quota_change": {"GET": CLUSTER_EDIT, "POST": CLUSTER_EDIT},
}
GATEWAY: Doors = {
    "gateway:api_server": {"GET": EVERYBODY},
    "gateway:api_console_log": {"GET": EDIT},
    "gateway:replay_page": {"GET": AUDIT_HERE},
    "gateway:replay_log": {"GET": NO_LOG},
    "gateway:replay_steps": {"GET": NO_LOG},
    "gateway:console_check": {"GET": PEOPLE},  # says where the request arrived, and nothing of ours
    "gateway:console_ticket": {"POST": EDIT},  # a screen is a keyboard
}
OBSERVABILITY: Doors = {
    "observability:audit_list": {"GET": AUDIT},
    "observability:audit_entry": {"GET": AUDIT_HERE},
    "observability:audit_consoles": {"GET": AUDIT},
    "observability:audit_checkpoints": {"GET": AUDIT_ALL},
    "observability:audit_verify": {"POST": AUDIT},
    "observability:audit_export": {"GET": AUDIT},
    "observability:metric_table": {"GET": SEE},
    "observability:healthz": {"GET": EVERYBODY},
    "observability:livez": {"GET": EVERYBODY},
    "observability:readyz": {"GET": NOT_READY},
    "observability:metrics": {"GET": MACHINE_DOOR},
    "observability:api_audit": {"GET": AUDIT},
    "observability:api_metrics_range": {"GET": SEE},
    "observability:api_metrics_compare": {"GET": SEE},
    "observability:api_query": {"GET": PEOPLE, "POST": PEOPLE},  # of what one sees (tests/observability)
    "observability:api_query_range": {"GET": PEOPLE, "POST": PEOPLE},
    "observability:api_series": {"GET": PEOPLE, "POST": PEOPLE},
    "observability:api_labels": {"GET": NO_PROMETHEUS, "POST": PEOPLE},
    "observability:api_label_values": {"GET": NO_PROMETHEUS},
    "observability:api_schema": {"GET": PEOPLE},
}
OPERATIONS: Doors = {
    "operations:operation_list": {"GET": PEOPLE},
    "operations:operation_export": {"GET": PEOPLE},
    "operations:panel": {"GET": PEOPLE},
    "operations:operation_detail": {"GET": SEE},
    "operations:operation_cancel": {"POST": EDIT},
    "operations:operation_seen": {"POST": EDIT},
    "operations:api_operation_list": {"GET": PEOPLE},
    "operations:api_operation": {"GET": SEE},
    "operations:api_operation_cancel": {"POST": EDIT},
}
NETWORKING: Doors = {
    "networking:network_list": {"GET": PEOPLE},
    "networking:network_export": {"GET": PEOPLE},
    "networking:network_create": {"GET": CLUSTER_EDIT, "POST": CLUSTER_EDIT},
    # Whoever has a namespace names networks in it, so all of them are seen by all.
    "networking:network_detail": {"GET": PEOPLE, "POST": EDIT_SOMEWHERE},
    "networking:network_delete": {"POST": CLUSTER_EDIT},
}
STORAGE: Doors = {
    "storage:disk_list": {"GET": PEOPLE},
    "storage:disk_export": {"GET": PEOPLE},
    "storage:disk_create": {"GET": EDIT_SOMEWHERE, "POST": EDIT_SOMEWHERE},
    "storage:disk_detail": {"GET": SEE},
    "storage:disk_grow": {"GET": EDIT, "POST": EDIT},
    "storage:disk_delete": {"GET": EDIT, "POST": EDIT},
    "storage:disk_retry": {"POST": EDIT},
    "storage:disk_cancel": {"POST": EDIT},
    "storage:image_list": {"GET": PEOPLE},
    "storage:image_export": {"GET": PEOPLE},
    "storage:image_create": {"GET": EDIT_SOMEWHERE, "POST": EDIT_SOMEWHERE},
    "storage:image_detail": {"GET": SEE, "POST": EDIT},
    "storage:image_share": {"POST": CLUSTER_EDIT},
    "storage:image_unshare": {"POST": CLUSTER_EDIT},
    "storage:image_delete": {"GET": EDIT, "POST": EDIT},
    "storage:image_retry": {"POST": EDIT},
    "storage:image_cancel": {"POST": EDIT},
    "storage:api_image_list": {"GET": PEOPLE, "POST": EDIT},
    "storage:api_image": {"GET": SEE, "DELETE": EDIT},
    "storage:uploads": {"GET": PEOPLE, "POST": EDIT},
    "storage:upload": {"GET": OWN, "PATCH": OWN, "DELETE": OWN},
}
INVENTORY: Doors = {
    "inventory:overview": {"GET": PEOPLE},
    "inventory:palette": {"GET": PEOPLE},
    "inventory:vm_list": {"GET": PEOPLE},
    "inventory:vm_create": {"GET": EDIT_SOMEWHERE, "POST": EDIT_SOMEWHERE},
    "inventory:vm_create_yaml": {"GET": EDIT_SOMEWHERE, "POST": EDIT_SOMEWHERE},
    "inventory:vm_preview": {"POST": EDIT_SOMEWHERE},
    "inventory:vm_made": {"GET": SEE},
    "inventory:vm_bulk": {"POST": PEOPLE},  # says line by line what would be refused
    "inventory:vm_bulk_run": {"POST": PEOPLE},  # and refuses line by line: nothing changes
    "inventory:vm_bulk_results": {"GET": PEOPLE},
    "inventory:vm_export": {"GET": PEOPLE},
    "inventory:vm_row": {"GET": PEOPLE},
    "inventory:columns_choose": {"GET": PEOPLE, "POST": PEOPLE},  # one's own
    "inventory:view_list": {"GET": PEOPLE},
    "inventory:view_create": {"GET": PEOPLE, "POST": PEOPLE},  # one's own; shared ones: tests/inventory/test_views.py
    "inventory:view_one": {"GET": EDIT, "POST": EDIT},
    "inventory:view_delete": {"POST": EDIT},
    "inventory:view_default": {"POST": SEE},
    "inventory:vm_detail": {"GET": SEE},
    "inventory:vm_header": {"GET": SEE},
    "inventory:vm_side": {"GET": SEE},
    "inventory:vm_screenshot": {"GET": NO_PICTURE},  # a screen is as good as its console
    "inventory:vm_serial_log": {"GET": EDIT},
    "inventory:vm_logs": {"GET": EDIT},
    "inventory:vm_console": {"GET": EDIT},
    "inventory:vm_metrics": {"GET": SEE},
    "inventory:vm_compare": {"GET": SEE},
    "inventory:vm_slow": {"GET": SEE},
    "inventory:vm_configuration": {"GET": SEE, "POST": EDIT},
    "inventory:vm_configuration_preview": {"POST": EDIT},
    "inventory:vm_configuration_revert": {"POST": EDIT},
    "inventory:vm_yaml": {"GET": SEE, "POST": EDIT},
    "inventory:vm_disks": {"GET": SEE},
    "inventory:vm_network": {"GET": SEE},
    "inventory:vm_events": {"GET": SEE},
    "inventory:vm_version": {"GET": SEE, "POST": EDIT},
    "inventory:vm_power": {"POST": EDIT},
    "inventory:vm_delete": {"GET": EDIT, "POST": EDIT},
    "inventory:vm_adopt": {"GET": EDIT, "POST": CLUSTER_EDIT},
    "inventory:vm_drift": {"POST": EDIT},
    "inventory:vm_declare": {"POST": EDIT},
    "inventory:trash_list": {"GET": PEOPLE},
    "inventory:trash_restore": {"POST": EDIT},
    "inventory:trash_purge": {"GET": EDIT, "POST": EDIT},
    "inventory:api_trash_list": {"GET": PEOPLE, "POST": EDIT},
    "inventory:api_trash": {"DELETE": EDIT},
    "inventory:api_trash_restore": {"POST": EDIT},
    "inventory:type_list": {"GET": PEOPLE},
    "inventory:type_create": {"GET": CLUSTER_EDIT, "POST": CLUSTER_EDIT},
    "inventory:type_detail": {"GET": PEOPLE, "POST": CLUSTER_EDIT},
    "inventory:type_delete": {"POST": CLUSTER_EDIT},
    "inventory:api_vm_search": {"GET": PEOPLE},
    "inventory:api_vm_why": {"GET": SEE},
    "inventory:api_settings": {"GET": PEOPLE},
    "inventory:node_list": {"GET": CLUSTER_SEE},
    "inventory:node_detail": {"GET": CLUSTER_SEE},
}

DELETE_MANY = answers(bob=403, carol=403, alice=OPEN, dave=404)
NOWHERE = answers(bob=404, carol=404, alice=404, dave=404, erin=404)  # no such address, also for those who may


def namespaced(plural: str) -> Doors:
    """A kind of the Kubernetes API whose objects live in namespaces, with every verb."""
    return {
        f"apiserver:{plural}_all": {"GET": PEOPLE},
        f"apiserver:{plural}": {"GET": SEE, "POST": EDIT, "DELETE": DELETE_MANY},
        f"apiserver:{plural}_item": {"GET": SEE, "PUT": EDIT, "PATCH": EDIT, "DELETE": EDIT},
    }


def of_cluster(plural: str) -> Doors:
    """A kind of the cluster that everybody sees, because everybody names it, and few may change."""
    return {
        f"apiserver:{plural}": {"GET": PEOPLE, "POST": CLUSTER_EDIT, "DELETE": CLUSTER_EDIT},
        f"apiserver:{plural}_item": {
            "GET": PEOPLE, "PUT": CLUSTER_EDIT, "PATCH": CLUSTER_EDIT, "DELETE": CLUSTER_EDIT,
        },
    }  # fmt: skip


def of_kubevirt(mark: str = "") -> Doors:
    """Sub-resources. The machine of this world is off: what only a running one has is not there for anybody."""
    power = ("start", "stop", "restart", "pause", "unpause", "softreboot", "reset")
    return {
        f"apiserver:kubevirt_version{mark}": {"GET": PEOPLE},
        **{f"apiserver:kubevirt_{verb}{mark}": {"PUT": EDIT} for verb in power},
        **{f"apiserver:kubevirt_{word}{mark}": {"GET": EDIT} for word in ("vnc", "vnc_screenshot", "console")},
        **{
            f"apiserver:kubevirt_{word}{mark}": {"GET": NOWHERE}
            for word in ("guestosinfo", "filesystemlist", "userlist")
        },
    }


APISERVER: Doors = {
    "apiserver:core": {"GET": PEOPLE},
    "apiserver:core_resources": {"GET": PEOPLE},
    "apiserver:groups": {"GET": PEOPLE},
    "apiserver:group": {"GET": PEOPLE},
    "apiserver:resources": {"GET": PEOPLE},
    "apiserver:version": {"GET": EVERYBODY},
    "apiserver:openapi": {"GET": PEOPLE},
    "apiserver:openapi_old": {"GET": PEOPLE},
    "apiserver:openapi_core": {"GET": PEOPLE},
    "apiserver:openapi_group": {"GET": PEOPLE},
    "apiserver:reviews_access": {"POST": PEOPLE},
    "apiserver:reviews_rules": {"POST": PEOPLE},
    "apiserver:reviews_subject": {"POST": PEOPLE},
    "apiserver:nothing": {"GET": NOWHERE},
    "apiserver:no_document": {"GET": NOWHERE},
    **namespaced("virtualmachines"),
    **namespaced("virtualmachinedisks"),
    **namespaced("networkinterfaces"),
    **namespaced("secrets"),
    **namespaced("configmaps"),
    # Seen by all who work there, set by those who run the cluster.
    "apiserver:resourcequotas_all": {"GET": PEOPLE},
    "apiserver:resourcequotas": {"GET": SEE, "POST": CLUSTER_EDIT, "DELETE": CLUSTER_EDIT},
    "apiserver:resourcequotas_item": {"GET": SEE, "PUT": CLUSTER_EDIT, "PATCH": CLUSTER_EDIT, "DELETE": CLUSTER_EDIT},
    **of_cluster("virtualmachinetypes"),
    **of_cluster("networks"),
    # Their name is the namespace's: not theirs is not there.
    "apiserver:namespaces": {"GET": PEOPLE, "POST": CLUSTER_EDIT, "DELETE": CLUSTER_EDIT},
    "apiserver:namespaces_item": {"GET": SEE, "PUT": CLUSTER_EDIT, "PATCH": CLUSTER_EDIT, "DELETE": CLUSTER_EDIT},
    "apiserver:storageclasses": {"GET": PEOPLE},
    "apiserver:storageclasses_item": {"GET": PEOPLE},
    "apiserver:nodes": {"GET": PEOPLE},
    "apiserver:nodes_item": {"GET": CLUSTER_SEE},
    "apiserver:events_all": {"GET": PEOPLE},
    "apiserver:events": {"GET": SEE},
    "apiserver:events_item": {"GET": SEE},
    "apiserver:kubevirt_machines_all": {"GET": PEOPLE},
    "apiserver:kubevirt_machines": {"GET": SEE},
    "apiserver:kubevirt_machines_item": {"GET": SEE},
    "apiserver:kubevirt_instances_all": {"GET": PEOPLE},
    "apiserver:kubevirt_instances": {"GET": SEE},
    "apiserver:kubevirt_instances_item": {"GET": NOWHERE},
    **of_kubevirt(),
    **of_kubevirt("_v1alpha3"),
}

DOORS: Doors = ACCESS | GATEWAY | OBSERVABILITY | OPERATIONS | NETWORKING | STORAGE | INVENTORY | APISERVER

# --- what is typed at the doors ---------------------------------------------------------------------------------------
# What a parameter of a URL stands for, by the noun at the beginning of the URL's name; then what a door needs besides.
Values = Callable[[World], dict[str, Any]]

NOUNS: dict[str, Values] = {
    "kubevirt": lambda world: {"namespace": MINE, "name": world.vm.name},
    "audit": lambda world: {"number": world.entry, "kind": "csv"},
    "console": lambda world: {"uid": world.vm.uid, "kind": "serial"},
    "core": lambda _: {"version": "v1"},
    "group": lambda _: {"group": "vm.cluster.gke.io"},
    "resources": lambda _: {"group": "vm.cluster.gke.io", "version": "v1"},
    "openapi": lambda _: {"group": "vm.cluster.gke.io", "version": "v1"},
    "nothing": lambda _: {"rest": "a/b/c/d/e"},
    "no": lambda _: {"rest": "v9"},
    "virtualmachines": lambda world: {"namespace": MINE, "name": world.vm.name},
    "virtualmachinedisks": lambda world: {"namespace": MINE, "name": world.disk.name},
    "virtualmachinetypes": lambda world: {"name": world.type.name},
    "networks": lambda world: {"name": world.network.name},
    "networkinterfaces": lambda world: {"namespace": MINE, "name": world.interface.name},
    "namespaces": lambda _: {"name": MINE},
    "secrets": lambda _: {"namespace": MINE, "name": "canary-secret"},
    "configmaps": lambda _: {"namespace": MINE, "name": "canary-config"},
    "resourcequotas": lambda _: {"namespace": MINE, "name": "canary-quota"},
    "quota": lambda _: {"namespace": MINE},
    "storageclasses": lambda _: {"name": "local"},
    "nodes": lambda world: {"name": world.node.name},
    "events": lambda world: {"namespace": MINE, "name": world.event},
    "disk": lambda world: {"namespace": MINE, "name": world.disk.name, "uid": world.disk.uid},
    "image": lambda world: {"namespace": MINE, "name": world.image.name, "uid": world.image.uid},
    "label": lambda _: {"label": "name"},
    "metric": lambda world: {"uid": world.vm.uid, "metric": "cpu"},
    "network": lambda world: {"name": world.network.name},
    "interface": lambda world: {"namespace": MINE, "name": world.interface.name},
    "node": lambda world: {"name": world.node.name},
    "operation": lambda world: {"uid": world.operation.uid},
    "person": lambda world: {"pk": world.people.bob.pk},
    "role": lambda world: {"pk": world.people.bob.pk, "binding": world.binding.pk},
    "token": lambda world: {"pk": world.token.pk},
    "replay": lambda world: {"number": world.sitting},
    "trash": lambda world: {"uid": world.thrown_away.uid},
    "type": lambda world: {"name": world.type.name},
    "upload": lambda world: {"uid": world.upload.uid},
    "view": lambda world: {"uid": world.view.uid},
    "vm": lambda world: {
        "namespace": MINE,
        "name_": world.vm.name,
        "uid": world.vm.uid,
        "verb": "start",
        "number": 1,
    },
}
QUERIES: dict[str, Values] = {
    "storage:disk_create": lambda _: {"source": "blank"},
    "storage:image_create": lambda _: {"source": "address"},
    "observability:api_metrics_range": lambda world: {"uid": world.vm.uid, "metric": "cpu"},
    "observability:api_metrics_compare": lambda world: {"uid": world.vm.uid, "line": "cpu"},
    "inventory:vm_made": lambda world: {"namespace": MINE, "name": world.vm.name},
    "inventory:vm_compare": lambda world: {"vm": f"{MINE}/{world.vm.name}"},
}
HEADERS: dict[str, dict[str, str]] = {
    "storage:upload": {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
}
BODIES: dict[str, Values] = {
    "storage:disk_create": lambda _: {"namespace": MINE, "name": "new-disk", "size": "1Gi"},
    "storage:disk_grow": lambda _: {"size": "2Gi"},
    "storage:image_create": lambda _: {"namespace": MINE, "name": "new-image", "url": "https://images.example/x"},
    "storage:uploads": lambda _: {"kind": "Image", "namespace": MINE, "name": "new-image", "length": "1024"},
    "storage:api_image_list": lambda _: {"namespace": MINE, "name": "new-image", "url": "https://images.example/x"},
    "access:role_bind": lambda world: {"username": world.people.bob.username, "role": "view", "namespace": MINE},
    "access:person_create": lambda _: {"username": "somebody-new"},
    "access:token_list": lambda _: {"name": "new-token", "rights": "read", "namespaces": "", "days": "7"},
    "access:api_token_list": lambda _: {"name": "new-token"},
    "access:api_person_list": lambda _: {"username": "somebody-new"},
    "access:api_person": lambda _: {"is_active": False},
    "access:api_role_list": lambda world: {"username": "bob", "role": "edit", "namespace": MINE},
    "access:namespace_create": lambda _: {"name": "somewhere-new"},
    "inventory:vm_bulk": lambda world: {"uid": world.vm.uid, "verb": "start"},
    "inventory:vm_bulk_run": lambda world: {"uid": world.vm.uid, "verb": "start"},
    "inventory:view_create": lambda _: {"name": "new-view"},
    "inventory:view_one": lambda _: {"name": "new-name"},
    "inventory:vm_delete": lambda world: {"typed": world.vm.name},
    "inventory:trash_purge": lambda world: {"typed": world.thrown_away.name},
    "inventory:api_trash_list": lambda world: {"namespace": MINE, "name": world.vm.name},
    "networking:network_create": lambda _: {"name": "new-net", "interface": "br1"},
    "networking:network_detail": lambda _: {"namespace": MINE, "name": "new-card"},
}

# --- doors that are no URLs -------------------------------------------------------------------------------------------
SOCKETS: dict[str, str] = {
    "feed": "signed in; every subscription is checked against what the person may see (tests/gateway)",
    "console/check": "a page of ours; says one short message back (tests/gateway)",
    "console/<uuid:uid>/<slug:kind>": "a single-use ticket, asked for with the right to use consoles (tests/gateway)",
    f"apis/{consoles.GROUP}/{consoles.ADDRESS}": "a token with the right to use consoles there (tests/gateway)",
    "apis/<path:rest>": "404: no other socket of the API is there",
    "": "closes at once: nothing else is a socket",
}
COMMANDS: dict[str, str] = {
    "controller": "the process that watches the runtime; root's and our service user's",
    "ensure_admin": "makes the first administrator, once",
    "register_demo_image": "puts the demo image into the list of images",
    "rotate_secrets": "seals every secret with the newest key",
    "verify_audit": "reads the audit chain and says whether it is whole",
}
TASKS: dict[str, str] = {
    "vmconsole.beat": "takes nothing; rings for everything that is due",
    "vmconsole.look": "takes a kind and a uid, carries no wish: a forged message makes us look, and nothing else",
}
