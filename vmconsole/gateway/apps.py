"""The gateway app."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    name = "vmconsole.gateway"
    label = "gateway"
