"""Signing in and out, one's own preferences, people and namespaces."""

from django.urls import URLPattern, URLResolver

app_name = "access"
urlpatterns: list[URLPattern | URLResolver] = []
