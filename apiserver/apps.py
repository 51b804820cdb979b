"""The apiserver app: the resources in the shape of the Kubernetes API."""

from django.apps import AppConfig


class ApiserverConfig(AppConfig):
    name = "apiserver"
