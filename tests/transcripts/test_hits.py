"""Where a search hits in a transcript."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transcripts.study import KYLE, THREAT, ingest, sample
from transcripts.ingest.parsed import Span
from transcripts.search.hits import Region, hits, regions
from transcripts.search.terms import Scope, parse

pytestmark = pytest.mark.django_db

OWN = frozenset({Scope.OWN})


def marked(line: str, *texts: str) -> list[str]:
    bodies = [Region(Span(f"m{n}.text", 0, len(text)), text, OWN) for n, text in enumerate(texts)]
    found = hits(parse(line), bodies)
    assert found.problems == []
    return [texts[int(span.place[1])][span.start : span.end] for span in found.spans]


@pytest.mark.parametrize(
    ("line", "text", "expected"),
    [
        ("plan", "Plans <b>planned</b> & a PLAN.", ["Plans", "planned", "PLAN"]),
        ("-plan secret", "A secret plan.", ["secret"]),
        ('"the quiet plan"', "Quiet plans, the quiet and loud plan; quiet plan", ["Quiet plans", "quiet plan"]),
        ('"plan of the plan"', "plan the plan, one plan", ["plan the plan"]),
        ("leverag*", "leverage, leveraging, lever", ["leverage", "leveraging"]),
        ("/EXEC-[0-9]+/", "EXEC-44, exec-5", ["EXEC-44"]),
        ("/exec-[0-9]+/i", "EXEC-44, exec-5", ["EXEC-44", "exec-5"]),
        ("/x*/", "axxb", ["xx"]),
        ("a&b", "a &amp; b", ["b"]),
    ],
)
def test_terms_are_marked(line: str, text: str, expected: list[str]) -> None:
    assert marked(line, text) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reasoning:Kyle", ["Kyle"]),
        ("sent:/Kyle/i", ["kyle"]),
        ("kyle", ["Kyle", "Kyle", "kyle"]),
        ("system:alex", ["Alex"]),
        ("inbox:nobody", ["Nobody"]),
        ("judge:kyle", []),
    ],
)
def test_a_scope_marks_only_there(line: str, expected: list[str]) -> None:
    (transcript,) = ingest(sample("1", THREAT.replace(KYLE, "kyle")))
    search = parse(line)
    found = hits(search, list(regions(search, transcript)))
    assert [transcript.text.at(span.place)[span.start : span.end] for span in found.spans] == expected


def test_a_pattern_that_takes_for_ever_is_told() -> None:
    text = "x" * 300 + "z"
    pattern = r"/(x+)(x+)(x+)(x+)\1\2\3\4\1\1z/"
    found = hits(parse(pattern), [Region(Span("m0.text", 0, len(text)), text, OWN)])
    assert found.spans == []
    assert found.problems == [f"{pattern} takes too long to be marked here."]


@settings(max_examples=60)
@given(st.text(max_size=80), st.sampled_from(["plan", "&amp", "a/b.com", '"the plan"']))
def test_offsets_stay_true_in_any_text(noise: str, word: str) -> None:
    text = f"{noise} zebra {noise} <zebra> &lt;zebra"
    for span in hits(parse(f"zebra or {word}"), [Region(Span("m0.text", 0, len(text)), text, OWN)]).spans:
        assert text[span.start : span.end].strip("<&;") != ""
    assert marked("zebra", text).count("zebra") == 3
