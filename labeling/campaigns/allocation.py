"""How a wave is shared out among the strata, and how unsure the judge is of a single transcript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from django.db.models import Count, Q

from labeling.campaigns.population import CannotDraw, Part
from labeling.models import Campaign, CampaignItem, Resolution, Wave
from labeling.stats import sampling

Allocation = Wave.Allocation
SPREAD = {"flagged": "flagged", "unflagged": "unflagged", "missing": "without verdict", "": "flagged"}
# Answers that the planning value counts as much as: what a few answers say of a stratum is soon said otherwise.
PRIOR = 10


def allocate(campaign: Campaign, parts: Sequence[Part], size: int, allocation: str) -> list[int]:
    """How many each stratum has drawn after a wave of `size` more. Raises CannotDraw where that is too few."""
    spreads = _spreads(campaign, parts, allocation)
    strata = [
        sampling.SampledStratum(part.population, spread, part.drawn)
        for part, spread in zip(parts, spreads, strict=True)
    ]
    # One stratum needs no minimum: any part of it is a simple random sample.
    minimum = sampling.MINIMUM_PER_STRATUM if campaign.design == Campaign.Design.STRATIFIED else 0
    total = min(sum(part.drawn for part in parts) + size, sum(part.population for part in parts))
    try:
        return sampling.neyman_allocation(strata, total, minimum)
    except ValueError as problem:
        needed = sampling.minimum_draw(strata, minimum)
        raise CannotDraw(f"{size:,} are too few: {needed:,} give every stratum its minimum.") from problem


def planned(parts: Sequence[Part], targets: Mapping[tuple[int | None, str, str], int]) -> list[int]:
    """How many each stratum has drawn after a wave that takes what a plan asks for. Raises CannotDraw where that is
    nothing: a plan is made of what was drawn when somebody looked at it."""
    numbers = []
    for part in parts:
        least = max(part.drawn, min(sampling.MINIMUM_PER_STRATUM, part.population))
        numbers.append(min(part.population, max(least, targets.get(part.key, 0))))
    if sum(numbers) == sum(part.drawn for part in parts):
        raise CannotDraw("The plan asks for nothing more than what is drawn.")
    return numbers


def _spreads(campaign: Campaign, parts: Sequence[Part], allocation: str) -> list[float]:
    """The S_h of n_h ∝ N_h S_h: Neyman (1934) JRSS 97:558; Cochran (1977) Sampling Techniques, 5.5.

    The same for all strata makes the shares proportional to size, 1 / N_h makes them equal.
    """
    if allocation == Allocation.PROPORTIONAL:
        return [1.0] * len(parts)
    if allocation == Allocation.EQUAL:
        return [1 / part.population for part in parts]
    planned = [sampling.PLANNING_SPREAD[SPREAD[part.verdict]] for part in parts]
    if allocation == Allocation.NEYMAN:
        return planned
    answers = _answers(campaign)
    if not answers:
        raise CannotDraw("Nothing can be learned yet: no transcript of an earlier wave has an agreed answer.")
    return [learned_spread(plan, *answers.get(part.key, (0, 0))) for plan, part in zip(planned, parts, strict=True)]


def learned_spread(planned: float, n: int, positive: int) -> float:
    """S_h from n agreed answers, shrunk to its planning value: √((k S₀² + n p(1−p)) / (k + n)), with k = `PRIOR`.

    Few answers that happen to be all alike would else put the spread at 0, and the stratum would get nothing more.
    """
    share = positive / n if n else 0.0
    return sqrt((PRIOR * planned**2 + n * share * (1 - share)) / (PRIOR + n))


def _answers(campaign: Campaign) -> dict[tuple[int | None, str, str], tuple[int, int]]:
    """Agreed answers, and how many of them are positive, by stratum. All of them are about earlier waves."""
    agreed = Resolution.objects.filter(
        item__campaign=campaign,
        item__source=CampaignItem.Source.SAMPLE,
        outcome__key=campaign.outcome,
        superseded_at__isnull=True,
        value__isnull=False,
    )
    keys = ("item__stratum__model_id", "item__stratum__scenario", "item__stratum__verdict")
    rows = agreed.order_by(*keys).values_list(*keys).annotate(n=Count("pk"), positive=Count("pk", filter=Q(value=True)))
    return {(model, scenario, verdict): (n, positive) for model, scenario, verdict, n, positive in rows}


def uncertainty(verdict: str, judge: bool | None, final: bool | None, score: float | None) -> float:
    """How much the answer on a transcript may vary, as its judge sees it: between 0 and .5.

    From a score in [0, 1], read as a probability, √(s(1−s)); else the planning spread of its verdict. Where the gates
    overrule the judge, nothing is more uncertain.
    """
    if judge is not None and final is not None and judge != final:
        return 0.5
    if score is not None and 0 <= score <= 1:
        return sqrt(score * (1 - score))
    return sampling.PLANNING_SPREAD[SPREAD[verdict]]
