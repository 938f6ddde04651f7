"""Keeps what a rater wants for their own sake, and takes from their hands what they would rather not read."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction

from labeling.models import Assignment, Care, ContentNote
from labeling.queue.assign import give_back


@transaction.atomic
def set_care(rater: User, declined: Iterable[ContentNote], *, reveals_at_once: bool, minutes: int | None) -> Care:
    """What they hold and decline from now on goes to others at once; what they have answered stays."""
    care, _ = Care.objects.update_or_create(
        rater=rater, defaults={"reveals_at_once": reveals_at_once, "break_after_minutes": minutes}
    )
    notes = list(declined)
    care.declined.set(notes)
    unwanted = {scenario for note in notes for scenario in note.scenarios}
    held = Assignment.objects.filter(
        rater=rater, submitted_at=None, item__transcript__cell__condition__scenario__in=unwanted
    )
    for slot in held.select_related("item__campaign"):
        give_back(slot.item.campaign, rater, slot.pk)
    return care
