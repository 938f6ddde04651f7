"""How a campaign stands: per stratum, per rater, per outcome. Counted when asked, never stored."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Avg, Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from labeling.campaigns.gold import Score, scores
from labeling.models import (
    Assignment,
    Campaign,
    CampaignItem,
    Expected,
    Label,
    Outcome,
    Participation,
    Resolution,
    Skip,
    Stratum,
    Wave,
)
from transcripts.models import LanguageModel

VERDICTS = {"flagged": "flagged", "unflagged": "not flagged", "missing": "without verdict", "": "any"}


@dataclass(frozen=True)
class StratumLine:
    """A stratum as the last draw found it, and how many of its drawn transcripts have all of their answers."""

    model: LanguageModel | None
    scenario: str
    verdict: str
    population: int
    drawn: int
    full: int

    @property
    def pi(self) -> float | None:
        return self.drawn / self.population if self.drawn else None


@dataclass(frozen=True)
class RaterLine:
    rater: User
    submitted: int
    held: int
    skipped: int
    seconds: float | None
    part: Participation | None
    gold: Score


@dataclass(frozen=True)
class OutcomeLine:
    """The current resolutions for one outcome; what is unresolved is missing, never negative."""

    outcome: Outcome
    unanimous: int
    majority: int
    tie_break: int
    adjudicated: int
    unresolved: int
    positive: int
    undecided: int  # adjudicated as not to be told

    @property
    def negative(self) -> int:
        return self.unanimous + self.majority + self.tie_break + self.adjudicated - self.undecided - self.positive


@dataclass(frozen=True)
class Response:
    """Drawn transcripts, those that have all of their answers, and those that have none at all."""

    drawn: int
    full: int
    none: int

    @property
    def rate(self) -> float | None:
        return self.full / self.drawn if self.drawn else None


def response(campaign: Campaign) -> Response:
    sample = _sample(campaign)
    answered = Exists(_panel().filter(item=OuterRef("pk"), submitted_at__isnull=False))
    return Response(sample.count(), _full(campaign).count(), sample.exclude(answered).count())


@dataclass(frozen=True)
class Answers:
    """Slots of the panel, and how many of them are answered. Gold and repeated ones are not among them."""

    slots: int
    submitted: int


def answers(campaign: Campaign) -> Answers:
    panel = _panel().filter(campaign=campaign).exclude(item__source=CampaignItem.Source.GOLD)
    found = panel.aggregate(slots=Count("pk"), submitted=Count("pk", filter=Q(submitted_at__isnull=False)))
    return Answers(found["slots"], found["submitted"])


def _panel() -> QuerySet[Assignment]:
    return Assignment.objects.filter(purpose=Assignment.Purpose.PANEL, voided_at=None)


def gold(campaign: Campaign) -> dict[str, int]:
    """How many items there are with known answers, by what they are for."""
    rows = Expected.objects.filter(item__campaign=campaign).values_list("purpose").annotate(n=Count("pk"))
    return dict(rows.order_by("purpose"))


def strata(campaign: Campaign) -> list[StratumLine]:
    wave = Wave.objects.filter(campaign=campaign).order_by("number").last()
    keys = ("stratum__model", "stratum__scenario", "stratum__verdict")
    counts = _full(campaign).values_list(*keys).annotate(n=Count("pk"))
    full = {tuple(key): n for *key, n in counts}
    rows = Stratum.objects.filter(wave=wave).select_related("model")
    return [
        StratumLine(
            model=row.model,
            scenario=row.scenario,
            verdict=VERDICTS[row.verdict],
            population=row.population,
            drawn=row.drawn,
            full=full.get((row.model_id, row.scenario, row.verdict), 0),
        )
        for row in rows.order_by("model__recorded_id", "scenario", "verdict")
    ]


def raters(campaign: Campaign) -> list[RaterLine]:
    """Everybody who takes part or has answered, the most active first."""
    own = Assignment.objects.filter(campaign=campaign, rater=OuterRef("pk"))
    held = own.filter(submitted_at__isnull=True, leased_until__gt=Now())
    skips = Skip.objects.filter(item__campaign=campaign, rater=OuterRef("pk"))
    labels = Label.objects.filter(item__campaign=campaign, rater=OuterRef("pk"))
    people = User.objects.filter(Q(campaigns=campaign) | Exists(own.filter(submitted_at__isnull=False)))
    rows = people.distinct().annotate(
        submitted=_number(own.filter(submitted_at__isnull=False)),
        held=_number(held),
        skipped=_number(skips),
        seconds=Subquery(labels.order_by().values("rater").annotate(n=Avg("seconds")).values("n")),
    )
    parts = {part.rater_id: part for part in campaign.participations.select_related("invitation")}
    known = scores(campaign, Expected.Purpose.values)
    return [
        RaterLine(
            rater=row,
            submitted=row.submitted or 0,
            held=row.held or 0,
            skipped=row.skipped or 0,
            seconds=row.seconds,
            part=parts.get(row.pk),
            gold=known.get(row.pk, Score()),
        )
        for row in rows.order_by(F("submitted").desc(nulls_last=True), "username")
    ]


def _number(rows: QuerySet[Assignment] | QuerySet[Skip]) -> Subquery:
    return Subquery(rows.order_by().values("rater").annotate(n=Count("pk")).values("n"))


def outcomes(campaign: Campaign) -> list[OutcomeLine]:
    rows = (
        Resolution.objects.filter(item__campaign=campaign, superseded_at__isnull=True)
        .values("outcome", "method")
        .annotate(
            n=Count("pk"),
            positive=Count("pk", filter=Q(value=True)),
            undecided=Count("pk", filter=Q(method="adjudicated", value=None)),
        )
    )
    counts: dict[tuple[int, str], tuple[int, int, int]] = defaultdict(lambda: (0, 0, 0))
    counts |= {(row["outcome"], row["method"]): (row["n"], row["positive"], row["undecided"]) for row in rows}
    return [
        OutcomeLine(
            outcome=outcome,
            positive=sum(counts[outcome.pk, method][1] for method in Resolution.Method.values),
            undecided=sum(counts[outcome.pk, method][2] for method in Resolution.Method.values),
            **{method: counts[outcome.pk, method][0] for method in Resolution.Method.values},
        )
        for outcome in Outcome.objects.filter(version=campaign.codebook_version)
    ]


def flags(campaign: Campaign) -> QuerySet[Skip]:
    """What raters want somebody to look at, newest first."""
    return (
        Skip.objects.filter(item__campaign=campaign, flagged=True)
        .select_related("item__transcript", "rater")
        .order_by("-pk")
    )


def probabilities(campaign: Campaign) -> tuple[float, float] | None:
    """The smallest and the largest inclusion probability of the sample."""
    found = _sample(campaign).aggregate(low=Min("pi"), high=Max("pi"))
    return None if found["low"] is None else (found["low"], found["high"])


def _sample(campaign: Campaign) -> QuerySet[CampaignItem]:
    return CampaignItem.objects.filter(campaign=campaign, source=CampaignItem.Source.SAMPLE)


def _full(campaign: Campaign) -> QuerySet[CampaignItem]:
    """The drawn items that have all of their answers."""
    open_slots = _panel().filter(item=OuterRef("pk"), submitted_at__isnull=True)
    return _sample(campaign).filter(~Exists(open_slots))
