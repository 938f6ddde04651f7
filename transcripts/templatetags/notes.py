"""What stands beside each paragraph, mail and action of a transcript's page: its link, its note control, its notes."""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from transcripts.page.notes import Noted

register = template.Library()

LINK = '<a class="anchor" href="#{side}{anchor}" aria-label="Link to this {what}">{sign}</a>'
NOTE = ' <a class="add-note" href="{url}?at={anchor}" aria-label="Write a note on this {what}" title="Note">✎</a>'


@register.simple_tag(takes_context=True)
def tools(context: Context, anchor: str, what: str, sign: str = "¶") -> SafeString:
    """A link to the thing itself and, for those who may, one that writes a note on it."""
    side, url = context.get("side", ""), context.get("note_url", "")
    both = LINK + NOTE if url else LINK
    return format_html(both, side=side, anchor=anchor, what=what, sign=sign, url=url)


@register.simple_tag(takes_context=True)
def notes_on(context: Context, anchor: str) -> list[Noted]:
    """The notes that stand there; none where two transcripts share the page."""
    at: dict[str, list[Noted]] = context.get("notes_at") or {}
    return at.get(anchor, [])
