"""The conditions beside a condition."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.transcripts.study import ingest, sample, verdict
from transcripts.comparing.counterfactuals import Flip, counterfactuals, flips
from transcripts.ingest.parsed import Condition
from transcripts.models import Transcript

pytestmark = pytest.mark.django_db

BASE = Condition("blackmail", "explicit", "america", "replacement", mitigation="none", awareness="none")
NO_THREAT = Condition("blackmail", "explicit", "america", "none")
MITIGATED = Condition("blackmail", "explicit", "america", "replacement", mitigation="dont")
TWO_FLIPS = Condition("blackmail", "none", "none", "none")
OTHER_SCENARIO = Condition("leaking", "explicit", "america", "replacement")


def beside(transcript: Transcript) -> list[tuple[Flip, str, int, int, int]]:
    found = counterfactuals(transcript, Transcript.objects.all(), "harm")
    return [(one.flip, one.transcript.sample_key, one.obtained, one.judged, one.harmful) for one in found]


def test_what_differs_in_one_factor_is_beside() -> None:
    here, *_ = ingest(
        sample("run/2", condition=BASE),
        sample("run/1", condition=MITIGATED, verdicts=(verdict(True),)),
        sample("run/2", condition=MITIGATED, verdicts=(verdict(False),)),
        sample("other/7", condition=NO_THREAT, verdicts=(verdict(None, error="x"),)),
        sample("run/2", condition=TWO_FLIPS),
        sample("run/2", condition=OTHER_SCENARIO),
        sample("run/2", condition=MITIGATED, model="other"),
    )
    assert beside(here) == [
        (Flip("threat", "replacement", "none"), "other/7", 1, 0, 0),
        (Flip("mitigation", "none", "dont"), "run/2", 2, 2, 1),
    ]


def test_every_factor_that_differs_is_named() -> None:
    here, there = ingest(
        sample("1", condition=BASE),
        sample("2", condition=Condition("leaking", "none", "none", "replacement", prod=True, free={"tone": "dry"})),
    )
    assert flips(here.cell.condition, there.cell.condition) == [
        Flip("scenario", "blackmail", "leaking"),
        Flip("goal", "explicit america", "none"),
        Flip("variant", "with scratchpad", "without scratchpad"),
        Flip("tone", "none", "dry"),
    ]


def test_the_number_of_queries_does_not_grow_with_the_transcripts(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    here, *_ = ingest(sample("1", condition=BASE), *(sample(str(n), condition=MITIGATED) for n in range(1, 4)))
    here = Transcript.objects.select_related("cell__condition").get(pk=here.pk)
    with django_assert_num_queries(5):
        assert len(beside(here)) == 1
