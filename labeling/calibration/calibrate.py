"""Compares a classifier with what people agreed on, and keeps the comparison as a dated, immutable row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User

from amdash import __version__
from amdash.isolation import one_moment
from labeling.calibration.basis import Basis, StratumKey, responses, sample_items
from labeling.calibration.drift import drifts
from labeling.calibration.groups import MIN_COMPARED, Drawn, Scope, Subgroup, all_subgroups, pooling
from labeling.calibration.raters import rater_answers, repeated
from labeling.models import Calibration, Campaign, CampaignItem, Label, Resolution
from labeling.stats import agreement, ceiling, confusion, dawid_skene, reliability, roc
from transcripts.models import Verdict

if TYPE_CHECKING:
    from labeling.calibration.basis import SampleItem


class NothingToCompare(Exception):
    """There is no classifier version, no campaign, or no label yet; in words."""


@one_moment()
def calibrate(basis: Basis, by: User | None = None) -> Calibration:
    """Compare the classifier's verdicts with the resolutions of the campaign's sample, weighted by 1 / π: all of it,
    and each model, scenario and condition of which enough was compared, as calibrations of a narrower scope."""
    if basis.version is None:
        raise NothingToCompare("No classifier has judged this evaluation.")
    if basis.campaign is None or basis.label_outcome is None:
        sighted = Campaign.objects.filter(evaluation=basis.evaluation, items__source=CampaignItem.Source.SAMPLE).first()
        raise NothingToCompare(_sighted(sighted) or "No campaign has drawn a sample of this evaluation.")
    if words := _sighted(basis.campaign):
        raise NothingToCompare(words)
    items = list(
        sample_items(basis).select_related("transcript__cell__condition", "transcript__cell__model", "stratum")
    )
    resolutions = dict(
        Resolution.objects.filter(item__in=items, outcome=basis.label_outcome, superseded_at__isnull=True).values_list(
            "item", "pk"
        )
    )
    if not resolutions:
        raise NothingToCompare("No item of the campaign's sample is resolved yet.")
    rows = _drawn(basis, items)
    groups = all_subgroups(rows)
    whole = _made(basis, by, {}, _whole(basis, items, rows, groups), sorted(resolutions.values()))
    whole.save(force_insert=True)
    Calibration.objects.bulk_create(
        _made(
            basis,
            by,
            group.scope,
            _figures(group.rows) | {"part_of": whole.pk, "factor": group.factor, "name": group.name},
            sorted(resolutions[row.item] for row in group.rows if row.item in resolutions),
        )
        for members in groups.values()
        for group in members
        if group.scope and group.n_compared >= MIN_COMPARED
    )
    return whole


def _made(basis: Basis, by: User | None, scope: Scope, figures: dict[str, Any], resolutions: list[int]) -> Calibration:
    assert basis.version is not None, "the caller has looked for it"
    assert basis.campaign is not None, "the caller has looked for it"
    assert basis.label_outcome is not None, "the caller has looked for it"
    return Calibration(
        classifier_version=basis.version,
        verdict_outcome=basis.outcome,
        campaign=basis.campaign,
        outcome=basis.label_outcome,
        scope=scope,
        figures=figures,
        resolution_ids=resolutions,
        code_version=__version__,
        created_by=by,
    )


def _drawn(basis: Basis, items: Iterable[SampleItem]) -> list[Drawn]:
    response = responses(basis)
    verdicts = Verdict.objects.filter(
        version=basis.version, outcome=basis.outcome, transcript__in=sample_items(basis).values("transcript")
    )
    told = {pk: (score, at) for pk, score, at in verdicts.values_list("transcript", "score", "recorded_at")}
    rows = []
    for item in items:
        if not item.pi:
            continue
        score, at = told.get(item.transcript_id, (None, None))
        weight = response[_stratum_key(item)].factor / item.pi
        day = at.date() if at else None
        transcript = item.transcript
        rows.append(Drawn(item.pk, transcript.cell, item.final, item.resolved, weight, transcript.u, score, day))
    return rows


def _figures(rows: Iterable[Drawn]) -> dict[str, Any]:
    table = confusion.confusion(row.comparison for row in rows)
    return {
        "confusion": {
            "cells": {name: asdict(getattr(table, name)) for name in ("tp", "fp", "fn", "tn")},
            "without_verdict": table.n_without_verdict,
            "without_resolution": table.n_without_resolution,
        },
        "quality": asdict(confusion.quality(table)),
    }


def _whole(
    basis: Basis, items: list[SampleItem], rows: list[Drawn], groups: dict[str, list[Subgroup]]
) -> dict[str, Any]:
    """Every figure of a calibration of all that the campaign speaks of."""
    assert basis.campaign is not None, "the caller has looked for it"
    answers = rater_answers(basis, items)
    panel = _panel_noise(basis.campaign, items, answers)
    weights = {row.item: row.weight for row in rows}
    verdicts = {row.item: row.verdict for row in rows}
    return _figures(rows) | {
        "agreement": _agreement(answers, weights),
        "noise": asdict(panel.noise) if panel.noise else None,
        "noise_reason": panel.reason,
        "raters": Label.objects.filter(item__in=items).values("rater").distinct().count(),
        "pooling": {
            factor: {name: asdict(test) for name, test in tests.items()} for factor, tests in pooling(groups).items()
        },
        "days": [{"name": group.name, **_figures(group.rows)} for group in groups.get("day", []) if group.n_compared],
        "score": _score(rows),
        "ceiling": asdict(
            ceiling.ceiling(
                [
                    ceiling.Row(verdict, tuple(given), weights[item])
                    for item, given in answers.items()
                    if (verdict := verdicts.get(item)) is not None
                ]
            )
        ),
        "repeat": repeated(basis, items),
        "drift": [drift.figures() for drift in drifts(basis)],
    }


def _score(rows: Iterable[Drawn]) -> dict[str, Any] | None:
    """Of the verdicts that carry a score: how well it ranks, a threshold, and whether it is a probability."""
    # Which half chooses the threshold is a matter of the transcript's own number, not of its place in the draw.
    scored = [
        roc.Scored(row.score, row.resolution, row.weight, int(row.u * 2**40) % 2 == 0)
        for row in rows
        if row.score is not None and row.resolution is not None
    ]
    if not scored:
        return None
    ranking, threshold = roc.ranking(scored), roc.halved_threshold(scored)
    found = reliability.reliability(scored)
    return {
        "ranking": asdict(ranking),
        "threshold": asdict(threshold) if threshold else None,
        "reliability": asdict(found) if found else None,
    }


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


def _agreement(answers: dict[int, list[bool | None]], weights: dict[int, float]) -> dict[str, Any]:
    """Between raters, weighted back to the population: an enriched sample would show too much of it."""
    ratings = agreement.Ratings.of(list(answers.values()), (False, True), [weights[pk] for pk in answers])
    return {name: asdict(found) for name, found in agreement.coefficients(ceiling.STATISTICS, ratings).items()}
