"""Tickets over HTTP. The websockets are in `vmconsole.asgi`."""

from django.urls import path

from vmconsole.gateway import api, views

app_name = "gateway"
urlpatterns = [
    path("console/<uuid:uid>/<slug:kind>/ticket", views.console_ticket, name="console_ticket"),
    path("api/v1/server", api.ServerView.as_view(), name="api_server"),
]
