"""Turns the labels of a full item into agreed answers, one per outcome, by majority."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.utils import timezone

from labeling.codebooks.codebook import outcomes_of, questions_of
from labeling.models import Assignment, CampaignItem, Label, Outcome, Resolution
from labeling.queue.assign import open_third
from labeling.queue.prepared import prepared_cursor

# The newest label of each slot of a panel, with what it chose, and the text and scenario that they are about.
FULL = """
SELECT l.id, l.text_sha256 = t.text_sha256, t.text_sha256, d.scenario,
       ARRAY(SELECT choice_id FROM labeling_answer WHERE label_id = l.id AND choice_id IS NOT NULL),
       EXISTS (SELECT FROM labeling_resolution WHERE item_id = i.id AND superseded_at IS NULL)
FROM labeling_campaignitem i
JOIN transcripts_transcript t ON t.id = i.transcript_id
JOIN transcripts_cell e ON e.id = t.cell_id JOIN transcripts_condition d ON d.id = e.condition_id
JOIN labeling_assignment a ON a.item_id = i.id AND a.purpose = 'panel' AND a.voided_at IS NULL
JOIN LATERAL (
    SELECT id, text_sha256 FROM labeling_label WHERE assignment_id = a.id ORDER BY id DESC LIMIT 1) l ON true
WHERE i.id = %s ORDER BY a.slot
"""


def resolve_item(item: CampaignItem) -> list[Resolution]:
    """Resolve every outcome of the item's codebook if all of its panel is in; returns what is new.

    A gold item has no panel.
    """
    # Two raters who fill the last two slots at once wait for each other here: else each would see the other's
    # slot open, and nobody would resolve. NO KEY leaves room for the labels' foreign keys to this row.
    CampaignItem.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
    panel = item.assignments.filter(purpose=Assignment.Purpose.PANEL, voided_at=None)
    if item.source == CampaignItem.Source.GOLD or panel.filter(submitted_at__isnull=True).exists():
        return []
    return resolve_full(item)


def resolve_full(item: CampaignItem) -> list[Resolution]:
    """The same for an item that is locked, and of whose panel all is in.

    Where two who do not agree on an outcome call for a third, nothing is agreed until that answer is in.

    An outcome is applied to each rater's answer first, then the majority of all raters decides. Those who are
    unsure count among all, and never as a no: without a majority the item stays unresolved, which is missing.
    What an adjudicator decided stands, whatever is corrected later.
    """
    with prepared_cursor() as cursor:
        cursor.execute(FULL, [item.pk])
        found = cursor.fetchall()
    if not found or not all(of_this_text for _, of_this_text, *_ in found):
        return []  # The transcript changed since: nothing is agreed about the new text.
    said = {label: frozenset(choices) for label, _, _, _, choices, _ in found}
    _, _, text, scenario, _, is_resolved = found[0]
    version = item.campaign.codebook_version_id
    new = [_resolution(item, outcome, said, scenario, text) for outcome in outcomes_of(version)]
    # Where both are unsure a third could make no majority.
    split = any(row.method != Resolution.Method.UNANIMOUS and row.missing < len(said) for row in new)
    if split and open_third(item):
        reopen([item.pk])
        return []
    current = {row.outcome_id: row for row in item.resolutions.filter(superseded_at=None)} if is_resolved else {}
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
    return said_of(outcome, {row.choice_id for row in label.answers.all() if row.choice_id is not None}, scenario)


def said_of(outcome: Outcome, chosen: Collection[int], scenario: str) -> bool | None:
    """The same of everything that a label chose, whatever the question."""
    question = next(one for one in questions_of(outcome.version_id) if one.pk == outcome.question_id)
    choices = [choice for choice in question.by_key.values() if choice.pk in chosen]
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
    item: CampaignItem, outcome: Outcome, said: Mapping[int, Collection[int]], scenario: str, text: bytes
) -> Resolution:
    """`said` are the labels of the panel in the order of its slots, with what each chose."""
    answers = [said_of(outcome, chosen, scenario) for chosen in said.values()]
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
        label_ids=sorted(said),
        text_sha256=text,
    )


def _stands(current: Resolution | None, new: Resolution) -> bool:
    return current is not None and (
        current.method == Resolution.Method.ADJUDICATED
        or (current.value, current.method, current.label_ids) == (new.value, new.method, new.label_ids)
    )
