"""Commands and groups of commands that speak the reader's language where the library speaks English only."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from vmctl.words import _


class Command(TyperCommand):
    def get_help_option(self, ctx: Any) -> Any:
        return _translated(super().get_help_option(ctx))


class Group(TyperGroup):
    def get_help_option(self, ctx: Any) -> Any:
        return _translated(super().get_help_option(ctx))


def _translated(option: Any) -> Any:
    if option is not None:
        option.help = _("Show this message and exit.")
    return option


def group(sentence: str = "", **options: Any) -> typer.Typer:
    """An app for commands. Its help is plain text: names and sentences are text, whatever brackets they have."""
    return typer.Typer(
        **{"cls": Group, "help": sentence, "add_completion": False, **options},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
