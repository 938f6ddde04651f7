"""Writes what was decided in the end, where a table of labels holds it, beside what its raters said."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils import timezone

from labeling.codebooks.codebook import outcomes_of
from labeling.models import CampaignItem, Resolution
from labeling.panel.resolve import said_of

REASON = "Decided in the table that was brought in."


def settle(item: CampaignItem, decided: Mapping[int, Collection[int]]) -> int:
    """Put decisions, given as choices by question, in the place of other resolutions; the result is how many.

    Where raters agree on what was decided, their own resolution stands. Without one of theirs there is nothing to
    decide on: the transcript changed since they read it.
    """
    current = {row.outcome_id: row for row in item.resolutions.filter(superseded_at=None)} if decided else {}
    new = []
    for outcome in outcomes_of(item.campaign.codebook_version_id):
        row = current.get(outcome.pk)
        if row is None or outcome.question_id not in decided:
            continue
        value = said_of(outcome, decided[outcome.question_id], item.transcript.cell.condition.scenario)
        if row.value != value or row.method == Resolution.Method.UNRESOLVED:
            new.append(_decision(row, value))
    replaced = [current[row.outcome_id].pk for row in new]
    Resolution.objects.filter(pk__in=replaced).update(superseded_at=timezone.now())
    return len(Resolution.objects.bulk_create(new))


def _decision(row: Resolution, value: bool | None) -> Resolution:
    return Resolution(
        item_id=row.item_id,
        outcome_id=row.outcome_id,
        value=value,
        method=Resolution.Method.ADJUDICATED,
        positive=row.positive,
        negative=row.negative,
        missing=row.missing,
        label_ids=row.label_ids,
        text_sha256=row.text_sha256,
        reason=REASON,
    )
