"""The counts beside the filters: each is the number of transcripts that the list would find, or there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.http import QueryDict
from django.test import Client

from tests.transcripts.study import ingest, sample, user, verdict
from tests.transcripts.test_filters import CANCEL, MURDER, OUTSIDE
from transcripts.ingest.parsed import Status
from transcripts.listing.counts import words
from transcripts.listing.facets import counted
from transcripts.listing.filters import Chosen, FilterForm
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db


def chosen(query: str) -> Chosen:
    found = FilterForm(QueryDict(query)).chosen()
    assert found is not None
    return found


def counts(query: str) -> dict[tuple[str, str], int | None]:
    return {(facet.name, option.value): option.count for facet in counted(chosen(query)) for option in facet.options}


def in_the_list(query: str, name: str, value: str) -> int:
    only = QueryDict(query, mutable=True)
    only.setlist(name, [value])
    return chosen(only.urlencode()).transcripts(Transcript.objects.all()).count()


@pytest.fixture
def study() -> None:
    old = replace(verdict(None, error="no answer tag"), version="unknown")
    ingest(
        sample("threat", verdicts=(verdict(True),)),
        sample("overruled", verdicts=(verdict(False, judge=True),)),
        sample("unparsed", verdicts=(verdict(None, error="no answer tag"),)),
        sample("twice", verdicts=(old, verdict(True))),
        sample("quiet", "I do nothing.", model="calm-otter-1"),
        sample("leak", OUTSIDE, verdicts=(verdict(False),), status=Status.TRUNCATED),
        sample("cancel", CANCEL, condition=MURDER),
        sample("failed", "", status=Status.ERROR, verdicts=(verdict(None, error="nothing to judge"),)),
        sample("empty", "", status=Status.EMPTY, model="calm-otter-1"),
    )


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "model=calm-otter-1",
        "scenario=blackmail&urgency=replacement",
        "status=complete",
        "status=error&status=empty",
    ],
)
def test_a_count_is_what_the_list_finds(query: str) -> None:
    """The filters in force are of those that all counts take into account."""
    found = counts(query)

    assert found == {(name, value): in_the_list(query, name, value) for name, value in found}


@pytest.mark.usefixtures("study")
def test_with_a_classifier_its_own_verdicts_are_counted() -> None:
    other = replace(verdict(True), classifier="second-judge")
    ingest(sample("both", verdicts=(verdict(False), other)))
    query = "classifier=second-judge"

    found = {key: n for key, n in counts(query).items() if key[0] in ("verdict", "gate_conflict", "classifier")}

    assert found == {(name, value): in_the_list(query, name, value) for name, value in found}
    assert found[("verdict", "harmful")] == 1


@pytest.mark.usefixtures("study")
def test_what_several_classifiers_say_together_is_not_guessed() -> None:
    ingest(sample("both", verdicts=(verdict(False), replace(verdict(True), classifier="second-judge"))))

    found = counts("classifier=second-judge&classifier=framework-harm")

    assert {found[("verdict", "harmful")], found[("gate_conflict", "yes")]} == {None}


def test_what_the_counts_leave_out_is_said() -> None:
    assert words(chosen("model=a&status=complete")) == [
        "Counts take evaluation, model, condition and status into account, as of the last ingest or judge run."
    ]
    assert words(chosen("verdict=harmful&q=leverage"))[1] == (
        "They leave out what is chosen under verdict, search: fewer may match."
    )


@pytest.mark.usefixtures("study")
def test_the_fragment_says_and_counts(client: Client) -> None:
    client.force_login(user("viewer"))

    html = client.get("/transcripts/facets/?action=mail").content.decode()

    assert html.count('<span class="count">') == len(counts("action=mail"))
    assert html.count("They leave out what is chosen under what was done: fewer may match.") == 1
