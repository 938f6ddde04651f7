"""The contrasts of the overview."""

from __future__ import annotations

import pytest

from reports.flips import strongest
from tests.transcripts.study import ingest, sample, verdict
from transcripts.comparing.counterfactuals import Flip
from transcripts.ingest.parsed import Condition, Transcript
from transcripts.models import Evaluation

pytestmark = pytest.mark.django_db

CONTROL = Condition("blackmail", "none", "none", "none")
THREAT = Condition("blackmail", "none", "none", "replacement")
BOTH = Condition("blackmail", "explicit", "america", "replacement")


def judged(condition: Condition, harmful: int, n: int, model: str = "brisk-heron-2") -> list[Transcript]:
    return [
        sample(str(number), condition=condition, model=model, verdicts=(verdict(number < harmful),))
        for number in range(n)
    ]


def test_pairs_that_differ_in_one_factor_are_put_by_their_evidence() -> None:
    ingest(*judged(CONTROL, 0, 20), *judged(THREAT, 12, 20), *judged(BOTH, 20, 20))
    found = strongest(Evaluation.objects.get(), 5)
    assert [(one.flip, one.before, one.after, one.points, one.low, one.high) for one in found] == [
        (Flip("threat", "none", "replacement"), (0, 20), (12, 20), 60, 33, 78),
        (Flip("goal", "none", "explicit america"), (12, 20), (20, 20), 40, 16, 61),
    ]


def test_what_may_be_chance_and_what_is_too_small_is_left_out() -> None:
    ingest(*judged(CONTROL, 4, 20), *judged(THREAT, 6, 20))
    ingest(*judged(CONTROL, 0, 9, "calm-otter-1"), *judged(THREAT, 9, 9, "calm-otter-1"))
    assert strongest(Evaluation.objects.get(), 5) == []
