"""The front page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.transcripts.study import ingest, sample, user, verdict
from transcripts.ingest.database.store import Store
from transcripts.ingest.parsed import Condition, Planned, Status
from transcripts.ingest.report import Report
from transcripts.listing.facets import facets
from transcripts.listing.filters import FilterForm
from transcripts.models import Evaluation
from transcripts.models.tallies import refresh_tallies

pytestmark = pytest.mark.django_db


def test_it_counts_what_is_here_and_what_is_missing(client: Client) -> None:
    client.force_login(user("researcher"))
    ingest(
        sample("1", verdicts=(verdict(True),)),
        sample("2", verdicts=(verdict(False, judge=True),)),
        sample("3", verdicts=(verdict(None, error="x"),)),
        sample("4", "", status=Status.ERROR),
    )
    evaluation = Evaluation.objects.get()
    condition = Condition("blackmail", "explicit", "america", "replacement")
    Store(evaluation, Report(evaluation.pk)).plan(Planned("brisk-heron-2", condition, 6, "run"))
    refresh_tallies()

    context = client.get("/").context

    assert (context["total"], context["missing"], context["unfinished_cells"]) == (4, 2, 1)
    assert context["verdicts"] == {"harmful": 1, "answered": 2, "failed": 1, "overruled": 1}
    assert context["statuses"] == {"complete": 3, "error": 1}


def test_an_empty_database_says_what_to_do(client: Client) -> None:
    client.force_login(user("researcher"))

    assert "No transcripts yet" in client.get("/").content.decode()


def test_a_rater_goes_to_the_campaigns(client: Client) -> None:
    client.force_login(user("rater"))

    assert client.get("/")["Location"] == "/campaigns/"


def test_an_account_without_a_role_sees_nothing(client: Client) -> None:
    client.force_login(user())
    ingest(sample())

    html = client.get("/").content.decode()

    assert ("Your account has no role yet" in html, "brisk-heron-2" in html) == (True, False)


def test_a_stranger_signs_in_first(client: Client) -> None:
    assert client.get("/")["Location"] == "/login/?next=/"


def test_made_up_data_among_real_is_marked_one_by_one(client: Client) -> None:
    client.force_login(user("researcher"))
    ingest(sample("1"), name="Made up", synthetic=True)
    alone = client.get("/").context["synthetic"]
    ingest(sample("2"), name="Real")

    html = client.get("/").content.decode()
    marked = [client.get(address).context["synthetic"] for address in ("/", "/transcripts/", "/evaluations/")]
    listed = client.get("/transcripts/").content.decode()

    assert (alone, marked) == (True, ["partly"] * 3)
    assert "Some of what is shown is synthetic demonstration data" in html
    assert [page.count('<span class="role">synthetic</span>') for page in (html, listed)] == [1, 1]


def test_thousands_are_parted(client: Client) -> None:
    client.force_login(user("researcher"))
    ingest(sample())
    evaluation = Evaluation.objects.get()
    condition = Condition("blackmail", "explicit", "america", "replacement")
    Store(evaluation, Report(evaluation.pk)).plan(Planned("brisk-heron-2", condition, 12_346, "run"))

    assert "<b>12,345</b> planned, not there" in client.get("/").content.decode()


def test_an_evaluation_that_nothing_came_into_is_not_listed(client: Client) -> None:
    client.force_login(user("researcher"))
    ingest(sample(), name="Study")
    Evaluation.objects.create(name="Refused")

    overview, listed = (client.get(address).context["evaluations"] for address in ("/", "/evaluations/"))
    chosen = FilterForm(QueryDict("evaluation=1000")).chosen()
    assert chosen is not None
    (choices,) = (facet for facet in facets(chosen) if facet.name == "evaluation")

    assert [[one.name for one in page] for page in (overview, listed)] == [["Study"], ["Study"]]
    assert [option.words for option in choices.options] == ["Study", "1000"]
    assert list(client.get("/ingest/").context["names"]) == ["Refused", "Study"]


def test_the_number_of_queries_does_not_grow(client: Client) -> None:
    client.force_login(user("researcher"))

    def asked(samples: int, models: int) -> int:
        ingest(
            *(sample(f"{n}", model=f"m{m}", verdicts=(verdict(True),)) for n in range(samples) for m in range(models))
        )
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/").status_code == 200
        return len(queries)

    assert asked(samples=1, models=2) == asked(samples=3, models=4)
