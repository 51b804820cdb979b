"""The roof: which door hangs where. Each app lists its own rooms."""

from django.urls import include, path, re_path

urlpatterns = [
    # First, and looked through by nobody else: programs ask these a hundred times a second.
    re_path(r"^(?=apis?/|apis?$|openapi/|version$)", include("apiserver.urls")),
    path("", include("vmconsole.access.urls")),
    path("", include("vmconsole.gateway.urls")),
    path("", include("observability.urls")),
    path("", include("vmconsole.operations.urls")),
    path("", include("networking.urls")),
    path("", include("storage.urls")),
    path("", include("inventory.urls")),
]

handler400 = "vmconsole.http.bad_request"
handler403 = "vmconsole.http.forbidden"
handler404 = "vmconsole.http.not_found"
handler500 = "vmconsole.http.failed"
