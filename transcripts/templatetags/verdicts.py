"""Verdicts in lists, where they are many."""

from __future__ import annotations

from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def verdict(call: str) -> SafeString:
    """What `_verdict.html` shows of one of its few calls; a line of a list takes it as it is."""
    return _rendered(call)


@lru_cache(maxsize=8)
def _rendered(call: str) -> SafeString:
    return render_to_string("_verdict.html", {"call": call})
