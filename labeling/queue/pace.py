"""How far a rater has come. Nothing in it tells an item with a known answer, or one of their own, from the others:
what is left is told in round numbers, which a single answer seldom changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q

from labeling.models import Assignment, Campaign, Label, Participation
from labeling.queue.assign import declined_cells, done

# More are not counted.
MOST_LEFT = 300
# Answers that the pace is taken from.
LATEST = 20

LEFT = """
SELECT count(DISTINCT item_id) FROM (
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
    ORDER BY a.serve_order, a.item_id, a.slot LIMIT %(slots)s
) free
"""


@dataclass(frozen=True)
class Progress:
    """What a rater has answered, transcripts an hour, and how many they may still be given."""

    by_rater: int
    pace: float | None
    left: int
    # Of how many their invitation speaks; the qualification is not among them.
    of: int | None = None

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
    own = Assignment.objects.filter(campaign=campaign, rater=rater, submitted_at__isnull=False).count()
    labels = Label.objects.filter(Q(seconds__gt=0), assignment__campaign=campaign, rater=rater).order_by("-pk")
    seconds = [found or 0.0 for found in labels.values_list("seconds", flat=True)[:LATEST]]
    pace = 3600 * len(seconds) / sum(seconds) if seconds else None
    part = Participation.objects.filter(campaign=campaign, rater=rater, invitation__isnull=False)
    invited = part.select_related("invitation").first()
    if invited is not None and invited.invitation is not None:
        each = invited.invitation.labels_each
        return Progress(own, pace, max(0, each - done(campaign, rater)), each)
    return Progress(own, pace, _left(campaign, rater))


def _left(campaign: Campaign, rater: User) -> int:
    declined = declined_cells(campaign, rater)
    values: dict[str, Any] = {
        "campaign": campaign.pk,
        "rater": rater.pk,
        "choosy": bool(declined),
        "declined": declined,
        "slots": MOST_LEFT * (campaign.raters_per_item + 1),
    }
    with connection.cursor() as cursor:
        cursor.execute(LEFT, values)
        return min(MOST_LEFT, int(cursor.fetchone()[0]))
