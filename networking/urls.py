"""The networks' pages."""

from django.urls import path

from networking import views

app_name = "networking"
urlpatterns = [
    path("networks/", views.network_list, name="network_list"),
    path("networks/export.csv", views.network_export, name="network_export"),
    path("networks/new", views.network_create, name="network_create"),
    path("networks/<slug:name>/", views.network_detail, name="network_detail"),
    path("networks/<slug:name>/delete", views.network_delete, name="network_delete"),
]
