"""The web process: pages and API, the feed, console pipes, on one port.

What it needs is imported before the first visitor, and then taken out of the garbage collector's sight: walking it held
every console still for 70 ms each time.
"""

from __future__ import annotations

import gc
import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vmconsole.settings")
pages = get_asgi_application()  # before anything that imports models

from apiserver import consoles  # noqa: E402
from apiserver.handler import resources_apart  # noqa: E402
from apiserver.watch import following  # noqa: E402
from vmconsole.gateway.bodies import small_bodies_only  # noqa: E402
from vmconsole.gateway.consoles import check, console, nowhere  # noqa: E402
from vmconsole.gateway.consumers import Feed  # noqa: E402
from vmconsole.gateway.lifespan import lifespan  # noqa: E402
from vmconsole.gateway.origins import own_pages_only  # noqa: E402
from vmconsole.urls import urlpatterns  # noqa: E402, F401  # all views

sockets = URLRouter(
    [
        path("feed", own_pages_only(Feed.as_asgi())),  # type: ignore[arg-type]
        path("console/check", own_pages_only(check)),  # type: ignore[arg-type]
        path("console/<uuid:uid>/<slug:kind>", own_pages_only(console)),  # type: ignore[arg-type]
        path(f"apis/{consoles.GROUP}/{consoles.ADDRESS}", consoles.console),  # type: ignore[arg-type]
        path("apis/<path:rest>", consoles.nowhere),  # type: ignore[arg-type]
        re_path("", own_pages_only(nowhere)),  # type: ignore[arg-type]
    ]
)
application = ProtocolTypeRouter(
    {"http": small_bodies_only(following(resources_apart(pages))), "websocket": sockets, "lifespan": lifespan}
)
gc.collect()
gc.freeze()
