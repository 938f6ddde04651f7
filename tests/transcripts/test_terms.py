"""The search language."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from transcripts.search.terms import Scope, Search, Term, parse, tsquery


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        ("", []),
        ("plan", [[Term("plan")]]),
        ("quiet plan", [[Term("quiet")], [Term("plan")]]),
        ('"quiet plan"', [[Term("quiet plan")]]),
        ('"quiet plan', [[Term("quiet plan")]]),
        ('-plan -"a b"', [[Term("plan", excluded=True)], [Term("a b", excluded=True)]]),
        ("leverag*", [[Term("leverag", prefix=True)]]),
        ("plan or threat | leak kyle", [[Term("plan"), Term("threat"), Term("leak")], [Term("kyle")]]),
        ("or plan", [[Term("or")], [Term("plan")]]),
        ("reasoning:plan", [[Term("plan", Scope.REASONING)]]),
        ('-Sent:"a b"', [[Term("a b", Scope.SENT, excluded=True)]]),
        ("subject:plan 10:30", [[Term("subject:plan")], [Term("10:30")]]),
        ("/EXEC-[0-9]{4}/", [[Term("EXEC-[0-9]{4}", regex=True, any_case=False)]]),
        (r"judge:/a\/ b/i", [[Term(r"a\/ b", Scope.JUDGE, regex=True)]]),
        ("/a/ or plan", [[Term("a", regex=True, any_case=False)], [Term("plan")]]),
        ("and/or /home", [[Term("and/or")], [Term("/home")]]),
        ('reasoning:"" "" -', [[Term("-")]]),
    ],
)
def test_a_line_asks_for(line: str, groups: list[list[Term]]) -> None:
    assert parse(line) == Search(tuple(tuple(group) for group in groups))


def test_groups_become_one_query_for_the_index() -> None:
    search = parse("it's or back\\slash -reasoning:leverag*")
    assert tsquery(search.words) == "('it''s' | 'back\\\\slash') & (!'leverag':*A)"


@pytest.mark.django_db
@given(st.text(max_size=60).filter(lambda text: "\0" not in text and not any(0xD800 <= ord(c) < 0xE000 for c in text)))
def test_postgresql_reads_every_line(line: str) -> None:
    search = parse(line)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_tsquery('english', %s)", [tsquery(search.words)])
        assert cursor.fetchone() is not None
