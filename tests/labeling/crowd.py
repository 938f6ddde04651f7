"""Invitations, and people who come through them, in a few lines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from labeling.crowd.invite import make_invitation
from labeling.models import Campaign, Invitation, Participation
from tests.labeling.makers import person

LIMITS = {"places": 5, "labels_each": 2, "minutes": 60}


def invite(made: Campaign, **changes: Any) -> str:
    """The address of a new invitation."""
    words = {"consent": "Do you agree?", "instructions": "Read *well*.", "completion_code": "DONE-1"}
    row = Invitation(**LIMITS | words | {"expires_at": timezone.now() + timedelta(days=1)} | changes)
    return f"/join/{make_invitation(row, made, person(f'manager {Invitation.objects.count()}', 'researcher'))}/"


def ids(pid: str) -> str:
    return f"?PROLIFIC_PID={pid}&STUDY_ID=study&SESSION_ID=session"


def joined(address: str, pid: str = "", *, begins: bool = True) -> tuple[Client, Participation]:
    """A stranger who agreed, and read the instructions if they are to begin."""
    client = Client()
    answer = client.post(address + (ids(pid) if pid else ""))
    assert answer.status_code == 302, answer.content.decode()
    part = Participation.objects.select_related("rater", "invitation", "campaign").latest("pk")
    if begins:
        client.post(f"/campaigns/{part.campaign_id}/instructions/")
        part.refresh_from_db()
    return client, part


def late(part: Participation, minutes: int = 1) -> None:
    """As if their time had run out so many minutes ago."""
    assert part.invitation is not None
    before = timezone.now() - timedelta(minutes=part.invitation.minutes + minutes)
    Participation.objects.filter(pk=part.pk).update(joined_at=before)
