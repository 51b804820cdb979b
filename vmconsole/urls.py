"""The roof: which door hangs where. Each app lists its own rooms."""

from django.urls import include, path

urlpatterns = [
    path("", include("vmconsole.access.urls")),
    path("", include("vmconsole.gateway.urls")),
    path("", include("observability.urls")),
    path("", include("vmconsole.operations.urls")),
    path("", include("networking.urls")),
    path("", include("storage.urls")),
    path("", include("inventory.urls")),
]
