"""Many draws of one small population by the product's own draw, queue and close, each with new random numbers.

What a design promises is that I/π has the mean 1 for every transcript, whether I says that it was drawn, or that it
was answered when the campaign was closed with leases open (weighted by drawn / answered within its stratum).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # what needs Django is imported where it is used: `main` sets it up first
    from django.contrib.auth.models import User

    from labeling.models import Campaign

FLAGGED, UNFLAGGED = 8, 16
# What people would find: most of what is flagged, little of the rest.
HARMFUL = frozenset({0, 1, 2, 3, 4, 5, 8, 9})
RATERS = 2
ANSWERED = 6
WAVES = {"simple": (8, 4), "stratified": (10, 4), "learned": (10, 6), "priority": (12,)}
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """I/π of every transcript (column) in every repetition (row): of what was drawn, and of what was answered."""

    drawn: Floats
    answered: Floats

    @staticmethod
    def p_value(weights: Floats) -> float:
        """Of the hypothesis that every column has the mean 1: Hotelling's test in its χ² form.

        Columns depend on each other (a draw of fixed size adds up), so their whole covariance is used.
        """
        from scipy.stats import chi2  # noqa: PLC0415

        means = weights.mean(axis=0) - 1
        covariance = np.cov(weights, rowvar=False) / len(weights)
        inverse = np.linalg.pinv(covariance, rcond=1e-9, hermitian=True)
        if np.abs(means - covariance @ inverse @ means).max() > 1e-6:
            return 0.0  # off by something that never varies: no chance is needed to be that wrong
        rank = np.linalg.matrix_rank(covariance, tol=1e-9 * np.abs(covariance).max(), hermitian=True)
        return float(chi2.sf(means @ inverse @ means, rank))

    @staticmethod
    def bias(weights: Floats) -> tuple[float, float]:
        """Of the weighted number of harmful transcripts: relative to the true one, and in standard errors."""
        totals = weights[:, sorted(HARMFUL)].sum(axis=1)
        error = totals.mean() - len(HARMFUL)
        return float(error / len(HARMFUL)), float(error / (totals.std(ddof=1) / len(totals) ** 0.5))


def population() -> None:
    """The transcripts that every repetition draws from, the flagged ones first."""
    from tests.labeling.makers import study  # noqa: PLC0415

    study(flagged=FLAGGED, unflagged=UNFLAGGED)


def repeat(design: str, repetitions: int, seed: int = 1, *, flagged_first: bool = False, label: bool = True) -> Draws:
    """Draw, label for a while and close, again and again. `flagged_first` is the mistake that must be noticed: the
    queue serves what the judge flagged first, and what was answered is taken for a random part all the same."""
    from django.db import transaction  # noqa: PLC0415

    from tests.labeling.makers import person  # noqa: PLC0415
    from transcripts.models import Transcript  # noqa: PLC0415

    random = Random(f"{design} {seed}")
    transcripts = sorted(Transcript.objects.all(), key=lambda transcript: int(transcript.sample_key))
    raters = [person(f"{design}-{seed}-{flagged_first}-{n}", "rater") for n in range(RATERS)] if label else []
    drawn, answered = np.zeros((2, repetitions, len(transcripts)))
    for row in range(repetitions):
        with transaction.atomic():
            for transcript in transcripts:
                transcript.u = random.uniform(1e-9, 1 - 1e-9)
            Transcript.objects.bulk_update(transcripts, ["u"])
            places = {transcript.pk: place for place, transcript in enumerate(transcripts)}
            _one(design, raters, flagged_first, places.__getitem__, drawn[row], answered[row])
            transaction.set_rollback(True)
    return Draws(drawn, answered)


def _one(
    design: str, raters: list[User], flagged_first: bool, place: Callable[[int], int], drawn: Floats, answered: Floats
) -> None:
    from django.utils import timezone  # noqa: PLC0415

    from labeling.campaigns.draw import draw_wave  # noqa: PLC0415
    from labeling.models import Assignment, CampaignItem  # noqa: PLC0415
    from labeling.queue.assign import take_next  # noqa: PLC0415
    from tests.labeling.makers import campaign  # noqa: PLC0415

    made = campaign(*raters, design="stratified" if design == "learned" else design)
    for number, size in enumerate(WAVES[design], start=1):
        learned = design == "learned" and number > 1
        if learned:
            _agree(made, place)
        draw_wave(made, size, allocation="learned" if learned else "neyman")
    if flagged_first:
        flagged = CampaignItem.objects.filter(campaign=made, transcript__verdicts__final=True)
        Assignment.objects.filter(item__in=flagged).update(serve_order=0)
    submitted = 0
    while raters and submitted < ANSWERED:
        slot = take_next(made, raters[submitted % RATERS])
        assert slot is not None, "more is drawn than answered"
        Assignment.objects.filter(pk=slot.pk).update(submitted_at=timezone.now())
        submitted += 1
    for rater in raters:
        take_next(made, rater)  # a lease that is open at the end
    made.state = made.State.CLOSED
    made.save(update_fields=["state"])
    _count(made, place, drawn, answered)


def _agree(made: Campaign, place: Callable[[int], int]) -> None:
    """What people found in the waves so far."""
    from labeling.models import CampaignItem, Outcome, Resolution  # noqa: PLC0415

    outcome = Outcome.objects.get(version__campaigns=made, key="harm")
    Resolution.objects.bulk_create(
        Resolution(
            item=item,
            outcome=outcome,
            value=place(item.transcript_id) in HARMFUL,
            method="unanimous",
            positive=1,
            negative=0,
            missing=0,
            label_ids=[],
            text_sha256=b"",
        )
        for item in CampaignItem.objects.filter(campaign=made)
    )


def _count(made: Campaign, place: Callable[[int], int], drawn: Floats, answered: Floats) -> None:
    from labeling.models import CampaignItem  # noqa: PLC0415

    items = list(CampaignItem.objects.filter(campaign=made).select_related("stratum"))
    full = set(
        CampaignItem.objects.filter(campaign=made, assignments__submitted_at__isnull=False).values_list("pk", flat=True)
    )
    strata: dict[str, list[CampaignItem]] = {}
    for item in items:
        drawn[place(item.transcript_id)] = 1 / (item.pi or 0)
        strata.setdefault(item.stratum.verdict if item.stratum else "", []).append(item)
    for members in strata.values():
        done = [item for item in members if item.pk in full]
        for item in done:
            answered[place(item.transcript_id)] = len(members) / len(done) / (item.pi or 0)


def main(design: str, repetitions: int, seed: int) -> None:
    """Print the figures of one design as a line of JSON."""
    import django  # noqa: PLC0415

    django.setup()
    population()
    print(json.dumps(figures(design, repetitions, seed)))


def figures(design: str, repetitions: int, seed: int) -> dict[str, float]:
    wrong = design == "control"
    found = repeat("simple" if wrong else design, repetitions, seed, flagged_first=wrong)
    bias, errors = Draws.bias(found.drawn)
    bias_answered, errors_answered = Draws.bias(found.answered)
    return {
        "p": Draws.p_value(found.drawn),
        "p_answered": Draws.p_value(found.answered),
        "bias": bias,
        "bias_answered": bias_answered,
        "errors": abs(errors),
        "errors_answered": abs(errors_answered),
    }


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
