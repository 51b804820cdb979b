"""The pages of the fleet: overview, machines, types, nodes."""

from typing import Any

app_name = "inventory"
urlpatterns: list[Any] = []
