"""The links of the top bar, which know whether the page is theirs."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.template import Context
from django.utils.html import format_html

from transcripts.access import may_ingest, may_read

register = template.Library()


@register.simple_tag(takes_context=True)
def place(context: Context, path: str, label: str, key: str, may: str = "", also: str = "") -> str:
    """A link to a place, marked as the page itself or as the section that the page is in.

    `may` names who gets it: readers, ingesters, or everybody. The page checks for itself. `also` holds the beginnings,
    divided by spaces, of further addresses that belong to the section.
    """
    if may and not {"read": may_read, "ingest": may_ingest}[may](context["user"]):
        return ""
    here = getattr(context.get("request"), "path", "")
    sections = (path if path != "/" else "", *also.split())
    current = "page" if here == path else "true" if any(part and here.startswith(part) for part in sections) else ""
    marked = format_html(' aria-current="{}"', current) if current else ""
    return format_html('<a href="{}" data-key="{}"{}>{}</a>', path, key, marked, label)


@register.filter
def reads(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the pages about transcripts are open to this user."""
    return may_read(user)
