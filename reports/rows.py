"""One line of a chart, a table or a leaderboard: an estimate in plain figures and words, to be frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from django.db.models import Sum

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import Estimates, GroupEstimate
from labeling.stats.estimate import Estimate
from labeling.stats.intervals import Interval
from labeling.stats.tiers import Tier
from labeling.stats.words import decimals_for, percent, rate_with_limits
from transcripts.models import Cell, Plan

# A plain count of what there is, which estimates nothing.
COUNTED = "N"
TIER_WORDS: Mapping[str, str] = {
    Tier.CORRECTED: "corrected",
    Tier.MODELLED: "modelled",
    Tier.RAW: "raw, not calibrated",
    Tier.HUMAN: "human labels",
    COUNTED: "counted",
    Tier.NOTHING: "no data",
}


class Scale(StrEnum):
    """What a row's figures are: a rate from 0 to 1, a difference of two, or a coefficient, both from −1 to 1."""

    RATE = "rate"
    DIFFERENCE = "difference"
    COEFFICIENT = "coefficient"


@dataclass(frozen=True)
class Row:
    """What is shown of one estimate. A missing figure is None and reads "no data", never 0.

    `names` are the row's own words (a model, a condition), `colour` what it shares its colour with, `query`
    the filters of the transcripts behind it.
    """

    names: tuple[str, ...]
    tier: str
    words: str
    reason: str
    remarks: tuple[str, ...] = ()
    target: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    raw: float | None = None
    n_transcripts: int = 0
    n_labels: int = 0
    n_raters: int = 0
    n_failed: int = 0
    n_missing: int = 0
    n_cells: int = 0
    rank: str = ""
    colour: str = ""
    query: str = ""
    scale: str = Scale.RATE
    # Of a difference: the p-value of none, adjusted for all that are shown.
    p: float | None = None
    # The rate that the study published of the same model in the same condition, and where.
    published: float | None = None
    published_words: str = ""
    # The model that it is all about, which has a page.
    model: int | None = None

    @classmethod
    def thaw(cls, frozen: Mapping[str, Any]) -> Row:
        """A row out of a snapshot. Fields that a later version has added keep their defaults."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in frozen.items() if name in known}
        return cls(**kept | {name: tuple(kept.get(name, ())) for name in ("names", "remarks")})

    @property
    def tier_words(self) -> str:
        return TIER_WORDS[self.tier]

    @property
    def percents(self) -> dict[str, float | None]:
        """For drawing: from 0 to 100."""
        return {
            name: None if value is None else round(100 * value, 2)
            for name, value in (
                ("point", self.value),
                ("low", self.low),
                ("high", self.high),
                ("raw", self.raw),
            )
        }

    @property
    def raw_words(self) -> str:
        if self.raw is None:
            return "–"
        return points(self.raw) if self.scale == Scale.DIFFERENCE else f"{100 * self.raw:.0f} %"

    @property
    def transcripts(self) -> str:
        return f"{self.n_transcripts:,}"

    @property
    def labels(self) -> str:
        return f"{self.n_labels:,}"

    @property
    def beside(self) -> str:
        """What lies outside the rate: failed calls, and samples that were planned and never came."""
        parts = []
        if self.n_failed:
            parts.append(f"{self.n_failed:,} failed")
        if self.n_missing:
            parts.append(f"{self.n_missing:,} never came")
        return ", ".join(parts)


class Surroundings:
    """What is shown beside estimates and is no part of them: who labelled, and what was planned."""

    def __init__(self, basis: Basis, estimates: Estimates) -> None:
        self.estimates = estimates
        plans = Plan.objects.filter(cell__evaluation=basis.evaluation).values("cell")
        self.planned: dict[int, int] = dict(plans.annotate(sum=Sum("samples")).values_list("cell", "sum"))
        self.raters = estimates.rolled.raters

    def raters_of(self, cells: Iterable[Cell]) -> int:
        return len(set().union(*(self.raters[cell.pk] for cell in cells if cell.pk in self.raters)))

    def missing_from(self, cells: Iterable[Cell]) -> int:
        """Samples that the sources planned and that are not there, not even as failed calls."""
        missing = 0
        for cell in cells:
            counts = self.estimates.counts[cell.pk]
            obtained = counts.failed + counts.judgeable
            missing += max(0, self.planned.get(cell.pk, 0) - obtained)
        return missing

    def row(
        self,
        group: GroupEstimate,
        names: tuple[str, ...],
        *,
        colour: str = "",
        query: str = "",
        rank: str = "",
    ) -> Row:
        estimate = group.estimate
        known = estimate.value is not None
        return Row(
            names=names,
            tier=estimate.tier.value,
            words=in_words(estimate),
            reason=estimate.reason,
            remarks=estimate.remarks,
            target=estimate.target.value if known else "",
            value=estimate.value,
            low=estimate.low if known else None,
            high=estimate.high if known else None,
            raw=raw_rate(estimate),
            n_transcripts=estimate.n_transcripts,
            n_labels=estimate.n_labels,
            n_raters=self.raters_of(group.cells),
            n_failed=group.failed,
            n_missing=self.missing_from(group.cells),
            n_cells=len(group.cells),
            rank=rank,
            colour=colour,
            query=query,
        )


def in_words(estimate: Estimate) -> str:
    """No rate is known to be 0 or 1, so none is shown as "0 %" or "100 %"."""
    if estimate.value is None:
        return "no data"
    words = rate_with_limits(estimate.value, estimate.limits)
    # Also where it only rounds to that: a modelled rate may be a small fraction of a point.
    if float(words.split()[0]) == 0:
        return f"below {percent(estimate.high)}"
    if float(words.split()[0]) == 100:
        return f"above {percent(estimate.low)}"
    return words


def points(value: float, decimals: int = 0) -> str:
    """A difference of rates: "+12 points", "−3 points"."""
    rounded = round(100 * value, decimals)
    sign = "+" if rounded > 0 else "−" if rounded < 0 else "±"
    return f"{sign}{abs(rounded):.{decimals}f} points"


def difference_in_words(value: float, limits: Interval) -> str:
    """A difference and its interval, rounded alike: "+12 points [3, 21]"."""
    decimals = decimals_for(limits)
    low, high = (f"{round(100 * limit, decimals) + 0.0:.{decimals}f}" for limit in (limits.low, limits.high))
    return f"{points(value, decimals)} [{low}, {high}]".replace("-", "−")


def coefficient_in_words(value: float, limits: Interval | None) -> str:
    """A coefficient of agreement, which has no unit: "0.71 [0.64, 0.77]"."""
    between = f" [{limits.low:.2f}, {limits.high:.2f}]" if limits else ""
    return f"{value:.2f}{between}".replace("-", "−")


def raw_rate(estimate: Estimate) -> float | None:
    """What the classifier alone says, over the same cells with the same weights."""
    weights = {part.name: part.weight for part in estimate.strata}
    judged = weights.get("flagged", 0.0) + weights.get("unflagged", 0.0)
    return weights["flagged"] / judged if judged else None
