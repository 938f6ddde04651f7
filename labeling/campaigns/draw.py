"""Draws what is labelled, by a recorded probability design, and makes room for its raters."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from math import ceil

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from labeling.campaigns.allocation import allocate, planned, uncertainty
from labeling.campaigns.population import CannotDraw, Part, digest, parts_of, population
from labeling.models import Assignment, Campaign, CampaignItem, Stratum, Wave
from labeling.stats import sampling
from transcripts.models import Verdict

# A panel of three, which tells its own error: of the random share, or of this many transcripts if those are more.
TRIPLE = 3
LEAST_TRIPLES = 100
# What was put into the campaign by hand. Left out of the draw it would bend every inclusion probability.
BY_HAND = (CampaignItem.Source.BROWSE, CampaignItem.Source.DISPUTE)


@transaction.atomic
def draw_wave(
    campaign: Campaign,
    size: int,
    by: User | None = None,
    allocation: str = Wave.Allocation.NEYMAN,
    targets: Mapping[tuple[int | None, str, str], int] | None = None,
) -> Wave:
    """Draw `size` transcripts more, in the order of their permanent random numbers, and make room for their raters;
    or so many that every stratum has what a plan aims at.

    The first draw fixes what can be drawn and its strata. So what is drawn of a stratum is always the beginning of
    its order: a simple random sample however many waves it took, with probability drawn / population.
    """
    campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
    _fix_frame(campaign)
    number = (campaign.waves.aggregate(last=Max("number"))["last"] or 0) + 1
    if campaign.design != Campaign.Design.STRATIFIED:
        allocation = Wave.Allocation.PROPORTIONAL
    wave = Wave.objects.create(
        campaign=campaign, number=number, size=size, allocation=allocation, drawn_at=timezone.now(), drawn_by=by
    )
    items = _draw_by_priority(wave) if campaign.design == Campaign.Design.PRIORITY else _draw_by_strata(wave, targets)
    if not items:
        raise CannotDraw("There is nothing left to draw: every transcript of the population is in the campaign.")
    _choose_triples(campaign, items)
    CampaignItem.objects.bulk_create(_take_in(campaign, items), batch_size=2000)
    make_room(campaign, CampaignItem.objects.filter(wave=wave))
    return wave


def panel_size(item: CampaignItem) -> int:
    """How many raters an item has from the start."""
    return TRIPLE if item.triple else item.campaign.raters_per_item


def make_room(campaign: Campaign, items: QuerySet[CampaignItem]) -> None:
    """Give the items the slots that they lack: those that were chosen by hand before have some."""
    having = items.annotate(slots=Subquery(_numbers()))
    Assignment.objects.bulk_create(
        (
            Assignment(item_id=pk, slot=slot)
            for pk, triple, slots in having.order_by("serve_order", "pk").values_list("pk", "triple", "slots")
            for slot in range((slots or 0) + 1, (TRIPLE if triple else campaign.raters_per_item) + 1)
        ),
        batch_size=2000,
    )


def _numbers() -> QuerySet[Assignment, int]:
    of_item = Assignment.objects.filter(item=OuterRef("pk")).order_by().values("item")
    return of_item.annotate(last=Max("slot")).values_list("last", flat=True)


def _fix_frame(campaign: Campaign) -> None:
    """The first draw writes down what it draws from; a later one draws from exactly that, or not at all."""
    if campaign.frame_last_id is None:
        campaign.frame_last_id = population(campaign).aggregate(last=Max("pk"))["last"] or 0
        campaign.frame_digest = digest(campaign)
        campaign.save(update_fields=["frame_last_id", "frame_digest"])
    elif campaign.frame_digest != digest(campaign):
        raise CannotDraw(
            "The transcripts that the filters find, or the verdicts that make the strata, changed since the first "
            "wave, so another one would have unknown probabilities. Make a new campaign."
        )


def _choose_triples(campaign: Campaign, items: list[CampaignItem]) -> None:
    """Of a wave, those that always get three raters: the share, or so many that the campaign has its least.

    By random numbers of their own: those of the draw order the queue, and the first ones would get them all.
    """
    if not campaign.third_on_disagreement or campaign.triple_share == 0:
        return
    before = CampaignItem.objects.filter(campaign=campaign, source=CampaignItem.Source.SAMPLE, triple=True).count()
    n = min(len(items), max(ceil(campaign.triple_share * len(items)), LEAST_TRIPLES - before))
    seed = campaign.evaluation.seed.encode()

    def number(item: CampaignItem) -> bytes:
        return hmac.digest(seed, f"triple {campaign.pk} {item.transcript_id}".encode(), "sha256")

    for item in sorted(items, key=number)[:n]:
        item.triple = True


def _take_in(campaign: Campaign, drawn: list[CampaignItem]) -> list[CampaignItem]:
    """What is drawn and was chosen by hand before is in the sample from now on, with its slots and labels; the rest."""
    by_transcript = {item.transcript_id: item for item in drawn}
    known = list(CampaignItem.objects.filter(campaign=campaign, source__in=BY_HAND, transcript__in=by_transcript))
    for item in known:
        new = by_transcript.pop(item.transcript_id)
        item.source, item.wave, item.stratum, item.pi, item.p = new.source, new.wave, new.stratum, new.pi, new.p
        item.triple = new.triple
    CampaignItem.objects.bulk_update(known, ["source", "wave", "stratum", "pi", "p", "triple"], batch_size=500)
    return [item for item in drawn if item.transcript_id in by_transcript]


def _draw_by_strata(wave: Wave, targets: Mapping[tuple[int | None, str, str], int] | None) -> list[CampaignItem]:
    campaign = wave.campaign
    parts = parts_of(campaign)
    totals = allocate(campaign, parts, wave.size, wave.allocation) if targets is None else planned(parts, targets)
    items: list[CampaignItem] = []
    for part, total in zip(parts, totals, strict=True):
        stratum = Stratum.objects.create(
            wave=wave,
            model_id=part.model,
            scenario=part.scenario,
            verdict=part.verdict,
            population=part.population,
            drawn=total,
        )
        if not total:
            continue
        pi = sampling.inclusion_probability(total, part.population)
        # What earlier waves drew of this stratum is now part of a larger sample of it.
        _of_stratum(campaign, part).update(pi=pi)
        items.extend(
            CampaignItem(
                campaign=campaign,
                transcript_id=pk,
                wave=wave,
                stratum=stratum,
                pi=pi,
                serve_order=wave.number + order,
            )
            for pk, order in _first(campaign, part, total - part.drawn)
        )
    return items


def _of_stratum(campaign: Campaign, part: Part) -> QuerySet[CampaignItem]:
    return CampaignItem.objects.filter(
        campaign=campaign,
        source=CampaignItem.Source.SAMPLE,
        stratum__model_id=part.model,
        stratum__scenario=part.scenario,
        stratum__verdict=part.verdict,
    )


def _first(campaign: Campaign, part: Part, n: int) -> Iterable[tuple[int, float]]:
    """The n undrawn transcripts of a stratum with the lowest random numbers, each with its place in the queue.

    Places of different strata interleave, so that whenever labeling stops, all strata have come equally far.
    """
    sample = CampaignItem.objects.filter(campaign=campaign, source=CampaignItem.Source.SAMPLE)
    undrawn = population(campaign).filter(~Exists(sample.filter(transcript=OuterRef("pk"))))
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
    of_judge = Q(version=campaign.classifier_version, outcome=campaign.outcome)
    said = Verdict.objects.filter(of_judge, transcript=OuterRef("pk"))
    judged = population(campaign).annotate(judge=Subquery(said.values("judge")[:1]))
    judged = judged.annotate(score=Subquery(said.values("score")[:1])).order_by("pk")
    rows = list(judged.values_list("pk", "u", "verdict", "judge", "final", "score"))
    sizes = sampling.draw_sizes([uncertainty(*row) for _, _, *row in rows])
    sample = sampling.priority_sample(sizes, [row[1] for row in rows], min(wave.size, len(rows)))
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
            # u / π is uniform whatever the size, so whoever stops halfway has a random part of the sample. By u alone
            # the small ones would come first, in the order of the draw those that are certain to be in it.
            serve_order=wave.number + rows[place][1] / pi,
        )
        for place, pi in zip(sample.drawn, sample.pi, strict=True)
    ]
