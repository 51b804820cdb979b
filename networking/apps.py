"""The networking app: networks, and the cards that keep their addresses."""

from django.apps import AppConfig


class NetworkingConfig(AppConfig):
    name = "networking"

    def ready(self) -> None:
        from networking import reconcile
        from vmconsole.operations import loop

        loop.register("Network", reconcile.reconcile, reconcile.unsettled)
