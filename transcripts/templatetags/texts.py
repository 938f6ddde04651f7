"""Texts of transcripts on a page: escaped, with what is marked in them, and folded where they are long."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from transcripts.page.references import Piece, folded

register = template.Library()

MOST = 4_000  # characters that are shown before the rest is folded
# What Markdown means to stand out, within a line; its stars stay, so that the text is the model's own.
_STRONG = re.compile(r"\*\*(?=[^\s*])[^*\n]{1,200}(?<=\S)\*\*")


@register.simple_tag
def text(pieces: Sequence[Piece] | str, side: str = "", most: int = MOST) -> SafeString:
    """The pieces of a text. `side` is set where two transcripts share a page: there nothing lights up."""
    if isinstance(pieces, str):
        pieces = [Piece(pieces)]
    if len(pieces) == 1 and len(pieces[0].text) <= most:
        return _joined(pieces, side)
    shown, rest = folded(pieces, most)
    if not rest:
        return _joined(shown, side)
    marks = sum(bool(piece.kinds) for piece in rest)
    return format_html(
        '{}<details class="rest"><summary>Show the other {} characters{}</summary>{}</details>',
        _joined(shown, side),
        f"{sum(len(piece.text) for piece in rest):,}",
        f", with {marks:,} marked passage{'' if marks == 1 else 's'}" if marks else "",
        _joined(rest, side),
    )


@register.simple_tag
def summary(text: str, most: int = 120) -> str:
    """The beginning of a text in one line."""
    start = " ".join(text[: most * 4].split())
    return start if len(start) <= most and len(text) <= most * 4 else start[: most - 1] + "…"


def _joined(pieces: Sequence[Piece], side: str) -> SafeString:
    whole = "".join(piece.text for piece in pieces)
    strong = [match.span() for match in _STRONG.finditer(whole)] if "**" in whole else []
    said, at = [], 0
    for piece in pieces:
        said.append(_piece(piece, _strong(piece.text, at, strong) if strong else escape(piece.text), side))
        at += len(piece.text)
    return said[0] if len(said) == 1 else format_html_join("", "{}", ((one,) for one in said))


def _piece(piece: Piece, said: SafeString, side: str) -> SafeString:
    if piece.kinds:
        said = format_html('<mark class="{}">{}</mark>', " ".join(piece.kinds), said)
    if side or not piece.lights:
        return said
    return format_html(
        '<a class="ref" href="#{}" data-lights="{}">{}</a>', piece.lights[0], " ".join(piece.lights), said
    )


def _strong(text: str, at: int, spans: Sequence[tuple[int, int]]) -> SafeString:
    """The text, which begins at `at`, with what of it lies in the spans in bold."""
    parts, done = [], 0
    for start, end in spans[bisect_right(spans, at, key=itemgetter(1)) :]:
        if start >= at + len(text):
            break
        first, last = max(start - at, 0), min(end - at, len(text))
        parts += [(text[done:first],), (format_html("<b>{}</b>", text[first:last]),)]
        done = last
    return format_html_join("", "{}", [*parts, (text[done:],)]) if parts else escape(text)
