"""One line of a chart, a table or a leaderboard: an estimate in plain figures and words, to be frozen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Sum

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import Estimates, GroupEstimate
from labeling.models import CampaignItem, Label
from labeling.stats.estimate import Estimate
from labeling.stats.tiers import Tier
from labeling.stats.words import percent, rate_with_limits
from transcripts.models import Cell, Plan

TIER_WORDS = {
    Tier.CORRECTED: "corrected",
    Tier.MODELLED: "modelled",
    Tier.RAW: "raw, not calibrated",
    Tier.HUMAN: "human labels",
    Tier.NOTHING: "no data",
}


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

    @classmethod
    def thaw(cls, frozen: Mapping[str, Any]) -> Row:
        """A row out of a snapshot. Fields that a later version has added keep their defaults."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in frozen.items() if name in known}
        return cls(**kept | {name: tuple(kept.get(name, ())) for name in ("names", "remarks")})

    @property
    def tier_words(self) -> str:
        return TIER_WORDS[Tier(self.tier)]

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
        return "–" if self.raw is None else f"{100 * self.raw:.0f} %"

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
        self.raters: dict[int, set[int]] = defaultdict(set)
        if basis.campaign:
            labels = Label.objects.filter(item__campaign=basis.campaign, item__source=CampaignItem.Source.SAMPLE)
            for cell, rater in labels.order_by().values_list("item__transcript__cell", "rater").distinct():
                self.raters[cell].add(rater)

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


def raw_rate(estimate: Estimate) -> float | None:
    """What the classifier alone says, over the same cells with the same weights."""
    weights = {part.name: part.weight for part in estimate.strata}
    judged = weights.get("flagged", 0.0) + weights.get("unflagged", 0.0)
    return weights["flagged"] / judged if judged else None
