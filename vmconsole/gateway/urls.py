"""Tickets over HTTP. The websockets are in `vmconsole.asgi`."""

from django.urls import path

from vmconsole.gateway import api, api_logs, views, views_replay

app_name = "gateway"
urlpatterns = [
    path("console/check", views.console_check, name="console_check"),
    path("console/<uuid:uid>/<slug:kind>/ticket", views.console_ticket, name="console_ticket"),
    path("audit/<int:number>/replay", views_replay.replay_page, name="replay_page"),
    path("audit/<int:number>/replay.log", views_replay.replay_log, name="replay_log"),
    path("audit/<int:number>/replay.json", views_replay.replay_steps, name="replay_steps"),
    path("api/v1/server", api.ServerView.as_view(), name="api_server"),
    path("api/v1/logs/<uuid:uid>", api_logs.SerialLogView.as_view(), name="api_console_log"),
]
