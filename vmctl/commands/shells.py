"""`completion`: what a shell needs to complete our words."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vmctl.words import _

COMPLETING = "_VMCTL_COMPLETE"  # set by the shell that asks


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help=_("Which shell."))]) -> None:
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="vmctl", complete_var=COMPLETING, shell=shell.value))
