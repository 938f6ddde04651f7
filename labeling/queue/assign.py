"""Hands out what is drawn, one slot at a time, and takes it back."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone
from django.utils.crypto import salted_hmac

from labeling.campaigns.draw import TRIPLE
from labeling.campaigns.gold import HIDDEN, left_for, put_aside_by
from labeling.models import Assignment, Campaign, CampaignItem, Care, Draft, Expected, Participation, Skip
from labeling.queue.opened import SLOT_COLUMNS, SLOT_JOINS, slot_of
from transcripts.models import Cell

Purpose = Assignment.Purpose
State = Campaign.State
# How many others a rater answers at least before they get one of their own again: by then they have forgotten it.
REPEAT_AFTER = 10

# One statement: whoever locks a slot first has it, everybody else passes on to the next. New items come in order, and
# last what the rater has put aside. Nobody gets a transcript twice, be it once as a gold item.
FREE = """
    SELECT a.id FROM labeling_assignment a JOIN labeling_campaignitem i ON i.id = a.item_id
    WHERE a.campaign_id = %(campaign)s AND i.source <> 'gold'
      AND a.submitted_at IS NULL AND a.voided_at IS NULL AND a.purpose = 'panel'
      AND (a.rater_id IS NULL OR a.leased_until < now())
      AND NOT EXISTS (
        SELECT FROM labeling_assignment o WHERE o.item_id = a.item_id AND o.rater_id = %(rater)s)
      AND i.transcript_id <> ALL (ARRAY(
        SELECT g.transcript_id FROM labeling_campaignitem g JOIN labeling_assignment o ON o.item_id = g.id
        WHERE g.campaign_id = %(campaign)s AND g.source = 'gold' AND o.rater_id = %(rater)s))
      AND NOT (%(choosy)s AND EXISTS (
        SELECT FROM transcripts_transcript t WHERE t.id = i.transcript_id AND t.cell_id = ANY(%(declined)s)))
      AND {skipped} (SELECT FROM labeling_skip s WHERE s.item_id = i.id AND s.rater_id = %(rater)s)
    ORDER BY a.serve_order, a.item_id, a.slot LIMIT 1 FOR UPDATE OF a SKIP LOCKED
"""
# The slot as it is now, with its item.
LEASE = """
WITH a AS (
    UPDATE labeling_assignment SET rater_id = %(rater)s, leased_until = now() + make_interval(mins => %(minutes)s),
           leased_at = CASE WHEN rater_id = %(rater)s THEN leased_at ELSE now() END
    WHERE id = ({slot}) RETURNING *
)
SELECT {columns} FROM a {joins}
"""


def _lease(slot: str) -> str:
    return LEASE.format(slot=slot, columns=SLOT_COLUMNS, joins=SLOT_JOINS)


HELD = _lease("""
    SELECT id FROM labeling_assignment
    WHERE rater_id = %(rater)s AND submitted_at IS NULL AND voided_at IS NULL AND campaign_id = %(campaign)s
    ORDER BY leased_at, id LIMIT 1 FOR UPDATE""")
NEW = _lease(FREE.format(skipped="NOT EXISTS"))
SKIPPED = _lease(FREE.format(skipped="EXISTS"))


def take_next(campaign: Campaign, rater: User) -> Assignment | None:
    """Lease the rater's next slot, or None where nothing is left for them or they are at the end of their part."""
    return take(campaign, rater, part_in(campaign, rater))


@transaction.atomic
def take(campaign: Campaign, rater: User, part: Participation | None, care: Care | None = None) -> Assignment | None:
    """The same for somebody whose part (and what they wish) is known.

    They resume what they hold. Else, in this order: the qualification; a gold or an own earlier item where it is its
    turn; what is drawn; what they put aside. A paused campaign gives nothing new, a closed one nothing at all.
    """
    if _why_nothing(campaign, rater, part) not in ("", State.PAUSED):
        return None
    # One decision at a time for each rater: a second tab waits, and finds what the first one took.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [campaign.pk, rater.pk])
    taker = Taker(campaign, rater, part, care)
    taken = taker.lease(HELD)
    if taken is None and campaign.state == State.OPEN:
        taken = taker.take_new()
    return taken


def part_in(campaign: Campaign, rater: User) -> Participation | None:
    return Participation.objects.filter(campaign=campaign, rater=rater).select_related("invitation").first()


def why_nothing(campaign: Campaign, rater: User) -> str:
    """Why a rater gets nothing (more) here: paused, closed, labels, minutes, or the state of a part that has ended;
    "" where they may go on."""
    return _why_nothing(campaign, rater, part_in(campaign, rater))


def _why_nothing(campaign: Campaign, rater: User, part: Participation | None) -> str:
    if campaign.state == State.CLOSED:
        return str(State.CLOSED)
    if part is not None and part.state != Participation.State.ACTIVE:
        return part.state
    if part is not None and part.is_over_time:
        return "minutes"
    if part is not None and part.invitation is not None and done(campaign, rater) >= part.invitation.labels_each:
        return "labels"
    return "" if campaign.state == State.OPEN else campaign.state


def done(campaign: Campaign, rater: User) -> int:
    """What the rater has answered, the qualification not counted."""
    own = Assignment.objects.filter(campaign=campaign, rater=rater, submitted_at__isnull=False)
    return own.exclude(item__expected__purpose=Expected.Purpose.QUALIFICATION).count()


class Taker:
    """A rater who is given something, under their lock."""

    def __init__(self, campaign: Campaign, rater: User, part: Participation | None, care: Care | None) -> None:
        self.campaign, self.rater, self.part, self.care = campaign, rater, part, care

    @cached_property
    def declined(self) -> list[int]:
        return declined_cells(self.campaign, self.rater, self.care)

    def take_new(self) -> Assignment | None:
        if self.campaign.qualification_pass is not None and not self._is_qualified():
            left = left_for(self.campaign, self.rater.pk, [Expected.Purpose.QUALIFICATION], self.declined)
            item = left.annotate(aside=put_aside_by(self.rater.pk)).order_by("aside", "pk").first()
            if item is not None:
                return self._open(item, Purpose.PANEL)
        refused = {"choosy": bool(self.declined), "declined": self.declined}
        taken = self._take_turn() or self.lease(NEW, **refused) or self.lease(SKIPPED, **refused)
        return taken or self._take_gold(aside=True)

    def lease(self, statement: str, **more: Any) -> Assignment | None:
        values: dict[str, Any] = {
            "rater": self.rater.pk,
            "campaign": self.campaign.pk,
            "minutes": self.campaign.lease_minutes,
            **more,
        }
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone()
        return slot_of(row, self.campaign, self.rater) if row else None

    def _is_qualified(self) -> bool:
        return self.part is None or self.part.qualified_at is not None

    def _take_turn(self) -> Assignment | None:
        """A gold or an earlier item, where it is its turn. Where both are, the earlier one comes next."""
        campaign = self.campaign
        if not campaign.gold_every and not campaign.repeat_every:
            return None
        n = done(campaign, self.rater)
        if self._is_turn("gold", n, campaign.gold_every) and (taken := self._take_gold(aside=False)):
            return taken
        every = campaign.repeat_every
        put_off = self._is_turn("repeat", n - 1, every) and self._is_turn("gold", n - 1, campaign.gold_every)
        return self._take_repeat() if put_off or self._is_turn("repeat", n, every) else None

    def _is_turn(self, kind: str, n: int, every: int) -> bool:
        """Once in every so many items, at a place that differs from block to block: else raters would count."""
        if every == 0 or n < 0:
            return False
        block = f"{self.campaign.pk} {self.rater.pk} {n // every}"
        return n % every == int(salted_hmac(kind, block, algorithm="sha256").hexdigest(), 16) % every

    def _take_gold(self, *, aside: bool) -> Assignment | None:
        if not self.campaign.gold_every:
            return None
        left = left_for(self.campaign, self.rater.pk, HIDDEN, self.declined)
        item = left.filter(put_aside_by(self.rater.pk) if aside else ~put_aside_by(self.rater.pk)).order_by("?").first()
        return self._open(item, Purpose.PANEL) if item else None

    def _take_repeat(self) -> Assignment | None:
        own = Assignment.objects.filter(campaign=self.campaign, rater=self.rater, submitted_at__isnull=False)
        drawn = own.filter(purpose=Purpose.PANEL, voided_at=None).exclude(item__source=CampaignItem.Source.GOLD)
        old = list(drawn.order_by("-submitted_at").values_list("item", flat=True)[REPEAT_AFTER:])
        again = Assignment.objects.filter(item=OuterRef("pk"), rater=self.rater, purpose=Purpose.REPEAT)
        items = CampaignItem.objects.filter(~Exists(again), ~put_aside_by(self.rater.pk), pk__in=old)
        item = items.order_by("?").first()
        return self._open(item, Purpose.REPEAT) if item else None

    def _open(self, item: CampaignItem, purpose: str) -> Assignment:
        """A slot that is made when it is needed, in this rater's hand at once."""
        now = timezone.now()
        until = now + timedelta(minutes=self.campaign.lease_minutes)
        slot = Assignment(rater=self.rater, purpose=purpose, leased_at=now, leased_until=until)
        item.campaign = self.campaign
        return add_slot(item, slot)


def declined_cells(campaign: Campaign, rater: User, care: Care | None = None) -> list[int]:
    """The cells of the evaluation whose scenarios the rater declines to read. `care` may be known: who has kept no
    wishes declines nothing."""
    if care is not None and care.pk is None:
        return []
    notes = Care.objects.filter(rater=rater, declined__isnull=False).values_list("declined__scenarios", flat=True)
    scenarios = {scenario for note in notes for scenario in note}
    if not scenarios:
        return []
    cells = Cell.objects.filter(evaluation=campaign.evaluation_id, condition__scenario__in=scenarios)
    return list(cells.values_list("pk", flat=True))


def add_slot(item: CampaignItem, slot: Assignment) -> Assignment:
    """One slot more, the next of its item; at once from two sides it is two."""
    CampaignItem.objects.select_for_update(no_key=True, of=("self",)).get(pk=item.pk)
    slot.item = item
    slot.slot = (item.assignments.aggregate(last=Max("slot"))["last"] or 0) + 1
    slot.save(force_insert=True)
    return slot


def open_third(item: CampaignItem) -> bool:
    """Make room for a third rater of an item whose two do not agree; whether one is needed and not in yet."""
    if not item.campaign.third_on_disagreement:
        return False
    panel = item.assignments.filter(purpose=Purpose.PANEL, voided_at=None)
    if panel.count() < TRIPLE:
        add_slot(item, Assignment())
    return panel.filter(submitted_at=None).exists()


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
    give_back(assignment.item.campaign, assignment.rater, assignment.pk)


def give_back(campaign: Campaign, rater: User, slot: int | None = None) -> None:
    """Free what the rater has in hand, or one slot of it. One that was made for them alone goes."""
    held = Assignment.objects.filter(campaign=campaign, rater=rater, submitted_at=None)
    if slot is not None:
        held = held.filter(pk=slot)
    drawn = held.filter(purpose=Purpose.PANEL).exclude(item__source=CampaignItem.Source.GOLD)
    drawn.update(rater=None, leased_at=None, leased_until=None)
    held.delete()


def save_draft(assignment: Assignment, content: dict[str, Any]) -> None:
    """Keep what the rater has typed so far, and the lease with it."""
    Draft.objects.update_or_create(item=assignment.item, rater=assignment.rater, defaults={"content": content})
    renew(assignment)
