"""Lets raters in by their qualification, ends the part of those who fail, and takes their answers out of the count."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from labeling.campaigns.draw import panel_size
from labeling.campaigns.gold import left_for, scores
from labeling.models import Assignment, CampaignItem, Expected, Participation
from labeling.panel.resolve import reopen, resolve_item
from labeling.queue.assign import declined_cells, give_back

State = Participation.State


def screen(slot: Assignment) -> None:
    """What follows from an answer to an item whose answer is known: nothing, as a rule."""
    expected = Expected.objects.filter(item=slot.item).first()
    part = Participation.objects.filter(campaign=slot.item.campaign, rater=slot.rater, state=State.ACTIVE).first()
    if expected is None or part is None:
        return
    if expected.purpose == Expected.Purpose.QUALIFICATION:
        _qualify(part)
    elif expected.purpose == Expected.Purpose.ATTENTION:
        _check_attention(part)


def _qualify(part: Participation) -> None:
    """Decide when the round is over; whoever is in stays in, whatever is added to it later."""
    campaign, kind = part.campaign, [Expected.Purpose.QUALIFICATION]
    if campaign.qualification_pass is None or part.qualified_at is not None:
        return
    if left_for(campaign, part.rater_id, kind, declined_cells(campaign, part.rater)).exists():
        return
    score = scores(campaign, kind, part.rater_id)[part.rater_id]
    if score.right >= campaign.qualification_pass * score.of:
        part.qualified_at = timezone.now()
        part.save(update_fields=["qualified_at"])
        return
    part.state, part.ended_at = State.SCREENED_OUT, timezone.now()
    part.reason = f"{score.right} of {score.of} right in the qualification, {campaign.qualification_pass:.0%} needed"
    part.save(update_fields=["state", "ended_at", "reason"])


def _check_attention(part: Participation) -> None:
    limit = part.campaign.attention_limit
    failed = scores(part.campaign, [Expected.Purpose.ATTENTION], part.rater_id)[part.rater_id].failed
    if limit and failed >= limit:
        exclude(part, f"{failed} attention check{'s' if failed != 1 else ''} failed")


@transaction.atomic
def exclude(part: Participation, reason: str) -> None:
    """End a rater's part and count their answers no more: they stay, and others take their places.

    What was agreed with their answers is agreed anew, or is missing until the new ones are in. What an adjudicator
    decided stands.
    """
    now = timezone.now()
    part.state, part.ended_at, part.reason = State.EXCLUDED, now, reason
    part.save(update_fields=["state", "ended_at", "reason"])
    give_back(part.campaign, part.rater)
    own = _answered(part).filter(voided_at=None)
    items = list(own.values_list("item", flat=True))
    own.update(voided_at=now)
    _settle(items)


@transaction.atomic
def readmit(part: Participation) -> None:
    """Take somebody back: their answers count again. Slots that were made in their place go where nobody has them."""
    part.state, part.ended_at, part.reason = State.ACTIVE, None, ""
    part.save(update_fields=["state", "ended_at", "reason"])
    own = _answered(part).filter(voided_at__isnull=False)
    items = list(own.values_list("item", flat=True))
    own.update(voided_at=None)
    _settle(items)


def _answered(part: Participation) -> QuerySet[Assignment]:
    """The rater's answers that are resolved: gold and repeated ones tell only about the rater."""
    own = Assignment.objects.filter(campaign=part.campaign, rater=part.rater, submitted_at__isnull=False)
    return own.filter(purpose=Assignment.Purpose.PANEL).exclude(item__source=CampaignItem.Source.GOLD)


def _settle(items: Sequence[int]) -> None:
    """Give items whose panel changed the slots that they lack, or take what is too many, and agree on them anew."""
    locked = CampaignItem.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=items).order_by("pk")
    rows = list(locked.select_related("campaign", "transcript__cell__condition"))
    slots: dict[int, list[Assignment]] = {row.pk: [] for row in rows}
    for slot in Assignment.objects.filter(item__in=rows).order_by("slot"):
        slots[slot.item_id].append(slot)
    new: list[Assignment] = []
    gone: list[int] = []
    full: list[CampaignItem] = []
    for row in rows:
        live = [slot for slot in slots[row.pk] if slot.purpose == Assignment.Purpose.PANEL and not slot.voided_at]
        last, lacking = slots[row.pk][-1].slot, panel_size(row) - len(live)
        new += [Assignment(item=row, slot=last + more) for more in range(1, lacking + 1)]
        free = [slot for slot in live if slot.rater_id is None]
        spare = free[: max(0, -lacking)]
        gone += [slot.pk for slot in spare]
        waiting = lacking > 0 or any(slot.submitted_at is None for slot in live if slot not in spare)
        full += [] if waiting else [row]
    Assignment.objects.filter(pk__in=gone).delete()
    Assignment.objects.bulk_create(new, batch_size=2000)
    reopen([row.pk for row in rows if row not in full])
    for row in full:
        resolve_item(row)
