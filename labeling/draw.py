"""Draws what is labelled, by a recorded probability design, and makes room for its raters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, cast

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, CharField, Count, Exists, Max, OuterRef, QuerySet, Subquery, Value, When
from django.utils import timezone

from transcripts.filters import CELL_LOOKUPS, FilterForm
from transcripts.models import Transcript, Verdict

from .models import Assignment, Campaign, CampaignItem, Stratum, Wave
from .stats import sampling

SPREAD = {"flagged": "flagged", "unflagged": "unflagged", "missing": "without verdict", "": "flagged"}


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Verdicts(TypedDict):
        verdict: str

    Stratified = WithAnnotations[Transcript, Verdicts]


class CannotDraw(Exception):
    """A draw that the design does not allow, in words for the person who asked for it."""


@dataclass(frozen=True)
class Part:
    """A stratum before it is written: what defines it, how many it holds, and how many are drawn already."""

    model: int | None
    scenario: str
    verdict: str
    population: int
    drawn: int


def population(campaign: Campaign) -> QuerySet[Stratified]:
    """The transcripts that the campaign speaks of, each with the `verdict` that makes its stratum.

    Failed calls are not among them; a transcript that the judge did not judge is.
    """
    form = FilterForm(campaign.filters)
    chosen = form.chosen()
    if chosen is None:
        raise CannotDraw("; ".join(form.problems()))
    # Rates are put together from whole cells, so a campaign speaks of whole cells.
    if other := [name for name, value in campaign.filters.items() if value and name not in CELL_LOOKUPS]:
        raise CannotDraw(f"A campaign cannot be narrowed by {', '.join(other)}: it speaks of whole cells.")
    inside = chosen.transcripts(Transcript.objects.judgeable()).filter(cell__evaluation=campaign.evaluation)
    if campaign.frame_last_id is not None:
        inside = inside.filter(pk__lte=campaign.frame_last_id)
    answer = Verdict.objects.filter(
        transcript=OuterRef("pk"), version=campaign.classifier_version, outcome=campaign.outcome
    )
    final = inside.annotate(final=Subquery(answer.values("final")[:1]))
    stratified = final.annotate(
        verdict=Case(
            When(final=True, then=Value("flagged")),
            When(final=False, then=Value("unflagged")),
            default=Value("missing"),
            output_field=CharField(),
        )
    )
    return cast("QuerySet[Stratified]", stratified)


@transaction.atomic
def draw_wave(campaign: Campaign, size: int, by: User | None = None) -> Wave:
    """Draw `size` transcripts more, in the order of their permanent random numbers, and make room for their raters.

    The first draw fixes what can be drawn and its strata. So what is drawn of a stratum is always the beginning of
    its order: a simple random sample however many waves it took, with probability drawn / population.
    """
    campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
    if campaign.frame_last_id is None:
        campaign.frame_last_id = population(campaign).aggregate(last=Max("pk"))["last"] or 0
        campaign.save(update_fields=["frame_last_id"])
    number = (campaign.waves.aggregate(last=Max("number"))["last"] or 0) + 1
    wave = Wave.objects.create(campaign=campaign, number=number, size=size, drawn_at=timezone.now(), drawn_by=by)
    items = _draw_by_priority(wave) if campaign.design == Campaign.Design.PRIORITY else _draw_by_strata(wave)
    if not items:
        raise CannotDraw("There is nothing left to draw: every transcript of the population is in the campaign.")
    slots = range(1, campaign.raters_per_item + 1)
    items = _take_in(campaign, items)
    CampaignItem.objects.bulk_create(items, batch_size=2000)
    Assignment.objects.bulk_create((Assignment(item=item, slot=slot) for item in items for slot in slots), 2000)
    return wave


def _take_in(campaign: Campaign, drawn: list[CampaignItem]) -> list[CampaignItem]:
    """What is drawn and was chosen by hand before is in the sample from now on, with its slots and labels; the rest."""
    by_transcript = {item.transcript_id: item for item in drawn}
    known = list(_browsed(campaign).filter(transcript__in=by_transcript))
    for item in known:
        new = by_transcript.pop(item.transcript_id)
        item.source, item.wave, item.stratum, item.pi = new.source, new.wave, new.stratum, new.pi
    CampaignItem.objects.bulk_update(known, ["source", "wave", "stratum", "pi"], batch_size=500)
    return [item for item in drawn if item.transcript_id in by_transcript]


def _browsed(campaign: Campaign) -> QuerySet[CampaignItem]:
    return CampaignItem.objects.filter(campaign=campaign, source=CampaignItem.Source.BROWSE)


def _draw_by_strata(wave: Wave) -> list[CampaignItem]:
    campaign = wave.campaign
    parts = _parts(campaign)
    strata = [
        sampling.SampledStratum(p.population, sampling.PLANNING_SPREAD[SPREAD[p.verdict]], p.drawn) for p in parts
    ]
    # One stratum needs no minimum: any part of it is a simple random sample.
    minimum = 0 if campaign.design == Campaign.Design.SIMPLE else sampling.MINIMUM_PER_STRATUM
    drawn = sum(part.drawn for part in parts)
    total = min(drawn + wave.size, sum(part.population for part in parts))
    try:
        allocation = sampling.neyman_allocation(strata, total, minimum)
    except ValueError as problem:
        needed = sampling.minimum_draw(strata, minimum)
        raise CannotDraw(f"{wave.size} are too few: {needed} give every stratum its minimum.") from problem
    extra = [n - part.drawn for n, part in zip(allocation, parts, strict=True)]
    items: list[CampaignItem] = []
    for part, n in zip(parts, extra, strict=True):
        stratum = Stratum.objects.create(
            wave=wave,
            model_id=part.model,
            scenario=part.scenario,
            verdict=part.verdict,
            population=part.population,
            drawn=part.drawn + n,
        )
        if not stratum.drawn:
            continue
        pi = sampling.inclusion_probability(stratum.drawn, stratum.population)
        # What earlier waves drew of this stratum is now part of a larger sample of it.
        _of_stratum(CampaignItem.objects.filter(campaign=campaign), part).update(pi=pi)
        items.extend(
            CampaignItem(
                campaign=campaign,
                transcript_id=pk,
                wave=wave,
                stratum=stratum,
                pi=pi,
                serve_order=wave.number + order,
            )
            for pk, order in _first(campaign, part, n)
        )
    return items


def _parts(campaign: Campaign) -> list[Part]:
    parts = _parts_now(campaign)
    wave = campaign.waves.filter(strata__isnull=False).order_by("-number").first()
    if wave is not None:
        before = {(s.model_id, s.scenario, s.verdict): s.population for s in wave.strata.all()}
        if before != {(part.model, part.scenario, part.verdict): part.population for part in parts}:
            raise CannotDraw(
                "The verdicts or transcripts that make the strata changed since the first wave, so another one would "
                "have unknown probabilities. Make a new campaign."
            )
    return parts


def _parts_now(campaign: Campaign) -> list[Part]:
    inside = population(campaign)
    drawn = CampaignItem.objects.filter(campaign=campaign, source=CampaignItem.Source.SAMPLE)
    if campaign.design == Campaign.Design.SIMPLE:
        return [Part(None, "", "", inside.count(), drawn.count())]
    keys = ("cell__model_id", "cell__condition__scenario", "verdict")
    sizes = inside.order_by(*keys).values_list(*keys).annotate(n=Count("pk"))
    strata = ("stratum__model_id", "stratum__scenario", "stratum__verdict")
    done = {tuple(key): n for *key, n in drawn.values_list(*strata).annotate(n=Count("pk"))}
    return [
        Part(model, scenario, verdict, n, done.get((model, scenario, verdict), 0))
        for model, scenario, verdict, n in sizes
    ]


def _of_stratum(items: QuerySet[CampaignItem], part: Part) -> QuerySet[CampaignItem]:
    return items.filter(
        source=CampaignItem.Source.SAMPLE,
        stratum__model_id=part.model,
        stratum__scenario=part.scenario,
        stratum__verdict=part.verdict,
    )


def _first(campaign: Campaign, part: Part, n: int) -> Iterable[tuple[int, float]]:
    """The n undrawn transcripts of a stratum with the lowest random numbers, each with its place in the queue.

    Places of different strata interleave, so that whenever labeling stops, all strata have come equally far.
    """
    in_campaign = CampaignItem.objects.filter(campaign=campaign, transcript=OuterRef("pk"))
    undrawn = population(campaign).exclude(Exists(in_campaign.exclude(source=CampaignItem.Source.BROWSE)))
    if part.model is not None:
        undrawn = undrawn.filter(
            cell__model_id=part.model, cell__condition__scenario=part.scenario, verdict=part.verdict
        )
    drawn = undrawn.order_by("u").values_list("pk", flat=True)[:n]
    return [(pk, (rank + 0.5) / n) for rank, pk in enumerate(drawn)]


def _draw_by_priority(wave: Wave) -> list[CampaignItem]:
    campaign = wave.campaign
    if wave.number > 1:
        raise CannotDraw("Priority sampling draws one wave: its probabilities are fixed by the first.")
    rows = list(population(campaign).order_by("pk").values_list("pk", "u", "verdict"))
    spreads = [sampling.PLANNING_SPREAD[SPREAD[verdict]] for _, _, verdict in rows]
    sizes = sampling.draw_sizes(spreads)
    # Served in the order of the random numbers: that of the draw would bring the flagged ones first.
    served = sorted(range(len(rows)), key=lambda place: rows[place][1])
    order = {place: rank / len(rows) for rank, place in enumerate(served)}
    sample = sampling.priority_sample(sizes, [u for _, u, _ in rows], min(wave.size, len(rows)))
    if sample.threshold != float("inf"):
        wave.threshold = sample.threshold
        wave.save(update_fields=["threshold"])
    return [
        CampaignItem(
            campaign=campaign,
            transcript_id=rows[place][0],
            wave=wave,
            p=sizes[place],
            pi=pi,
            serve_order=1 + order[place],
        )
        for place, pi in zip(sample.drawn, sample.pi, strict=True)
    ]
