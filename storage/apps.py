"""The storage app: disks, images, and uploads that become them."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    name = "storage"

    def ready(self) -> None:
        from storage import reconcile
        from vmconsole.operations import loop

        loop.register("VirtualMachineDisk", reconcile.reconcile_disk, reconcile.unsettled_disks)
        loop.register("Image", reconcile.reconcile_image, reconcile.unsettled_images)
        loop.register("Upload", reconcile.reconcile_upload, reconcile.expired_uploads)
