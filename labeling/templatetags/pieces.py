"""Pieces of a text on a page: escaped, with what is marked in them. A page has hundreds, too many for a template."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from labeling.queue.blind import MASKED
from transcripts.page.references import Piece

register = template.Library()

LIT = '<a class="ref" href="#{}" data-lights="{}">{}</a>'
MARKED = '<mark class="{}">{}</mark>'
# A covered name is as long as the name.
COVERED = '<mark class="{}" role="img" aria-label="a name is covered here" title="A name is covered here">{}</mark>'


@register.filter
def pieces(found: Iterable[Piece]) -> SafeString:
    """Nothing stands between them, since every character inside counts."""
    return format_html_join("", "{}", ((_piece(one),) for one in found))


def _piece(one: Piece) -> SafeString:
    shown = escape(one.text)
    if one.kinds:
        shown = format_html(COVERED if MASKED in one.kinds else MARKED, " ".join(one.kinds), shown)
    return format_html(LIT, one.lights[0], " ".join(one.lights), shown) if one.lights else shown
