"""What the database needs before the processes start: migrations, the first administrator, the demo image.

Run as the user vmconsole, in one process, for each start of Django takes a second. Prints the one-time password, if
there is one, as its only line.

    python first_steps.py [DEMO_IMAGE]
"""

from __future__ import annotations

import io
import os
import sys

os.umask(0o007)

import django  # noqa: E402
from django.core.management import call_command, get_commands  # noqa: E402


def main(demo_image: str = "") -> None:
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    told = io.StringIO()
    call_command("ensure_admin", stdout=told)
    if demo_image and "register_demo_image" in get_commands():
        call_command("register_demo_image", demo_image, stdout=sys.stderr)
    print(told.getvalue().strip())


if __name__ == "__main__":
    main(*sys.argv[1:])
