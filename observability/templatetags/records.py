"""Entries of the audit as people read them."""

from __future__ import annotations

from django import template

from observability import wording

register = template.Library()
register.filter("did", wording.did)
register.filter("kind_word", wording.kind)
register.filter("signed_in", wording.signed_in)
