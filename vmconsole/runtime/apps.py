"""The runtimes app."""

from django.apps import AppConfig


class RuntimeConfig(AppConfig):
    name = "vmconsole.runtime"
    label = "runtime"
