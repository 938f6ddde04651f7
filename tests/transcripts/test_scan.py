"""Regular-expression search over the list."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.transcripts.study import ingest, sample, verdict
from transcripts.models import Transcript
from transcripts.search.scan import BadPattern, Scan, scan
from transcripts.search.terms import parse

pytestmark = pytest.mark.django_db


def looked(line: str, *, beyond: int | None = None, size: int = 10, back: bool = False) -> Scan:
    return scan(Transcript.objects.all(), parse(line).regexes, beyond=beyond, size=size, back=back)


def keys(found: Scan) -> list[str]:
    names = dict(Transcript.objects.values_list("pk", "sample_key"))
    return [names[pk] for pk in found.found]


def test_what_matches_is_found_newest_first() -> None:
    ingest(sample("1", "code EXEC-4429"), sample("2", "no code"), sample("3", "EXEC-1 and exec-2"))
    found = looked("/EXEC-[0-9]+/")
    assert (keys(found), found.looked_at, found.stopped_at, found.undecided) == (["3", "1"], 3, None, 0)
    assert keys(looked("/exec-[0-9]{4}/i")) == ["1"]
    assert keys(looked("/EXEC/ -/4429/")) == ["3"]


def test_a_scope_is_looked_through_alone() -> None:
    ingest(sample("1", verdicts=(verdict(True, why="It threatens Kyle."),)), sample("2", "It threatens nobody."))
    assert keys(looked("judge:/threatens/")) == ["1"]
    assert keys(looked("/threatens/")) == ["2"]
    assert keys(looked("system:/^You are Alex/")) == ["2", "1"]
    assert keys(looked("sent:/nothing more/")) == ["1"]
    assert keys(looked("reasoning:/nothing more/")) == []


def test_a_full_page_says_where_to_go_on() -> None:
    first, _, third = ingest(*(sample(str(n), "EXEC") for n in range(3)))
    found = looked("/EXEC/", size=1)
    assert (found.found, found.stopped_at) == ([third.pk], third.pk)
    rest = looked("/EXEC/", beyond=found.stopped_at, size=5)
    assert (keys(rest), rest.stopped_at) == (["1", "0"], None)
    assert looked("/EXEC/", beyond=first.pk).found == []


def test_it_looks_back_as_well_nearest_first() -> None:
    first, second, third = ingest(*(sample(str(n), "EXEC") for n in range(3)))
    found = looked("/EXEC/", beyond=first.pk, size=1, back=True)
    assert (found.found, found.stopped_at) == ([second.pk], second.pk)
    assert looked("/EXEC/", beyond=second.pk, size=5, back=True).found == [third.pk]


def test_a_pattern_that_cannot_be_read_is_told() -> None:
    with pytest.raises(BadPattern, match=r"/a\(/: invalid regular expression: parentheses \(\) not balanced"):
        looked("/a(/")


def test_a_text_that_takes_for_ever_is_counted_and_passed_over() -> None:
    ingest(sample("1", "xxxxxxxxxxz"), sample("2", "x" * 300 + "z"))
    found = looked(r"/(x+)(x+)(x+)(x+)\1\2\3\4\1\1z/")
    assert (keys(found), found.looked_at, found.undecided, found.stopped_at) == (["1"], 2, 1, None)


def test_a_look_takes_as_many_queries_for_any_number_of_rows(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ingest(*(sample(str(n), "EXEC") for n in range(3)))
    terms = parse("/EXEC/").regexes
    for rows in (Transcript.objects.filter(sample_key="1"), Transcript.objects.all()):
        with django_assert_num_queries(12):
            scan(rows, terms, beyond=None, size=10)
