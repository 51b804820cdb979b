"""Audit entries can be inserted and nothing else."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from observability import triggers


def put_on(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    triggers.put_on(schema_editor.connection)


def take_off(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    triggers.take_off(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("observability", "0001_initial")]
    operations = [migrations.RunPython(put_on, take_off)]
