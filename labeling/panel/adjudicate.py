"""Settles what the raters of an item could not: a person's decision, with its cause, beside their labels."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from labeling.models import CampaignItem, Resolution

METHOD = Resolution.Method
# What an adjudicator may decide about: what raters left open, and what was decided before.
SETTLABLE = (METHOD.UNRESOLVED, METHOD.ADJUDICATED)


class AlreadySettled(Exception):
    """Somebody else decided in the meantime, or the labels changed; in words."""


class NeedsNote(Exception):
    """The decision cannot stand without a note; in words."""


def overrules_everyone(resolution: Resolution, value: bool | None) -> bool:
    """Whether no rater said what is decided: yes, no, or (None) that it cannot be told."""
    agreeing = {True: resolution.positive, False: resolution.negative, None: resolution.missing}
    return agreeing[value] == 0


@transaction.atomic
def adjudicate(
    unsettled: Resolution, value: bool | None, reason: str, by: User, *, cause: str = "", confidence: int | None = None
) -> Resolution:
    """Put an adjudicated resolution in the place of an unresolved one, or of an earlier decision. No label changes.

    A value of None says that it cannot be told: settled, and missing all the same.
    """
    # In the order in which an answer locks them: a correction at the same moment waits instead of failing.
    CampaignItem.objects.select_for_update(no_key=True, of=("self",)).get(pk=unsettled.item_id)
    current = Resolution.objects.select_for_update(of=("self",)).get(pk=unsettled.pk)
    if current.superseded_at is not None or current.method not in SETTLABLE:
        raise AlreadySettled("This item was settled in the meantime: its new answer stands.")
    if not reason.strip():
        if cause == Resolution.Cause.OTHER:
            raise NeedsNote("Say which other reason.")
        if overrules_everyone(current, value):
            raise NeedsNote("No rater said so: a decision against all of them needs a note.")
    current.superseded_at = timezone.now()
    current.save(update_fields=["superseded_at"])
    return Resolution.objects.create(
        item_id=current.item_id,
        outcome_id=current.outcome_id,
        value=value,
        method=METHOD.ADJUDICATED,
        positive=current.positive,
        negative=current.negative,
        missing=current.missing,
        label_ids=current.label_ids,
        text_sha256=current.text_sha256,
        resolved_by=by,
        reason=reason.strip(),
        cause=cause,
        confidence=confidence,
    )
