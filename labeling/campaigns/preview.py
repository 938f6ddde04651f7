"""What a campaign would draw from, and how a first wave would be shared out: before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labeling.campaigns.allocation import allocate, planned
from labeling.campaigns.population import CannotDraw, Part, parts_of
from labeling.campaigns.standing import VERDICTS
from labeling.models import Campaign
from transcripts.models import LanguageModel


@dataclass(frozen=True)
class Line:
    """A stratum, and how many of it the first wave would draw (None where the wave cannot be shared out)."""

    part: Part
    model: LanguageModel | None
    drawn: int | None

    @property
    def verdict(self) -> str:
        return VERDICTS[self.part.verdict]


@dataclass(frozen=True)
class Preview:
    population: int
    lines: list[Line]
    problem: str = ""


def preview(
    campaign: Campaign,
    size: int,
    allocation: str,
    targets: Mapping[tuple[int | None, str, str], int] | None = None,
) -> Preview:
    """Of a campaign that is not saved yet."""
    try:
        parts = parts_of(campaign)
    except CannotDraw as problem:
        return Preview(0, [], str(problem))
    shares: list[int | None] = [None] * len(parts)
    said = ""
    try:
        shares = list(allocate(campaign, parts, size, allocation) if targets is None else planned(parts, targets))
    except CannotDraw as problem:
        said = str(problem)
    models = LanguageModel.objects.in_bulk([part.model for part in parts if part.model is not None])
    lines = [Line(part, models.get(part.model or 0), share) for part, share in zip(parts, shares, strict=True)]
    lines.sort(key=lambda line: (str(line.model), line.part.scenario, line.part.verdict))
    stratified = campaign.design == Campaign.Design.STRATIFIED
    return Preview(sum(part.population for part in parts), lines if stratified else [], said)
