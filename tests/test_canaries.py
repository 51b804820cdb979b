"""Secrets that people hand over are found again in one place: sealed, in the vault.

Canaries go in by every door that takes a secret, also in requests that are refused. Then everything that is kept or
said is searched for them: every column of every table, every log line, every answer.
"""

from __future__ import annotations

import logging
from base64 import b64encode

import pytest
from django.db import connection
from django.test import Client

from inventory.models import VirtualMachine
from tests.people import MINE, client_of
from tests.test_doors import body_of
from tests.world import World, make_world
from vmconsole.access import secrets
from vmconsole.access.logs import JsonFormatter
from vmconsole.access.models import Secret

pytestmark = pytest.mark.django_db

CANARY = "cAnArY7f3a"
MANIFEST = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {{name: {name}, namespace: a}}
spec:
  compute: {{cpu: {{vcpus: {vcpus}}}, memory: {{capacity: 64Mi}}}}
  interfaces: [{{name: eth0, networkName: canary-net, default: true}}]
  disks: [{{virtualMachineDiskName: {disk}, boot: true}}]
  cloudInit:
    noCloud:
      userData: "#cloud-config\\npassword: {canary}-plain\\n"
      networkData: "{canary}-network"
"""


class Lines(logging.Handler):
    """Every line as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


def database_text() -> str:
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += [str(bytes(cell) if isinstance(cell, memoryview) else cell) for row in cursor for cell in row]
    return "\n".join(rows)


def hand_over(client: Client, world: World) -> list[str]:
    """Secrets by every door that takes one, well and badly. The answers' texts."""
    good = MANIFEST.format(name="keeper", vcpus=1, disk=world.disk.name, canary=CANARY)
    bad = MANIFEST.format(name="keeper-2", vcpus=97, disk=world.disk.name, canary=CANARY)
    broken = f"kind: VirtualMachine\nspec: {{userData: {CANARY}-broken"
    answers = [client.post("/vms/new/yaml", {"yaml": text}) for text in (good,)]
    assert answers[0].status_code == 302, answers[0].content.decode()[-3000:]
    client.post("/vms/new/yaml", {"yaml": bad})
    client.post("/vms/new/yaml", {"yaml": broken})
    place = {"namespace": MINE, "name": "from-afar", "size": "1Gi"}
    where = {"url": "https://images.example/disk.qcow2", "username": f"{CANARY}-user", "password": f"{CANARY}-pair"}
    made = client.post("/disks/new?source=address", place | where)
    assert made.status_code == 302, made.content.decode()[-3000:]
    client.post(
        "/disks/new?source=address", place | {"name": "afar-2", "url": f"https://me:{CANARY}-inside@images.example/x"}
    )
    client.post("/sign-in", {"username": "carol", "password": f"{CANARY}-wrong"})
    client.post("/settings/password", {"old_password": f"{CANARY}-old", "new_password1": "x", "new_password2": "x"})
    looks = ["/vms/a/keeper/", "/vms/a/keeper/configuration", "/vms/a/keeper/yaml", "/disks/", "/audit/"]
    return [client.get(where).content.decode() for where in looks]


def test_canaries_are_in_the_vault_and_nowhere_else() -> None:
    world = make_world()
    told = Lines()
    root = logging.getLogger()
    before = root.level
    root.addHandler(told)
    root.setLevel(logging.DEBUG)
    try:
        shown = hand_over(client_of(world.people.carol), world)
        shown.append(body_of(client_of(world.people.erin).get("/audit/export.jsonl")).decode())
    finally:
        root.removeHandler(told)
        root.setLevel(before)

    assert VirtualMachine.objects.filter(name="keeper").exists()
    vault = [str(secrets.unseal(bytes(sealed))) for sealed in Secret.objects.values_list("sealed", flat=True)]
    assert [text for text in vault if f"{CANARY}-plain" in text], "the test hands over nothing"
    assert [text for text in vault if f"{CANARY}-pair" in text], "the test hands over nothing"
    # Our own SQL log is off in production; what it holds is the database's business.
    said = [line for line in told.lines if '"django.db.backends"' not in line]
    encoded = b64encode(f"{CANARY}-plain".encode()).decode()[:12]
    for canary in (CANARY, encoded):
        assert [line for line in said if canary in line] == []
        assert [page for page in shown if canary in page] == []
        assert [text for text in database_text().splitlines() if canary in text] == []
