"""The operations app."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "vmconsole.operations"
    label = "operations"

    def ready(self) -> None:
        from observability import vitals
        from vmconsole.operations.models import Operation

        vitals.gauge("vmconsole_operations_open", lambda: Operation.objects.open().count())
