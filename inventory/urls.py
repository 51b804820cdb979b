"""The pages of the fleet: overview, machines, types, nodes; and two doors for programs."""

from django.urls import path

from inventory import api
from inventory.views import bulk, configure, create, lists, logs, machines, measuring, nodes, overview, palette, types

app_name = "inventory"
one = "vms/<slug:namespace>/<str:name_>/"
urlpatterns = [
    path("", overview.overview, name="overview"),
    path("palette", palette.palette, name="palette"),
    path("metrics/compare", measuring.vm_compare, name="vm_compare"),
    path("vms/", lists.vm_list, name="vm_list"),
    path("vms/new", create.vm_create, name="vm_create"),
    path("vms/new/yaml", create.vm_create_yaml, name="vm_create_yaml"),
    path("vms/new/preview", create.vm_preview, name="vm_preview"),
    path("vms/bulk", bulk.vm_bulk, name="vm_bulk"),
    path("vms/bulk/run", bulk.vm_bulk_run, name="vm_bulk_run"),
    path("vms/export.csv", lists.vm_export, name="vm_export"),
    path("vms/rows/<uuid:uid>", lists.vm_row, name="vm_row"),
    path(one, machines.vm_detail, name="vm_detail"),
    path(f"{one}header", machines.vm_header, name="vm_header"),
    path(f"{one}side", lists.vm_side, name="vm_side"),
    path(f"{one}screenshot.png", machines.vm_screenshot, name="vm_screenshot"),
    path(f"{one}console", machines.vm_console, name="vm_console"),
    path(f"{one}serial.log", logs.vm_serial_log, name="vm_serial_log"),
    path(f"{one}metrics", machines.vm_metrics, name="vm_metrics"),
    path(f"{one}slow", measuring.vm_slow, name="vm_slow"),
    path(f"{one}configuration", configure.vm_configuration, name="vm_configuration"),
    path(f"{one}yaml", configure.vm_yaml, name="vm_yaml"),
    path(f"{one}disks", machines.vm_disks, name="vm_disks"),
    path(f"{one}network", machines.vm_network, name="vm_network"),
    path(f"{one}logs", logs.vm_logs, name="vm_logs"),
    path(f"{one}events", machines.vm_events, name="vm_events"),
    path(f"{one}power/<slug:verb>", machines.vm_power, name="vm_power"),
    path(f"{one}delete", machines.vm_delete, name="vm_delete"),
    path(f"{one}adopt", machines.vm_adopt, name="vm_adopt"),
    path(f"{one}drift", machines.vm_drift, name="vm_drift"),
    path(f"{one}declare", machines.vm_declare, name="vm_declare"),
    path("types/", types.type_list, name="type_list"),
    path("types/new", types.type_create, name="type_create"),
    path("types/<str:name>/", types.type_detail, name="type_detail"),
    path("types/<str:name>/delete", types.type_delete, name="type_delete"),
    path("nodes/", nodes.node_list, name="node_list"),
    path("nodes/<str:name>/", nodes.node_detail, name="node_detail"),
    path("api/v1/search", api.Search.as_view(), name="api_vm_search"),
    path("api/v1/settings", api.Settings.as_view(), name="api_settings"),
]
