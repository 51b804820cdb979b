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
    path("", include("apiserver.urls")),
]

handler400 = "vmconsole.http.bad_request"
handler403 = "vmconsole.http.forbidden"
handler404 = "vmconsole.http.not_found"
handler500 = "vmconsole.http.failed"
