"""Stored inclusion probabilities against new random numbers: few draws here, many by `python -m tests.bench draws`."""

from __future__ import annotations

import pytest

from tests.bench.drawing import ANSWERED, Draws, population, repeat

pytestmark = pytest.mark.django_db
REPETITIONS = 30


@pytest.mark.parametrize("design", ["stratified", "priority"])
def test_weighted_totals_of_what_is_drawn_and_of_what_is_answered_at_the_close_are_right(design: str) -> None:
    population()

    found = repeat(design, REPETITIONS)

    assert {int((row > 0).sum()) for row in found.answered} == {ANSWERED}
    assert [abs(Draws.bias(weights)[1]) < 3 for weights in (found.drawn, found.answered)] == [True, True]


def test_a_queue_that_serves_the_flagged_first_is_noticed() -> None:
    population()

    found = repeat("simple", REPETITIONS, flagged_first=True)

    assert (abs(Draws.bias(found.drawn)[1]) < 3, Draws.bias(found.answered)[1] > 4) == (True, True)
