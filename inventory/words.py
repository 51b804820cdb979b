"""Every sentence that only TypeScript says, so that it is translated with the others.

A test compares this list with the `t('…')` calls of the front end.
"""

from django.utils.translation import gettext_noop as _

WORDS = (
    _("Close"),
    _("Live"),
    _("Nothing found"),
    _("Page"),
    _("Reconnecting"),
    _("Stale since %s"),
    _("The console does not answer."),
    _("The console does not answer. Nothing was changed."),
    _("The request failed (%s)."),
    _("%s selected"),
)
