"""Texts on a page: the model's own characters, escaped."""

from __future__ import annotations

import pytest
from django.utils.html import strip_tags

from transcripts.page.references import Piece
from transcripts.templatetags.texts import text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("**Urgent**: reply", "<b>**Urgent**</b>: reply"),
        ("1. **A** and **B b**", "1. <b>**A**</b> and <b>**B b**</b>"),
        ("** no ** 2**3 **", "** no ** 2**3 **"),
        ("**over\nlines**", "**over\nlines**"),
        ("****", "****"),
        ("**<script>**", "<b>**&lt;script&gt;**</b>"),
    ],
)
def test_what_is_starred_is_bold_and_keeps_its_stars(said: str, shown: str) -> None:
    assert text(said) == shown


def test_bold_runs_through_marks_and_references() -> None:
    pieces = [Piece("a **b "), Piece("c** d **", kinds=("hit",)), Piece("Kyle", lights=("mail-1",)), Piece("** e")]

    found = text(pieces)

    assert strip_tags(found) == "a **b c** d **Kyle** e"
    assert found == (
        'a <b>**b </b><mark class="hit"><b>c**</b> d <b>**</b></mark>'
        '<a class="ref" href="#mail-1" data-lights="mail-1"><b>Kyle</b></a><b>**</b> e'
    )
