"""Starts a campaign: its row, its people, and its first wave, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
    targets: Mapping[tuple[int | None, str, str], int] | None = None,
) -> Campaign:
    """Save the new campaign, draw its first wave (`targets` are a plan's) and open it; one with a qualification stays
    paused until its items are chosen. Raises CannotDraw, and then nothing is saved."""
    campaign.created_by = by
    campaign.state = Campaign.State.DRAFT
    campaign.save()
    campaign.participants.set(participants)
    draw_wave(campaign, size, by, allocation, targets)
    # Opened at once, raters would get past a qualification whose items are not chosen yet.
    waits = campaign.qualification_pass is not None
    campaign.state = Campaign.State.PAUSED if waits else Campaign.State.OPEN
    campaign.save(update_fields=["state"])
    return campaign
