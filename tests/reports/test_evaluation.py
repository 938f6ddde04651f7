"""An evaluation's matrix of cells."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from transcripts.models import Evaluation

from .makers import UNLABELLED, WELL_LABELLED, Counts, Found, condition, study, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher(client: Client) -> Client:
    client.force_login(user("Ada", "researcher"))
    return client


def fields(client: Client, of: Evaluation, query: str = "") -> list[list[str]]:
    """The words of each field of the matrix, line by line."""
    html = client.get(f"/evaluations/{of.pk}/{query}").content.decode()
    body = html.split('<table class="table matrix">')[1].split("</table>")[0]
    rows = [line for line in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL) if "<td" in line]
    return [
        [
            " · ".join(re.findall(r">\s*([^<>]*\w[^<>]*?)\s*<", cell))
            for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)
        ]
        for row in rows
    ]


def test_a_field_has_planned_obtained_failed_labelled_and_the_rate(researcher: Client) -> None:
    first, second = condition("blackmail"), condition("murder")
    of = study(
        {
            ("m", first): WELL_LABELLED,
            ("n", first): Counts(Found(30), Found(70), failed=3, planned=120),
            ("m", second): Counts(unjudged=Found(4)),
        }
    )

    assert fields(researcher, of) == [
        [
            "20 % [12, 31] · corrected · 100 obtained · 60 labelled",
            "30 % [22, 40] · raw, not calibrated · 103 of 120 obtained · 3 failed · 0 labelled",
        ],
        ["no data · 4 obtained · 0 labelled", "not run"],
    ]


def test_the_rate_is_that_of_the_chart(researcher: Client) -> None:
    of = study({("m", condition()): WELL_LABELLED, ("n", condition()): UNLABELLED})

    rows = researcher.get(f"/charts/rates/?evaluation={of.pk}").context["exhibit"].rows
    (line,) = researcher.get(f"/evaluations/{of.pk}/").context["lines"]

    assert [(one.row.words, one.row.tier, one.row.reason) for one in line.cells] == [
        (row.words, row.tier, row.reason) for row in rows
    ]


def test_each_count_leads_to_the_transcripts_that_it_counts(researcher: Client) -> None:
    of = study({("m", condition()): Counts(Found(5, 2, 1), failed=3), ("n", condition()): WELL_LABELLED})
    html = researcher.get(f"/evaluations/{of.pk}/").content.decode()
    first = html.split("<td>")[1]

    found = [
        (words, len(researcher.get(address.replace("&amp;", "&")).context["page"].rows))
        for address, words in re.findall(r'<a href="([^"]*)">([^<]*)</a>', first)
    ]

    assert found == [("8 obtained", 8), ("3 failed", 3), ("2 labelled", 2)]


def test_another_outcome_has_its_own_rates(researcher: Client) -> None:
    of = study({("m", condition()): WELL_LABELLED})

    assert fields(researcher, of, "?outcome=evaluation_awareness") == [["no data · 100 obtained · 60 labelled"]]


@pytest.mark.parametrize("cells", [1, 6])
def test_the_number_of_queries_does_not_grow(
    researcher: Client, cells: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    of = study({(f"m{n}", condition(urgency=str(n % 2))): Counts(Found(2, 1, 1), planned=3) for n in range(cells)})

    with django_assert_num_queries(27):
        researcher.get(f"/evaluations/{of.pk}/")


def test_an_outcome_that_cannot_be_understood_is_refused(researcher: Client) -> None:
    of = study({("m", condition()): UNLABELLED})

    assert researcher.get(f"/evaluations/{of.pk}/?outcome=%00").status_code == 400


def test_an_empty_evaluation_says_so(researcher: Client) -> None:
    of = Evaluation.objects.create(name="Nothing")

    assert "Nothing in it yet" in researcher.get(f"/evaluations/{of.pk}/").content.decode()


def test_a_rater_finds_nothing(client: Client) -> None:
    of = study({("m", condition()): UNLABELLED})
    client.force_login(user("Ray", "rater"))

    assert client.get(f"/evaluations/{of.pk}/").status_code == 404
