"""What an estimate rests on: whose verdicts, and which drawn transcripts with what people agreed about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum

from labeling.campaigns.population import population
from labeling.models import Calibration, Campaign, CampaignItem, Label, Outcome, Resolution
from labeling.stats import noise
from transcripts.models import Classifier, ClassifierVersion, Evaluation, Verdict, VerdictTally
from transcripts.models.transcripts import JUDGEABLE

# Items found by browsing, gold items and disputes never enter a rate.
SAMPLE = Q(source=CampaignItem.Source.SAMPLE)
SAMPLE_LABELS = Q(item__source=CampaignItem.Source.SAMPLE)


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Judged(TypedDict):
        resolved: bool | None
        final: bool | None

    SampleItem = WithAnnotations[CampaignItem, Judged]


@dataclass(frozen=True)
class Basis:
    """What an estimate rests on: whose verdicts, whose labels, about what. Each may be missing."""

    evaluation: Evaluation
    outcome: str = "harm"
    version: ClassifierVersion | None = None
    campaign: Campaign | None = None

    @classmethod
    def of(cls, evaluation: Evaluation, outcome: str = "harm", classifier: str = "") -> Basis:
        """The evaluation's classifier version with the most verdicts on this outcome (of the named classifier, if
        any), and its campaign with the most labels of those that speak of whole cells. One whose raters see the
        verdict cannot tell how right it is."""
        tallies = VerdictTally.objects.filter(cell__evaluation=evaluation, outcome=outcome)
        # One that learned from the labels would be corrected by what it has learned: it is taken where it is named.
        trained = Q(version__classifier__kind=Classifier.Kind.TRAINED)
        tallies = tallies.filter(version__classifier__slug=classifier) if classifier else tallies.exclude(trained)
        versions = tallies.values("version").annotate(total=Sum("n")).order_by("-total", "-version")
        return cls(
            evaluation=evaluation,
            outcome=outcome,
            version=ClassifierVersion.objects.select_related("classifier")
            .filter(pk__in=versions.values("version")[:1])
            .first(),
            campaign=_most_labelled(evaluation, outcome),
        )

    @cached_property
    def label_outcome(self) -> Outcome | None:
        if self.campaign is None:
            return None
        return Outcome.objects.filter(version=self.campaign.codebook_version, key=self.outcome).first()

    @cached_property
    def covered(self) -> frozenset[int]:
        """The cells that the campaign could draw from. Its labels say nothing about any other."""
        if self.campaign is None or self.campaign.frame_last_id is None:
            return frozenset()
        return frozenset(population(self.campaign).order_by().values_list("cell_id", flat=True).distinct())

    @cached_property
    def calibration(self) -> Calibration | None:
        """The newest calibration of this classifier version by this campaign, of all that it speaks of."""
        if self.campaign is None or self.version is None:
            return None
        found = Calibration.objects.filter(
            campaign=self.campaign, classifier_version=self.version, outcome__key=self.outcome, scope={}
        )
        return found.order_by("-pk").first()

    @cached_property
    def noise(self) -> noise.NoiseMap | None:
        """The panel's own error rates, as the newest calibration found them."""
        found = self.calibration.figures.get("noise") if self.calibration else None
        return noise.NoiseMap(**found) if found else None


def _most_labelled(evaluation: Evaluation, outcome: str) -> Campaign | None:
    """Labels are counted only where there is a choice: 50,000 of them take their time."""
    sampled = CampaignItem.objects.filter(SAMPLE, campaign=OuterRef("pk"))
    campaigns = Campaign.objects.filter(
        Exists(sampled),
        evaluation=evaluation,
        codebook_version__outcomes__key=outcome,
        hides__contains=[Campaign.Hidden.VERDICT],
    )
    found = [campaign for campaign in campaigns.order_by("-pk") if campaign.speaks_of_cells]
    if len(found) < 2:
        return found[0] if found else None
    labels = Label.objects.filter(SAMPLE_LABELS, item__campaign__in=found).order_by().values("item__campaign")
    counts = dict(labels.annotate(n=Count("pk")).values_list("item__campaign", "n"))
    return max(found, key=lambda campaign: (counts.get(campaign.pk, 0), campaign.pk))


def sample_items(basis: Basis) -> QuerySet[SampleItem]:
    """The drawn items of the basis, each with its `resolved` answer and the `final` verdict. Unresolved is None."""
    # What was agreed about an earlier text of a transcript is not about this one.
    resolved = Resolution.objects.filter(
        item=OuterRef("pk"),
        outcome=basis.label_outcome,
        superseded_at__isnull=True,
        text_sha256=OuterRef("transcript__text_sha256"),
    ).values("value")[:1]
    final = Verdict.objects.filter(
        transcript=OuterRef("transcript"), version=basis.version, outcome=basis.outcome
    ).values("final")[:1]
    items = CampaignItem.objects.filter(SAMPLE, campaign=basis.campaign, transcript__status__in=JUDGEABLE)
    return items.annotate(resolved=Subquery(resolved), final=Subquery(final))


@dataclass(frozen=True)
class Response:
    """How many of a drawn stratum have an agreed answer."""

    population: int
    drawn: int
    answered: int

    @property
    def factor(self) -> float:
        """By which each answer of the stratum counts more, for those that are missing from it."""
        return self.drawn / self.answered if self.answered else 1.0


StratumKey: TypeAlias = tuple[int | None, str, str]


def responses(basis: Basis) -> dict[StratumKey, Response]:
    """Response by design stratum; one entry of (None, "", "") where the design has no strata."""
    if basis.campaign is None or basis.label_outcome is None:
        return {}
    key = ("stratum__model_id", "stratum__scenario", "stratum__verdict")
    rows = sample_items(basis).values_list(*key)
    counted = rows.annotate(drawn=Count("pk"), answered=Count("pk", filter=Q(resolved__isnull=False)))
    wave = basis.campaign.waves.filter(strata__isnull=False).order_by("-number").first()
    sizes = {(s.model_id, s.scenario, s.verdict): s.population for s in wave.strata.all()} if wave else {}
    found = {}
    for model, scenario, verdict, drawn, answered in counted.order_by(*key):
        stratum = (model, scenario or "", verdict or "")
        found[stratum] = Response(sizes.get(stratum, drawn), drawn, answered)
    return found
