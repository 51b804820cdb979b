"""The inventory app: machines, their disks and network cards."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"

    def ready(self) -> None:
        from inventory import reconcile, targets
        from vmconsole.operations import loop

        loop.register("VirtualMachine", reconcile.reconcile, reconcile.unsettled)
        targets.register()
