"""The doors of the observability app."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from observability import api, api_prometheus, probes, views

app_name = "observability"
urlpatterns = [
    path("audit/", views.audit_list, name="audit_list"),
    path("audit/<int:number>", views.audit_entry, name="audit_entry"),
    path("audit/consoles", views.audit_consoles, name="audit_consoles"),
    path("audit/checkpoints.jsonl", views.audit_checkpoints, name="audit_checkpoints"),
    path("audit/verify", views.audit_verify, name="audit_verify"),
    re_path(r"^audit/export\.(?P<kind>csv|jsonl|cef)$", views.audit_export, name="audit_export"),
    path("metrics/<uuid:uid>/<slug:metric>/table", views.metric_table, name="metric_table"),
    path("healthz", probes.healthz, name="healthz"),
    path("livez", probes.healthz, name="livez"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
    path("api/v1/audit", api.AuditList.as_view(), name="api_audit"),
    path("api/v1/metrics/range", api.MetricRange.as_view(), name="api_metrics_range"),
    path("api/v1/metrics/compare", api.MetricCompare.as_view(), name="api_metrics_compare"),
    path("api/v1/query", api_prometheus.Query.as_view(), name="api_query"),
    path("api/v1/query_range", api_prometheus.QueryRange.as_view(), name="api_query_range"),
    path("api/v1/series", api_prometheus.Series.as_view(), name="api_series"),
    path("api/v1/labels", api_prometheus.Labels.as_view(), name="api_labels"),
    re_path(
        rf"^api/v1/label/(?P<label>{api_prometheus.LABEL})/values$",
        api_prometheus.LabelValues.as_view(),
        name="api_label_values",
    ),
    path("api/v1/openapi.json", SpectacularJSONAPIView.as_view(), name="api_schema"),
]
