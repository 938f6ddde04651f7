"""Turns the labels of a full item into agreed answers, one per outcome, by majority."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils import timezone

from labeling.codebooks.codebook import outcomes_of
from labeling.models import Assignment, CampaignItem, Label, Outcome, Resolution
from labeling.queue.assign import open_third
from transcripts.models import Transcript


def resolve_item(item: CampaignItem) -> list[Resolution]:
    """Resolve every outcome of the item's codebook if all of its panel is in; returns what is new.

    A gold item has no panel. Where two who do not agree on an outcome call for a third, nothing is agreed until that
    answer is in.

    An outcome is applied to each rater's answer first, then the majority of all raters decides. Those who are
    unsure count among all, and never as a no: without a majority the item stays unresolved, which is missing.
    What an adjudicator decided stands, whatever is corrected later.
    """
    # Two raters who fill the last two slots at once wait for each other here: else each would see the other's
    # slot open, and nobody would resolve. NO KEY leaves room for the labels' foreign keys to this row.
    CampaignItem.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
    panel = item.assignments.filter(purpose=Assignment.Purpose.PANEL, voided_at=None)
    if item.source == CampaignItem.Source.GOLD or panel.filter(submitted_at__isnull=True).exists():
        return []
    text = Transcript.objects.values_list("text_sha256", flat=True).get(pk=item.transcript_id)
    given = Label.objects.filter(item=item).current()
    labels = list(given.order_by("assignment__slot").prefetch_related("answers__choice"))
    if any(bytes(label.text_sha256) != bytes(text) for label in labels):
        return []  # The transcript changed since: nothing is agreed about the new text.
    outcomes = outcomes_of(item.campaign.codebook_version_id)
    scenario = item.transcript.cell.condition.scenario
    new = [_resolution(item, outcome, labels, scenario, bytes(text)) for outcome in outcomes]
    # Where both are unsure a third could make no majority.
    split = any(row.method != Resolution.Method.UNANIMOUS and row.missing < len(labels) for row in new)
    if split and open_third(item):
        reopen([item.pk])
        return []
    current = {row.outcome_id: row for row in item.resolutions.filter(superseded_at__isnull=True)}
    changed = [row for row in new if not _stands(current.get(row.outcome_id), row)]
    if replaced := [current[row.outcome_id].pk for row in changed if row.outcome_id in current]:
        Resolution.objects.filter(pk__in=replaced).update(superseded_at=timezone.now())
    return Resolution.objects.bulk_create(changed)


def reopen(items: Sequence[int]) -> None:
    """Nothing is agreed on these items any more, until the answers that they wait for are in; what an adjudicator
    decided stands."""
    agreed = Resolution.objects.filter(item__in=items, superseded_at__isnull=True)
    agreed.exclude(method=Resolution.Method.ADJUDICATED).update(superseded_at=timezone.now())


def answer_for(outcome: Outcome, label: Label, scenario: str) -> bool | None:
    """What one rater's label says about an outcome: yes, no, or None for unsure."""
    choices = [row.choice for row in label.answers.all() if row.question_id == outcome.question_id and row.choice]
    positive = outcome.positive_choices(scenario)
    if any(choice.pk in positive for choice in choices):
        return True
    if not choices or any(choice.is_missing for choice in choices):
        return None
    return False


def majority(answers: Sequence[bool | None]) -> tuple[bool | None, Resolution.Method]:
    """The answer of more than half of all raters, and how it came about."""
    for value in (True, False):
        agreeing = sum(answer is value for answer in answers)
        if agreeing == len(answers) and answers:
            return value, Resolution.Method.UNANIMOUS
        if agreeing * 2 > len(answers):
            return value, Resolution.Method.MAJORITY
    return None, Resolution.Method.UNRESOLVED


def _resolution(
    item: CampaignItem, outcome: Outcome, labels: Iterable[Label], scenario: str, text: bytes
) -> Resolution:
    by_label = {label.pk: answer_for(outcome, label, scenario) for label in labels}
    answers = list(by_label.values())
    value, method = majority(answers)
    called = item.campaign.third_on_disagreement and not item.triple and len(answers) > 2
    if called and method == Resolution.Method.MAJORITY and answers[0] != answers[1]:
        method = Resolution.Method.TIE_BREAK
    return Resolution(
        item=item,
        outcome=outcome,
        value=value,
        method=method,
        positive=answers.count(True),
        negative=answers.count(False),
        missing=answers.count(None),
        label_ids=sorted(by_label),
        text_sha256=text,
    )


def _stands(current: Resolution | None, new: Resolution) -> bool:
    return current is not None and (
        current.method == Resolution.Method.ADJUDICATED
        or (current.value, current.method, current.label_ids) == (new.value, new.method, new.label_ids)
    )
