"""The operations panel and its pages."""

from django.urls import path

from vmconsole.operations import api, views

app_name = "operations"
urlpatterns = [
    path("operations/", views.operation_list, name="operation_list"),
    path("operations/export.csv", views.operation_export, name="operation_export"),
    path("operations/panel", views.panel, name="panel"),
    path("operations/<uuid:uid>/", views.operation_detail, name="operation_detail"),
    path("operations/<uuid:uid>/cancel", views.operation_cancel, name="operation_cancel"),
    path("operations/<uuid:uid>/seen", views.operation_seen, name="operation_seen"),
    path("api/v1/operations", api.OperationList.as_view(), name="api_operation_list"),
    path("api/v1/operations/<uuid:uid>", api.OperationOne.as_view(), name="api_operation"),
    path("api/v1/operations/<uuid:uid>/cancel", api.OperationCancel.as_view(), name="api_operation_cancel"),
]
