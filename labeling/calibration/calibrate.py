"""Compares a classifier with what people agreed on, and keeps the comparison as a dated, immutable row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User

from amdash import __version__
from amdash.isolation import one_moment
from labeling.calibration.basis import Basis, StratumKey, responses, sample_items
from labeling.models import Calibration, Campaign, CampaignItem, Label, Resolution
from labeling.panel.ratings import without_thirds
from labeling.panel.resolve import answer_for
from labeling.stats import agreement, confusion, dawid_skene

if TYPE_CHECKING:
    from labeling.calibration.basis import SampleItem


class NothingToCompare(Exception):
    """There is no classifier version, no campaign, or no label yet; in words."""


@one_moment()
def calibrate(basis: Basis, by: User | None = None) -> Calibration:
    """The confusion of the classifier's verdicts against the resolutions of the campaign's sample, with weights
    1 / π, what raters agree on among themselves, and the panel's own error rates."""
    if basis.version is None:
        raise NothingToCompare("No classifier has judged this evaluation.")
    if basis.campaign is None or basis.label_outcome is None:
        sighted = Campaign.objects.filter(evaluation=basis.evaluation, items__source=CampaignItem.Source.SAMPLE).first()
        raise NothingToCompare(_sighted(sighted) or "No campaign has drawn a sample of this evaluation.")
    if words := _sighted(basis.campaign):
        raise NothingToCompare(words)
    items = list(sample_items(basis).select_related("transcript__cell__condition", "stratum"))
    resolutions = Resolution.objects.filter(
        item__in=items, outcome=basis.label_outcome, superseded_at__isnull=True
    ).values_list("pk", flat=True)
    if not resolutions:
        raise NothingToCompare("No item of the campaign's sample is resolved yet.")
    response = responses(basis)
    weights = {item.pk: response[_stratum_key(item)].factor / item.pi for item in items if item.pi}
    table = confusion.confusion(confusion.Comparison(item.final, item.resolved, weights[item.pk]) for item in items)
    answers = rater_answers(basis, items)
    panel = _panel_noise(basis.campaign, items, answers)
    return Calibration.objects.create(
        classifier_version=basis.version,
        verdict_outcome=basis.outcome,
        campaign=basis.campaign,
        outcome=basis.label_outcome,
        figures={
            "confusion": {
                "cells": {name: asdict(getattr(table, name)) for name in ("tp", "fp", "fn", "tn")},
                "without_verdict": table.n_without_verdict,
                "without_resolution": table.n_without_resolution,
            },
            "quality": asdict(confusion.quality(table)),
            "agreement": _agreement(answers, weights),
            "noise": asdict(panel.noise) if panel.noise else None,
            "noise_reason": panel.reason,
            "raters": Label.objects.filter(item__in=items).values("rater").distinct().count(),
        },
        resolution_ids=sorted(resolutions),
        code_version=__version__,
        created_by=by,
    )


def _sighted(campaign: Campaign | None) -> str:
    """Why answers given in sight of the verdict calibrate nothing, in words."""
    if campaign is None or Campaign.Hidden.VERDICT in campaign.hides:
        return ""
    return f"Raters of {campaign} see the verdict: their answers cannot tell how right it is."


def _panel_noise(
    campaign: Campaign, items: Iterable[SampleItem], answers: dict[int, list[bool | None]]
) -> dawid_skene.RaterNoise:
    """The error of the panel's majority. Two and a third on disagreement agree like a majority of three, and only
    the items that always get three tell its error: those with a third for a reason are the disputed ones."""
    if not campaign.third_on_disagreement:
        return dawid_skene.panel_noise(list(answers.values()), k=campaign.raters_per_item)
    always = {item.pk for item in items if item.triple}
    return dawid_skene.panel_noise([given for pk, given in answers.items() if pk in always], k=3)


def _stratum_key(item: CampaignItem) -> StratumKey:
    stratum = item.stratum
    return (stratum.model_id, stratum.scenario, stratum.verdict) if stratum else (None, "", "")


def rater_answers(basis: Basis, items: Iterable[SampleItem]) -> dict[int, list[bool | None]]:
    """What each rater says about the outcome, by item: one place per rater, None where unsure or not asked. Those
    whom a disagreement called are left out: agreement and noise are of raters who were asked anyway."""
    outcome = basis.label_outcome
    assert outcome is not None, "the caller has looked for it"
    scenarios = {item.pk: item.transcript.cell.condition.scenario for item in items}
    by_time = Label.objects.filter(item__in=scenarios).current().order_by("item", "assignment__submitted_at", "pk")
    given = by_time.prefetch_related("answers__choice")
    labels = list(without_thirds(basis.campaign, given, lambda label: label.item_id)) if basis.campaign else []
    place = {rater: i for i, rater in enumerate(sorted({label.rater_id for label in labels}))}
    answers: dict[int, list[bool | None]] = {}
    for label in labels:
        row = answers.setdefault(label.item_id, [None] * len(place))
        row[place[label.rater_id]] = answer_for(outcome, label, scenarios[label.item_id])
    return answers


def _agreement(answers: dict[int, list[bool | None]], weights: dict[int, float]) -> dict[str, Any]:
    """Between raters, weighted back to the population: an enriched sample would show too much of it."""
    ratings = agreement.Ratings.of(list(answers.values()), (False, True), [weights[pk] for pk in answers])
    statistics: dict[str, agreement.Statistic] = {
        "percent": agreement.percent_agreement,
        "alpha": agreement.krippendorff_alpha,
        "ac1": agreement.gwet_ac1,
    }
    return {name: asdict(found) for name, found in agreement.coefficients(statistics, ratings).items()}
