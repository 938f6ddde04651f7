"""What a text speaks of that some would rather not read: the notes before it opens, and whether it stays covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Count, Exists

from labeling.models import Assignment, CampaignItem, Care, ContentNote, Exposure


@dataclass(frozen=True)
class Opening:
    """How a text opens to a rater: with which notes, covered until they ask for it or not, and for how many minutes
    they work before they are reminded of a break (0: they are not)."""

    notes: Sequence[ContentNote]
    covered: bool
    first: bool  # they were not shown it before
    break_after: int


def care_of(rater: User) -> Care:
    """What they wish, or what holds for somebody who has said nothing."""
    return Care.objects.filter(rater=rater).first() or Care(rater=rater)


def opening(slot: Assignment, scenario: str, rater: User, care: Care) -> Opening:
    """A text that they asked for before opens as it is; one that they are given again opens as for the first time,
    since it looks like any other."""
    campaign = slot.item.campaign
    seen = Exposure.objects.filter(item=slot.item_id, rater=rater)
    if slot.purpose == Assignment.Purpose.REPEAT and slot.leased_at is not None:
        seen = seen.filter(created_at__gte=slot.leased_at)
    notes = list(ContentNote.objects.filter(scenarios__contains=[scenario]).annotate(is_seen=Exists(seen)))
    first = any(not note.is_seen for note in notes)
    minutes = campaign.break_after_minutes if care.break_after_minutes is None else care.break_after_minutes
    return Opening(notes, first and campaign.blurs and not care.reveals_at_once, first, minutes)


def shown(item: CampaignItem, rater: User) -> None:
    """Count that they were shown it, once, with the last time."""
    Exposure.objects.bulk_create(
        [Exposure(item=item, rater=rater)],
        update_conflicts=True,
        unique_fields=["item", "rater"],
        update_fields=["created_at"],
    )


def exposures(rater: User) -> tuple[int, list[tuple[ContentNote, int]]]:
    """How many texts with a content note the rater was shown, and how many with each."""
    own = Exposure.objects.filter(rater=rater).order_by()
    scenario = "item__transcript__cell__condition__scenario"
    counts = dict(own.values_list(scenario).annotate(n=Count("pk")))
    notes = ContentNote.objects.all()
    return sum(counts.values()), [(note, sum(counts.get(name, 0) for name in note.scenarios)) for note in notes]
