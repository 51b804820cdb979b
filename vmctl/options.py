"""Options that many commands share, so that they mean the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vmctl import completing
from vmctl.words import _


class Format(StrEnum):
    TABLE = "table"
    WIDE = "wide"
    YAML = "yaml"
    JSON = "json"
    NAME = "name"


Namespace = Annotated[
    str,
    typer.Option(
        "--namespace", "-n", metavar="NAME", help=_("The namespace; that of the context if not given."),
        show_default=False, autocompletion=completing.namespaces,
    ),
]  # fmt: skip
Context = Annotated[
    str,
    typer.Option(
        "--context", metavar="NAME", help=_("The context of the kubeconfig; vmconsole if not given."),
        show_default=False, autocompletion=completing.contexts,
    ),
]  # fmt: skip
Output = Annotated[Format, typer.Option("--output", "-o", help=_("How to show it."))]
Wait = Annotated[bool, typer.Option("--wait", help=_("Come back when it is done."))]
Timeout = Annotated[int, typer.Option("--timeout", min=1, metavar="SECONDS", help=_("How long to wait at the most."))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("Do not ask."))]
Machine = Annotated[
    str,
    typer.Argument(metavar="NAME", help=_("The virtual machine."), autocompletion=completing.machines),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help=_("Let the server check it, and change nothing."))]
Files = Annotated[
    list[str],
    typer.Option("--filename", "-f", metavar="FILE|-", help=_("A file or folder of manifests; - reads them here.")),
]
Selector = Annotated[
    str,
    typer.Option("--selector", "-l", metavar="LABELS", help=_("Only objects with these labels."), show_default=False),
]
