"""What can be asked of disks, images and uploads: one function per thing a person can ask.

Each writes wish, operation, audit entry and outbox row in one transaction and rings for the loop, which does it.
"""

from storage.services.asking import bytes_of
from storage.services.attaching import attach, detach
from storage.services.disks import (
    cancel,
    create_disk,
    delete_disk,
    delete_disk_with_machine,
    grow_disk,
    register_location,
    retry,
)
from storage.services.editing import edit_disk
from storage.services.images import create_image, delete_image, edit_image, set_public
from storage.services.uploads import abandon_upload, append_part, begin_upload

__all__ = [
    "abandon_upload",
    "append_part",
    "attach",
    "begin_upload",
    "bytes_of",
    "cancel",
    "create_disk",
    "create_image",
    "delete_disk",
    "delete_disk_with_machine",
    "delete_image",
    "detach",
    "edit_disk",
    "edit_image",
    "grow_disk",
    "register_location",
    "retry",
    "set_public",
]
