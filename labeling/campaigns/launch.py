"""Starts a campaign: its row, its people, and its first wave, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction

from labeling.campaigns.draw import draw_wave
from labeling.models import Campaign, Wave


@transaction.atomic
def launch(
    campaign: Campaign,
    participants: Iterable[User],
    size: int,
    by: User | None = None,
    allocation: str = Wave.Allocation.NEYMAN,
) -> Campaign:
    """Save the new campaign, draw its first wave and open it. Raises CannotDraw, and then nothing is saved."""
    campaign.created_by = by
    campaign.state = Campaign.State.DRAFT
    campaign.save()
    campaign.participants.set(participants)
    draw_wave(campaign, size, by, allocation)
    campaign.state = Campaign.State.OPEN
    campaign.save(update_fields=["state"])
    return campaign
