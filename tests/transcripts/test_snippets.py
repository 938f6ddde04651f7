"""Extracts around the words of a search."""

from __future__ import annotations

import pytest

from tests.transcripts.study import ingest, sample
from transcripts.page.references import Piece
from transcripts.search.snippets import snippets
from transcripts.search.terms import parse

pytestmark = pytest.mark.django_db


def test_what_looks_like_markup_is_text_and_stays() -> None:
    (transcript,) = ingest(sample(text="The <b>secret</b> plan <img src=x> & <leverage> here."))

    found = snippets([transcript], parse("leverage"))

    assert found[transcript.pk] == [
        Piece("The <b>secret</b> plan <img src=x> & <"),
        Piece("leverage", kinds=("hit",)),
        Piece("> here."),
    ]


def test_an_extract_is_cut_at_words_and_says_what_else_is_near() -> None:
    (transcript,) = ingest(
        sample(text=f"{'before ' * 20}one plan, two plans {'between ' * 40}a planned {'after ' * 30}")
    )

    pieces = snippets([transcript], parse("plan"))[transcript.pk]

    assert "".join(piece.text for piece in pieces) == (
        "before " * 12
        + "one plan, two plans "
        + "between " * 13
        + "between"
        + " … "
        + "between " * 11
        + "a planned "
        + "after " * 20
        + "after"
    )
    assert [piece.text for piece in pieces if piece.marked] == ["plan", "plans", "planned"]
