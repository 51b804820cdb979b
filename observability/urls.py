"""The doors of the observability app."""

from django.urls import URLPattern

app_name = "observability"
urlpatterns: list[URLPattern] = []
