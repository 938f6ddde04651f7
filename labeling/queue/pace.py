"""How far a rater has come. Nothing in it tells an item with a known answer, or one of their own, from the others:
what is left is told in round numbers, which a single answer seldom changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from labeling.models import Campaign, Care, Participation
from labeling.queue.assign import declined_cells, part_in

# More are not counted.
MOST_LEFT = 300
# Answers that the pace is taken from: the latest, and no pace is told of fewer than a few.
LATEST = 20
FEW = 3

PROGRESS = """
WITH own AS (
    SELECT a.id, x.purpose IS NOT DISTINCT FROM 'qualification' AS is_practice
    FROM labeling_assignment a LEFT JOIN labeling_expected x ON x.item_id = a.item_id
    WHERE a.campaign_id = %(campaign)s AND a.rater_id = %(rater)s AND a.submitted_at IS NOT NULL
)
SELECT (SELECT count(*) FROM own), (SELECT count(*) FROM own WHERE NOT is_practice), ARRAY(
    SELECT l.seconds FROM labeling_label l JOIN own ON own.id = l.assignment_id AND NOT is_practice
    WHERE l.rater_id = %(rater)s AND l.seconds > 0 ORDER BY l.id DESC LIMIT %(latest)s
), (SELECT count(DISTINCT item_id) FROM (
    SELECT a.item_id FROM labeling_assignment a JOIN labeling_campaignitem i ON i.id = a.item_id
    WHERE a.campaign_id = %(campaign)s AND i.source <> 'gold'
      AND a.submitted_at IS NULL AND a.voided_at IS NULL AND a.purpose = 'panel'
      AND (a.rater_id IS NULL OR a.rater_id = %(rater)s OR a.leased_until < now())
      AND NOT EXISTS (
        SELECT FROM labeling_assignment o
        WHERE o.item_id = a.item_id AND o.rater_id = %(rater)s AND o.submitted_at IS NOT NULL)
      AND i.transcript_id <> ALL (ARRAY(
        SELECT g.transcript_id FROM labeling_campaignitem g JOIN labeling_assignment o ON o.item_id = g.id
        WHERE g.campaign_id = %(campaign)s AND g.source = 'gold' AND o.rater_id = %(rater)s))
      AND NOT (%(choosy)s AND EXISTS (
        SELECT FROM transcripts_transcript t WHERE t.id = i.transcript_id AND t.cell_id = ANY(%(declined)s)))
    ORDER BY a.serve_order, a.item_id, a.slot LIMIT %(slots)s) free)
"""


@dataclass(frozen=True)
class Progress:
    """What a rater has answered, transcripts an hour, and how many they may still be given.

    `answered` is everything; `by_rater` leaves out the qualification, which is practice.
    """

    answered: int
    by_rater: int
    pace: float | None
    left: int
    of: int | None = None  # how many their invitation speaks of

    @property
    def left_words(self) -> str:
        if self.of is not None or self.left == 0:
            return f"{self.left:,}"
        if self.left < 10:
            return "fewer than 10"
        return f"more than {MOST_LEFT:,}" if self.left >= MOST_LEFT else f"about {self._rounded:,}"

    @property
    def most(self) -> int:
        """As many as this rater may answer in all, at least 1."""
        return max(1, self.by_rater + (self.left if self.of is not None else self._rounded))

    @property
    def _rounded(self) -> int:
        step = 1 if self.left == 0 else 10 if self.left < 100 else 100
        return max(self.left // step * step, min(self.left, 1) * step)


def progress(campaign: Campaign, rater: User) -> Progress:
    return progress_of(campaign, rater, part_in(campaign, rater))


def progress_of(campaign: Campaign, rater: User, part: Participation | None, care: Care | None = None) -> Progress:
    """The same of somebody whose part (and what they wish) is known."""
    invitation = part.invitation if part is not None else None
    declined = [] if invitation else declined_cells(campaign, rater, care)
    values: dict[str, Any] = {
        "campaign": campaign.pk,
        "rater": rater.pk,
        "latest": LATEST,
        "choosy": bool(declined),
        "declined": declined,
        # Of somebody who was invited for so many, what is free is not counted.
        "slots": 0 if invitation else MOST_LEFT * (campaign.raters_per_item + 1),
    }
    with connection.cursor() as cursor:
        cursor.execute(PROGRESS, values)
        answered, by_rater, seconds, left = cursor.fetchone()
    pace = 3600 * len(seconds) / sum(seconds) if len(seconds) >= FEW else None
    if invitation:
        return Progress(answered, by_rater, pace, max(0, invitation.labels_each - by_rater), invitation.labels_each)
    return Progress(answered, by_rater, pace, min(MOST_LEFT, left))
