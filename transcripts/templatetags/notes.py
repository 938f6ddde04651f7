"""What stands beside each paragraph, mail and action of a transcript's page: its link, its note control, its notes."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from transcripts.page.notes import Noted
from transcripts.page.reading import Paragraph
from transcripts.templatetags.texts import text

register = template.Library()

LINK = '<a class="anchor" href="#{side}{anchor}" aria-label="Link to this {what}">{sign}</a>'
NOTE = ' <a class="add-note" href="{url}?at={anchor}" aria-label="Write a note on this {what}" title="Note">✎</a>'

PARAGRAPH = (
    '<div class="{}" id="{}{}" tabindex="-1" data-place="{}" data-start="{}" data-end="{}">'
    '<span class="tools">{}</span>{}</div>'
)


@register.simple_tag(takes_context=True)
def tools(context: Context, anchor: str, what: str, sign: str = "¶") -> SafeString:
    """A link to the thing itself and, for those who may, one that writes a note on it."""
    form = _tools(context.get("side", ""), context.get("note_url", ""), what)
    return format_html(form, anchor=anchor, sign=sign)


@lru_cache(maxsize=64)
def _tools(side: str, url: str, what: str) -> SafeString:
    """The same for any anchor; a page asks for it many times."""
    both = LINK + NOTE if url else LINK
    return format_html(both, side=side, anchor="{anchor}", what=what, sign="{sign}", url=url)


@register.simple_tag(takes_context=True)
def paragraph(context: Context, one: Paragraph, style: str) -> SafeString:
    """A paragraph of the reasoning or of the answer, with what stands beside it."""
    at, side = one.span, str(context.get("side", ""))
    return format_html(
        PARAGRAPH,
        *(style, side, one.anchor, at.place, at.start, at.end),
        tools(context, one.anchor, "paragraph"),
        text(one.pieces, side),
    )


@register.simple_tag(takes_context=True)
def notes_on(context: Context, anchor: str) -> list[Noted]:
    """The notes that stand there; none where two transcripts share the page."""
    at: dict[str, list[Noted]] = context.get("notes_at") or {}
    return at.get(anchor, [])
