"""/api/v1/query and its like: Prometheus's own API, narrowed to what the asker may see, so that Grafana is a client.

Answers and errors are Prometheus's, byte for byte where it gave them; only "who are you" is ours. What may be asked is
listed here: nothing of Prometheus's configuration, targets, rules or other people's series can be reached.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.views import APIView

from observability import promql
from observability.promql import BadQuery, Reach
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, everywhere, may, namespaces

TIMEOUT = httpx.Timeout(30.0, connect=2.0)
LARGEST = 32 << 20  # an answer stands in memory once; larger ones are somebody's mistake
MOST_SELECTORS = 20
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"


class PrometheusAnswer(serializers.Serializer[Any]):
    """As Prometheus says it."""

    status = serializers.ChoiceField(choices=["success", "error"])
    data = serializers.JSONField(required=False)  # type: ignore[assignment]  # the answer's word, not the framework's
    errorType = serializers.CharField(required=False)  # noqa: N815  # Prometheus's word
    error = serializers.CharField(required=False)
    warnings = serializers.ListField(child=serializers.CharField(), required=False)
    infos = serializers.ListField(child=serializers.CharField(), required=False)


class Unavailable(Exception):
    """Prometheus is not there, or did not answer as it should."""


def limit_of(user: Any) -> Reach | None:
    """What of the series this person may see; None is everything, also of namespaces that are gone."""
    cluster = may(user, Right.CLUSTER_VIEW, None)
    if everywhere(user) and cluster:
        return None
    seen = namespaces(user)
    if not seen and not cluster:
        raise NotFound(_("There is nothing here that you can see."))
    return promql.reach(seen, cluster=cluster)


class Asked(APIView):
    """One of Prometheus's addresses. GET and POST mean the same; POST is for long queries."""

    parser_classes = (FormParser,)
    path = ""
    takes: tuple[str, ...] = ()

    def answer(self, request: Request, **where: str) -> HttpResponse:
        told = request.query_params.copy()
        if request.method == "POST":
            if not isinstance(request.data, QueryDict):  # an empty body passes every parser
                raise UnsupportedMediaType(request.content_type or "")
            for name, values in request.data.lists():
                told.setlist(name, values)
        limit = limit_of(request.user)
        try:
            params = [(name, value) for name in self.takes if (value := told.get(name)) is not None]
            params += self.narrowed(told.get("query"), told.getlist("match[]"), limit)
            return passed_on(f"/api/v1/{self.path.format(**where)}", params)
        except BadQuery as error:
            return said(400, "bad_data", str(error))
        except Unavailable as error:
            return said(503, "unavailable", str(error))

    def narrowed(self, query: str | None, matches: list[str], limit: Reach | None) -> list[tuple[str, str]]:
        """The parameters that say which series."""
        if not query:
            raise BadQuery('invalid parameter "query": it is missing')
        return [("query", query if limit is None else promql.narrowed(query, limit))]


class Selecting(Asked):
    """An address that takes selectors instead of a query."""

    must_select = False

    def narrowed(self, query: str | None, matches: list[str], limit: Reach | None) -> list[tuple[str, str]]:
        if len(matches) > MOST_SELECTORS or (self.must_select and not matches):
            raise BadQuery(f'invalid parameter "match[]": send 1 to {MOST_SELECTORS} of them')
        if limit is None:
            return [("match[]", each) for each in matches]
        chosen = [promql.selector(each, limit) for each in matches] or [promql.everything(limit)]
        return [("match[]", each) for each in chosen]


def passed_on(path: str, params: list[tuple[str, str]]) -> HttpResponse:
    """Prometheus's answer. The query goes in the body: it may be long, and URLs are logged."""
    if not settings.PROMETHEUS_URL:
        raise Unavailable(_("No Prometheus is set up here."))
    url, encoded = f"{settings.PROMETHEUS_URL.rstrip('/')}{path}", urlencode(params)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with_body = not path.endswith("/values")  # which Prometheus takes as GET only
    sent: dict[str, Any] = {"content": encoded, "headers": form} if with_body else {"params": encoded}
    try:
        with (
            httpx.Client(timeout=TIMEOUT, trust_env=False) as client,
            client.stream("POST" if with_body else "GET", url, **sent) as answer,
        ):
            body = whole(answer.iter_bytes())
    except (httpx.HTTPError, OSError) as error:
        raise Unavailable(_("Prometheus does not answer.")) from error
    if not answer.headers.get("Content-Type", "").startswith("application/json"):
        raise Unavailable(_("Prometheus does not answer as it should."))
    return HttpResponse(body, status=answer.status_code, content_type="application/json")


def whole(parts: Iterable[bytes]) -> bytes:
    body = bytearray()
    for part in parts:
        body += part
        if len(body) > LARGEST:
            raise BadQuery("the answer is too large: ask for fewer series, or a shorter time")
    return bytes(body)


def said(status: int, kind: str, sentence: str) -> HttpResponse:
    body = msgspec.json.encode({"status": "error", "errorType": kind, "error": sentence})
    return HttpResponse(body, status=status, content_type="application/json")


ANSWERS = dict.fromkeys((200, 400, 422, 503), PrometheusAnswer)
SELECT = OpenApiParameter("match[]", str, many=True, description="Which series.")
SPAN = [OpenApiParameter(name, str, description="Unix seconds, or RFC 3339.") for name in ("start", "end")]
FORM = {"application/x-www-form-urlencoded": OpenApiTypes.OBJECT}


class Query(Asked):
    """PromQL at one time."""

    path, takes = "query", ("time",)
    parameters = (OpenApiParameter("query", str, required=True), OpenApiParameter("time", str))

    @extend_schema(operation_id="query", parameters=[*parameters], responses=ANSWERS)
    def get(self, request: Request) -> HttpResponse:
        return self.answer(request)

    @extend_schema(operation_id="query_post", request=FORM, responses=ANSWERS)
    def post(self, request: Request) -> HttpResponse:
        return self.answer(request)


class QueryRange(Asked):
    """PromQL over a time."""

    path, takes = "query_range", ("start", "end", "step")
    parameters = (
        OpenApiParameter("query", str, required=True),
        *(OpenApiParameter(name, str, required=True) for name in ("start", "end", "step")),
    )

    @extend_schema(operation_id="query_range", parameters=[*parameters], responses=ANSWERS)
    def get(self, request: Request) -> HttpResponse:
        return self.answer(request)

    @extend_schema(operation_id="query_range_post", request=FORM, responses=ANSWERS)
    def post(self, request: Request) -> HttpResponse:
        return self.answer(request)


class Series(Selecting):
    """Which series there are."""

    path, takes, must_select = "series", ("start", "end", "limit"), True

    @extend_schema(operation_id="series", parameters=[SELECT, *SPAN], responses=ANSWERS)
    def get(self, request: Request) -> HttpResponse:
        return self.answer(request)

    @extend_schema(operation_id="series_post", request=FORM, responses=ANSWERS)
    def post(self, request: Request) -> HttpResponse:
        return self.answer(request)


class Labels(Selecting):
    """Which labels the series have."""

    path, takes = "labels", ("start", "end", "limit")

    @extend_schema(operation_id="labels", parameters=[SELECT, *SPAN], responses=ANSWERS)
    def get(self, request: Request) -> HttpResponse:
        return self.answer(request)

    @extend_schema(operation_id="labels_post", request=FORM, responses=ANSWERS)
    def post(self, request: Request) -> HttpResponse:
        return self.answer(request)


class LabelValues(Selecting):
    """Which values a label has."""

    path, takes = "label/{label}/values", ("start", "end", "limit")

    @extend_schema(operation_id="label_values", parameters=[SELECT, *SPAN], responses=ANSWERS)
    def get(self, request: Request, label: str) -> HttpResponse:
        return self.answer(request, label=label)
