"""Writes a label with its answers and its evidence, and locks the slot that it is for: one statement each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from labeling.models import Answer, Assignment, Evidence, Label
from labeling.queue.prepared import prepared_cursor

# The slot first, then its item: everybody who needs both takes them in this order. The item, so that two raters who
# fill its last two slots at once come one after the other; NO KEY leaves room for the labels' foreign keys to it.
LOCK = """
SELECT a.rater_id, a.submitted_at, c.state, t.text_sha256,
       ARRAY(SELECT ordinal FROM transcripts_action WHERE transcript_id = t.id ORDER BY ordinal),
       CASE WHEN %s THEN (SELECT messages FROM transcripts_transcripttext WHERE transcript_id = t.id) END
FROM labeling_assignment a JOIN labeling_campaignitem i ON i.id = a.item_id
JOIN labeling_campaign c ON c.id = i.campaign_id JOIN transcripts_transcript t ON t.id = i.transcript_id
WHERE a.id = %s FOR UPDATE OF a FOR NO KEY UPDATE OF i
"""
KEEP = """
WITH label AS (
    INSERT INTO labeling_label
        (item_id, assignment_id, rater_id, text_sha256, comment, recognised, seconds, created_at)
    VALUES (%(item)s, %(slot)s, %(rater)s, %(text)s, %(comment)s, %(recognised)s, %(seconds)s, %(now)s)
    RETURNING id
), answers AS (
    INSERT INTO labeling_answer (label_id, question_id, choice_id, number, text, action_ordinal)
    SELECT label.id, given.* FROM label, unnest(%(questions)s::bigint[], %(choices)s::bigint[],
        %(numbers)s::float8[], %(texts)s::text[], %(actions)s::smallint[]) given
), evidence AS (
    INSERT INTO labeling_evidence (label_id, question_id, place, start, "end", quote)
    SELECT label.id, marked.* FROM label, unnest(%(about)s::bigint[], %(places)s::text[],
        %(starts)s::integer[], %(ends)s::integer[], %(quotes)s::text[]) marked
), slot AS (
    UPDATE labeling_assignment SET submitted_at = %(now)s WHERE id = %(slot)s AND submitted_at IS NULL
), draft AS (
    DELETE FROM labeling_draft WHERE item_id = %(item)s AND rater_id = %(rater)s
)
SELECT label.id, EXISTS (
    SELECT FROM labeling_assignment
    WHERE item_id = %(item)s AND id <> %(slot)s AND purpose = 'panel' AND voided_at IS NULL AND submitted_at IS NULL)
FROM label
"""


@dataclass(frozen=True)
class Locked:
    """How a slot stands, until the transaction ends: whose it is, and the text that it is about."""

    rater: int | None
    submitted_at: datetime | None
    campaign_state: str
    text_sha256: bytes
    actions: Sequence[int]
    messages: str | None  # as JSON, where they were asked for


def lock(assignment: Assignment, *, with_messages: bool) -> Locked:
    with prepared_cursor() as cursor:
        cursor.execute(LOCK, [with_messages, assignment.pk])
        row = cursor.fetchone()
    if row is None:
        raise Assignment.DoesNotExist
    return Locked(*row)


def keep(
    assignment: Assignment, about: Mapping[str, Any], rows: Sequence[Answer], spans: Sequence[Evidence]
) -> tuple[Label, bool]:
    """The label, and whether other slots of its panel are still open. The slot counts as submitted, and its rater's
    draft is gone."""
    now = timezone.now()
    values = {
        **about,
        "item": assignment.item_id,
        "slot": assignment.pk,
        "now": now,
        "questions": [row.question_id for row in rows],
        "choices": [row.choice_id for row in rows],
        "numbers": [row.number for row in rows],
        "texts": [row.text for row in rows],
        "actions": [row.action_ordinal for row in rows],
        "about": [span.question_id for span in spans],
        "places": [span.place for span in spans],
        "starts": [span.start for span in spans],
        "ends": [span.end for span in spans],
        "quotes": [span.quote for span in spans],
    }
    with prepared_cursor() as cursor:
        cursor.execute(KEEP, values)
        pk, others_open = cursor.fetchone()
    label = Label(
        pk=pk,
        item_id=assignment.item_id,
        assignment_id=assignment.pk,
        rater_id=about["rater"],
        text_sha256=about["text"],
        comment=about["comment"],
        recognised=about["recognised"],
        seconds=about["seconds"],
        created_at=now,
    )
    label._state.adding, label._state.db = False, "default"
    return label, others_open
