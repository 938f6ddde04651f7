"""The choices of a filter form, of which a page has many."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from transcripts.listing.facets import Facet, Option

register = template.Library()

CHOICE = '<label class="choice"><input type="checkbox" name="{}" value="{}"{}> <span>{}</span>'
COUNT = '<span class="count">{:,}</span>'


@register.simple_tag
def choices(facet: Facet) -> SafeString:
    """A box to tick for each, with its count where that is known."""
    return format_html_join("", "{}", ((_choice(facet.name, option),) for option in facet.options))


@lru_cache(maxsize=512)  # most are the same on every page
def _choice(name: str, option: Option) -> SafeString:
    form = CHOICE + ("" if option.count is None else COUNT.format(option.count)) + "</label>"
    return format_html(form, name, option.value, " checked" if option.checked else "", option.words)
