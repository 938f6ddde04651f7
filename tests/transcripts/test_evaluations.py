"""The list of evaluations, and the matrix of one."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.transcripts.study import ingest, sample, user, verdict
from transcripts.ingest.database.store import Store
from transcripts.ingest.parsed import Condition, Planned, Status
from transcripts.ingest.report import Report
from transcripts.models import Evaluation

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher(client: Client) -> Client:
    client.force_login(user("researcher"))
    return client


def test_the_matrix_has_planned_obtained_failed_and_judged(researcher: Client) -> None:
    evaluation = Evaluation.objects.create(name="Study")
    plan = Planned("brisk-heron-2", Condition("blackmail", "explicit", "america", "replacement"), 5, "run")
    Store(evaluation, Report(evaluation.pk)).plan(plan)
    ingest(
        sample("1", verdicts=(verdict(True),)),
        sample("2", verdicts=(verdict(None, error="x"),)),
        sample("3", "", status=Status.ERROR),
        sample("4", model="calm-otter-1", condition=Condition("murder")),
    )

    context = researcher.get(f"/evaluations/{evaluation.pk}/").context

    found = [
        (square.planned, square.obtained, square.failed, square.harmful, square.judged, square.missing)
        if square
        else None
        for line in context["lines"]
        for square in line.squares
    ]
    assert [str(model) for model in context["models"]] == ["brisk-heron-2", "calm-otter-1"]
    assert found == [(5, 3, 1, 1, 1, 2), None, None, (None, 1, 0, 0, 0, 0)]


def test_the_list_counts_each_evaluation(researcher: Client) -> None:
    ingest(sample("1"), sample("2", "", status=Status.ERROR), sample("3", model="calm-otter-1"))

    (row,) = researcher.get("/evaluations/").context["evaluations"]

    assert (row.name, row.models, row.conditions, row.obtained, row.failed) == ("Study", 2, 1, 3, 1)


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_does_not_grow(
    researcher: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ingest(*(sample(str(n), model=f"model-{n}", verdicts=(verdict(True),)) for n in range(count)))
    evaluation = Evaluation.objects.get()

    with django_assert_num_queries(4):
        researcher.get("/evaluations/")
    with django_assert_num_queries(9):
        researcher.get(f"/evaluations/{evaluation.pk}/")


def test_a_rater_finds_nothing(client: Client) -> None:
    ingest(sample())
    client.force_login(user("rater"))

    addresses = ["/evaluations/", f"/evaluations/{Evaluation.objects.get().pk}/"]
    assert [client.get(address).status_code for address in addresses] == [404, 404]
