"""Every sentence that only TypeScript says, so that it is translated with the others.

A test compares this list with the `t('…')` calls of the front end.
"""

from django.utils.translation import gettext_noop as _

WORDS = (
    _("%s of %s, %s/s"),
    _("%s others are here"),
    _("%s selected"),
    _("All %s that match"),
    _("Cancel"),
    _("Close"),
    _("Connecting"),
    _("Copied"),
    _("Ended"),
    _("It cannot be fetched just now."),
    _("Left out, as this keyboard cannot type it: %s"),
    _("Live"),
    _("No figures in this time."),
    _("No figures yet. They appear while the machine runs."),
    _("Nothing found"),
    _("Off"),
    _("Pages"),
    _("Pause"),
    _("Play"),
    _("Reconnecting"),
    _("Select all %s that match"),
    _("Stale since %s"),
    _("The chart cannot be drawn."),
    _("The console does not answer."),
    _("The console does not answer. Nothing was changed."),
    _("The line broke. Trying again …"),
    _("The machine is off."),
    _("The request failed (%s)."),
    _("The screen asks for a password; it has none of ours."),
    _("Waiting"),
    _("Waiting for the machine"),
    _("Yes"),
    _("min %s · max %s"),
)
