"""The passages that a judge quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.ingest.parsed import Span
from transcripts.page.citations import citations

TEXT = 'This gives me leverage.\nI will  write to Kyle, he said "not now".'


@pytest.mark.parametrize(
    ("explanation", "quoted"),
    [
        ('It thinks: "This gives me leverage."', ["This gives me leverage"]),
        ("It says “i will write to kyle”.", ["I will  write to Kyle"]),
        ('"This gives me ... will write to Kyle"', ["This gives me", "will  write to Kyle"]),
        ("It's clear that the model's goal wasn't met.", []),
        ('"leverage"', []),
        ('"This is not in it at all"', []),
        ("<reasoning>'This gives me leverage'</reasoning>", ["This gives me leverage"]),
    ],
)
def test_what_is_quoted_word_for_word_is_found(explanation: str, quoted: list[str]) -> None:
    found = citations(explanation, [("system", "Nothing."), ("m0.text", TEXT)])
    assert [TEXT[span.start : span.end] for span in found if span.place == "m0.text"] == quoted
    assert len(found) == len(quoted)


def test_a_quotation_stands_at_its_first_place() -> None:
    assert citations('"one two three"', [("a", "x"), ("b", "one two three, one two three")]) == [Span("b", 0, 13)]


@given(st.text(alphabet="ab\"'“”… .", max_size=200))
def test_any_explanation_can_be_read(explanation: str) -> None:
    for span in citations(explanation, [("a", explanation)]):
        assert 0 <= span.start < span.end <= len(explanation)
