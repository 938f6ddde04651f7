"""The list of evaluations."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.transcripts.study import ingest, sample, user, verdict
from transcripts.ingest.parsed import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def researcher(client: Client) -> Client:
    client.force_login(user("researcher"))
    return client


def test_the_list_counts_each_evaluation(researcher: Client) -> None:
    ingest(sample("1"), sample("2", "", status=Status.ERROR), sample("3", model="calm-otter-1"))

    (row,) = researcher.get("/evaluations/").context["evaluations"]

    assert (row.name, row.models, row.conditions, row.obtained, row.failed) == ("Study", 2, 1, 3, 1)


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_queries_does_not_grow(
    researcher: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ingest(*(sample(str(n), model=f"model-{n}", verdicts=(verdict(True),)) for n in range(count)))

    with django_assert_num_queries(4):
        researcher.get("/evaluations/")


def test_a_rater_finds_nothing(client: Client) -> None:
    ingest(sample())
    client.force_login(user("rater"))

    assert client.get("/evaluations/").status_code == 404
