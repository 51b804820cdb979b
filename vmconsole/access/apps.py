"""The access app: people, roles, secrets, and the checks every request passes."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "vmconsole.access"
    label = "access"

    def ready(self) -> None:
        from vmconsole.access import logs

        logs.configure()
