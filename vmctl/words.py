"""Sentences in the reader's language. English in the source is the key; `locale/` has the others.

The domain is made the process's own, so that what the command-line library says (its "Usage:", its errors) is looked
up in our catalogue too.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path

DOMAIN = "vmctl"
LOCALE = Path(__file__).resolve().parent / "locale"

gettext.bindtextdomain(DOMAIN, LOCALE)
gettext.textdomain(DOMAIN)

_ = gettext.gettext
ngettext = gettext.ngettext


def language() -> str:
    """What to ask the server for, as HTTP writes it."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "ja" if value.startswith("ja") else "en"
    return "en"


def library_sentences() -> list[str]:
    """What the command-line library says, named here so that the catalogue has it."""
    return [
        _("Arguments"),
        _("Commands"),
        _("Error"),
        _("Options"),
        _("Show this message and exit."),
        _("(dynamic)"),
        _("Aborted!"),
        _("default: {default}"),
        _("required"),
    ]
