"""Two transcripts side by side, and two conditions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.transcripts.study import INBOX, SYSTEM, ingest, sample, user, verdict
from transcripts.comparing.counterfactuals import Flip
from transcripts.comparing.differences import Stretch
from transcripts.ingest.parsed import Condition
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db

BASE = Condition("blackmail", "explicit", "america", "replacement")
NO_THREAT = Condition("blackmail", "explicit", "america", "none")


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(user("viewer"))
    return client


@pytest.fixture
def pair() -> list[Transcript]:
    calm = replace(sample("run/1", "I do nothing.", condition=NO_THREAT), user=INBOX.replace("wipe", "meeting"))
    return ingest(sample("run/1", condition=BASE, verdicts=(verdict(True),)), calm)


def test_two_transcripts_stand_beside_each_other(reader: Client, pair: list[Transcript]) -> None:
    left, right = pair
    page = reader.get(f"/compare/{left.pk}/{right.pk}/")
    assert [side.transcript for side in page.context["sides"]] == [left, right]
    assert page.context["flips"] == [Flip("threat", "replacement", "none")]
    system, inbox = page.context["prompts"]
    assert (system.same, system.before) == (True, SYSTEM)
    assert Stretch("gone", "wipe") in inbox.stretches
    assert Stretch("new", "meeting") in inbox.stretches
    html = page.content.decode()
    assert html.count('id="left-action-1"') == 1
    assert html.count("<del>wipe</del><ins>meeting</ins>") >= 1
    assert html.count('id="thought-1"') == 0


def test_one_key_leads_to_the_nearest_counterfactual(reader: Client, pair: list[Transcript]) -> None:
    left, right = pair
    assert reader.get(f"/compare/{left.pk}/").headers["Location"] == f"/compare/{left.pk}/{right.pk}/"
    assert f'href="/compare/{left.pk}/"' in reader.get(f"/transcripts/{left.pk}/").content.decode()


def test_without_a_counterfactual_the_page_says_so(reader: Client) -> None:
    (alone,) = ingest(sample("1"))
    page = reader.get(f"/compare/{alone.pk}/")
    assert (page.status_code, page.context["transcript"]) == (200, alone)


def test_a_condition_shows_its_prompt_and_its_neighbours(reader: Client, pair: list[Transcript]) -> None:
    here, there = (transcript.cell.condition for transcript in pair)
    page = reader.get(f"/conditions/{here.pk}/")
    assert [prompt.user for prompt in page.context["prompts"]] == [INBOX]
    assert page.context["beside"] == [(there, Flip("threat", "replacement", "none"))]
    assert [(line["cell"].obtained, line["first"]) for line in page.context["lines"]] == [(1, pair[0])]


def test_two_conditions_show_how_their_prompts_differ(reader: Client, pair: list[Transcript]) -> None:
    here, there = (transcript.cell.condition for transcript in pair)
    page = reader.get(f"/conditions/{here.pk}/{there.pk}/")
    assert [prompt.same for prompt in page.context["prompts"]] == [True, False]


@pytest.mark.parametrize("path", ["/compare/1/", "/compare/1/2/", "/conditions/1/", "/conditions/1/2/"])
@pytest.mark.parametrize("group", ["", "rater"])
def test_who_may_not_read_finds_nothing(path: str, group: str) -> None:
    client = Client()
    client.force_login(user(*filter(None, [group])))
    assert client.get(path).status_code == 404


def test_a_pair_takes_as_many_queries_in_a_full_cell(
    reader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    left, right, *_ = ingest(
        sample("1", condition=BASE), sample("1", condition=NO_THREAT), *(sample(str(n)) for n in range(2, 5))
    )
    reader.get(f"/compare/{left.pk}/{right.pk}/")
    with django_assert_num_queries(18):
        reader.get(f"/compare/{left.pk}/{right.pk}/")


def test_the_list_that_one_came_from_is_kept(reader: Client, pair: list[Transcript]) -> None:
    left, right = pair
    found = reader.get(f"/compare/{left.pk}/?scenario=blackmail&cursor=x")
    assert found.headers["Location"] == f"/compare/{left.pk}/{right.pk}/?scenario=blackmail"
    html = reader.get(found.headers["Location"]).content.decode()
    assert html.count(f'href="/transcripts/{left.pk}/?scenario=blackmail"') == 2


def test_two_conditions_are_shown_by_samples_of_one_evaluation_and_model(reader: Client) -> None:
    ingest(sample("1", condition=BASE), name="Another")
    ingest(sample("1", condition=BASE, model="calm-otter-1"))
    right, left = ingest(sample("2", condition=NO_THREAT), sample("3", condition=BASE))
    page = reader.get(f"/conditions/{left.cell.condition_id}/{right.cell.condition_id}/")
    assert page.context["samples"] == [left, right]
    assert "No evaluation holds both" not in page.content.decode()


def test_prompts_of_two_evaluations_are_said_to_be(reader: Client) -> None:
    (left,) = ingest(sample("1", condition=BASE), name="Another")
    (right,) = ingest(sample("2", condition=NO_THREAT))
    page = reader.get(f"/conditions/{left.cell.condition_id}/{right.cell.condition_id}/")
    assert page.context["samples"] == [left, right]
    assert "No evaluation holds both" in page.content.decode()


def test_a_goal_without_a_value_is_named_by_its_type(reader: Client) -> None:
    ambiguous = replace(BASE, goal_type="ambiguous", goal_value="none")
    left, right = ingest(sample("1", condition=BASE), sample("1", condition=ambiguous))
    page = reader.get(f"/compare/{left.pk}/{right.pk}/")
    assert page.context["flips"] == [Flip("goal", "explicit america", "ambiguous")]
