"""Takes people in through an invitation and sees them through: consent, instructions, work, and how their part ends."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from labeling.access import CROWD, Elsewhere
from labeling.crowd.invite import is_crowded, overdue_since, why_closed, with_taken
from labeling.models import Assignment, Campaign, Care, Draft, Invitation, Participation
from labeling.queue.assign import done, give_back, take, why_nothing

# As crowd platforms name them in the address.
EXTERNAL_ID, STUDY_ID, SESSION_ID = "PROLIFIC_PID", "STUDY_ID", "SESSION_ID"
GIVEN_ID = re.compile(r"[\w.@:+-]{1,200}", re.ASCII)
State = Participation.State


class CannotJoin(Exception):
    """Why somebody is not taken in, in words for them."""


class Crowded(CannotJoin):
    """Too many at once: the same may work in a minute."""


@dataclass(frozen=True)
class Given:
    """The ids that the platform's address brings, for payment; "" where it brings none."""

    external_id: str = ""
    study_id: str = ""
    session_id: str = ""

    @property
    def unsound(self) -> list[str]:
        """Which of them are no ids. A placeholder that the platform has not filled in is none: two people would share
        it."""
        named = ((EXTERNAL_ID, self.external_id), (STUDY_ID, self.study_id), (SESSION_ID, self.session_id))
        return [name for name, text in named if text and not GIVEN_ID.fullmatch(text)]


def known(invitation: Invitation, given: Given) -> Participation | None:
    """The part that this person has in the campaign already, through whichever of its links."""
    if not given.external_id:
        return None
    own = Participation.objects.filter(campaign=invitation.campaign_id, external_id=given.external_id)
    return own.select_related("rater", "invitation").first()


@transaction.atomic
def join(invitation: Invitation, given: Given) -> Participation:
    """Take in somebody who agrees to take part. Raises CannotJoin; whoever has joined before gets their old part."""
    # One after the other: the places are counted, and the same person may come in twice at once.
    Campaign.objects.select_for_update(of=("self",)).get(pk=invitation.campaign_id)
    if before := known(invitation, given):
        return before
    invitation = with_taken(Invitation.objects.select_related("campaign")).get(pk=invitation.pk)
    if why := why_closed(invitation):
        raise CannotJoin(why)
    if is_crowded(invitation):
        raise Crowded("Many people are coming in just now. Try again in a minute.")
    rater = User(username=f"crowd-{secrets.token_hex(6)}")
    rater.set_unusable_password()
    rater.save()
    rater.groups.add(Group.objects.get(name=CROWD))
    now = timezone.now()
    return Participation.objects.create(
        campaign=invitation.campaign,
        rater=rater,
        invitation=invitation,
        external_id=given.external_id,
        study_id=given.study_id,
        session_id=given.session_id,
        consented_at=now,
        instructed_at=None if invitation.instructions.strip() else now,
    )


def instructed(participation: Participation) -> None:
    """They have read the instructions; the first time is the one that is dated."""
    Participation.objects.filter(pk=participation.pk, instructed_at=None).update(instructed_at=timezone.now())


def next_slot(campaign: Campaign, rater: User, part: Participation | None, care: Care) -> Assignment | None:
    """The rater's next transcript. The part of somebody who came through an invitation ends where none is left."""
    slot = take(campaign, rater, part, care)
    if slot is not None or part is None:
        return slot
    why = why_nothing(campaign, rater)
    if part.invitation is not None and why in ("", Campaign.State.CLOSED, "labels"):
        reason = "" if why == "labels" else "nothing more was left to label"
        end(part, State.FINISHED if done(campaign, rater) else State.RETURNED, reason)
        raise Elsewhere("labeling:end")
    if why in State.values:
        raise Elsewhere("labeling:end")
    return None


@transaction.atomic
def end(participation: Participation, state: str, reason: str = "", at: datetime | None = None) -> bool:
    """End an active part. What its rater had in hand is free at once, and what they had typed is gone."""
    active = Participation.objects.filter(pk=participation.pk, state=State.ACTIVE)
    if not active.update(state=state, reason=reason, ended_at=at or timezone.now()):
        return False
    give_back(participation.campaign, participation.rater)
    Draft.objects.filter(item__campaign=participation.campaign_id, rater=participation.rater_id).delete()
    return True


def end_overdue() -> int:
    """End every part whose time has run out, whoever notices it first; how many there were."""
    overdue = Participation.objects.filter(state=State.ACTIVE, joined_at__lte=overdue_since("invitation__minutes"))
    overdue = overdue.select_related("campaign", "invitation", "rater")
    return sum(end(part, State.TIMED_OUT, at=part.deadline) for part in overdue)
