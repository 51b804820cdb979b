"""The storage app: disks, images, uploads."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    name = "storage"
