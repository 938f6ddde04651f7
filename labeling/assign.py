"""Hands out what is drawn, one slot at a time, and takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q
from django.utils import timezone

from .models import Assignment, Campaign, Draft, Skip

# One statement: whoever locks a slot first has it, everybody else passes on to the next. A rater resumes what they
# hold, then gets new items in order, and last what they have put aside.
FREE = """
    SELECT a.id FROM labeling_campaignitem i JOIN labeling_assignment a ON a.item_id = i.id
    WHERE i.campaign_id = %(campaign)s AND a.submitted_at IS NULL AND a.purpose = 'panel'
      AND (a.rater_id IS NULL OR a.leased_until < now())
      AND NOT EXISTS (SELECT FROM labeling_assignment o WHERE o.item_id = i.id AND o.rater_id = %(rater)s)
      AND {skipped} (SELECT FROM labeling_skip s WHERE s.item_id = i.id AND s.rater_id = %(rater)s)
    ORDER BY i.serve_order, i.id, a.slot LIMIT 1 FOR UPDATE OF a SKIP LOCKED
"""
TAKE = f"""
UPDATE labeling_assignment SET rater_id = %(rater)s, leased_until = now() + make_interval(mins => %(minutes)s),
       leased_at = CASE WHEN rater_id = %(rater)s THEN leased_at ELSE now() END
WHERE id = coalesce(
    (SELECT a.id FROM labeling_assignment a JOIN labeling_campaignitem i ON i.id = a.item_id
     WHERE a.rater_id = %(rater)s AND a.submitted_at IS NULL AND i.campaign_id = %(campaign)s
     ORDER BY i.serve_order LIMIT 1 FOR UPDATE OF a),
    ({FREE.format(skipped="NOT EXISTS")}),
    ({FREE.format(skipped="EXISTS")})
)
RETURNING id
"""


def take_next(campaign: Campaign, rater: User) -> Assignment | None:
    """Lease the rater's next slot, or None where nothing is left for them (or the campaign is not open)."""
    if campaign.state != Campaign.State.OPEN:
        return None
    for _ in range(3):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(TAKE, {"rater": rater.pk, "campaign": campaign.pk, "minutes": campaign.lease_minutes})
                row = cursor.fetchone()
        except IntegrityError:
            # The same rater took another slot of this item in the same moment, from another tab.
            continue
        return Assignment.objects.select_related("item__campaign").get(pk=row[0]) if row else None
    return None


def renew(assignment: Assignment) -> bool:
    """Prolong the lease while the rater is at it; False where somebody else has the slot by now."""
    until = timezone.now() + timedelta(minutes=assignment.item.campaign.lease_minutes)
    held = Assignment.objects.filter(pk=assignment.pk, rater=assignment.rater, submitted_at=None)
    return bool(held.update(leased_until=until))


@transaction.atomic
def put_aside(assignment: Assignment, reason: str, *, flagged: bool = False) -> None:
    """Give the slot back with a reason. The item stays drawn and comes back, to others at once."""
    if assignment.rater is None:
        return
    Skip.objects.create(item=assignment.item, rater=assignment.rater, reason=reason, flagged=flagged)
    Assignment.objects.filter(pk=assignment.pk, rater=assignment.rater, submitted_at=None).update(
        rater=None, leased_at=None, leased_until=None
    )


def save_draft(assignment: Assignment, content: dict[str, Any]) -> None:
    """Keep what the rater has typed so far, and the lease with it."""
    Draft.objects.update_or_create(item=assignment.item, rater=assignment.rater, defaults={"content": content})
    renew(assignment)


@dataclass(frozen=True)
class Progress:
    """How far a campaign has come, in slots."""

    slots: int
    submitted: int
    by_rater: int


def progress(campaign: Campaign, rater: User) -> Progress:
    done = Count("pk", filter=Q(submitted_at__isnull=False))
    own = Count("pk", filter=Q(submitted_at__isnull=False, rater=rater))
    found = Assignment.objects.filter(item__campaign=campaign).aggregate(slots=Count("pk"), done=done, own=own)
    return Progress(found["slots"], found["done"], found["own"])
