"""What a disk image says about itself, read by us before any tool opens it.

QEMU believes what a header says: that the data lies in another file, that the disk has a petabyte. So no byte of
an uploaded or downloaded file reaches QEMU before `inspect` has read its header with limits and without following
anything. Pure Python, no Django, no subprocess.
"""

from vmconsole.runtime.images.refusal import BadImage
from vmconsole.runtime.images.sniff import ImageHeader, inspect
from vmconsole.runtime.images.unpack import container_of, unpack

__all__ = ["BadImage", "ImageHeader", "container_of", "inspect", "unpack"]
