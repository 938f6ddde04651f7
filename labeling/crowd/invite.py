"""Makes the links by which people without an account take part, and tells who may still come in through one."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Count, DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from labeling.models import Campaign, Invitation, Participation

TOKEN_BYTES = 32
# Links are passed on and found by programs: more than these join through one only after a while.
JOINS_A_MINUTE = 60


def make_invitation(invitation: Invitation, campaign: Campaign, by: User) -> str:
    """Save a new invitation, and its token, which is in no table: whoever loses it needs a new link."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    invitation.campaign = campaign
    invitation.token_sha256 = _hash(token)
    invitation.created_by = by
    invitation.save()
    return token


def revoke(invitation: Invitation) -> None:
    """Nobody joins through it from now on; whoever has joined goes on. Only the first time is dated."""
    Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now())


def invitation_of(token: str) -> Invitation | None:
    """Looked up by its hash, so that the time this takes tells nothing about the tokens there are."""
    digest = _hash(token)
    invitations = Invitation.objects.select_related("campaign__evaluation").filter(token_sha256=digest)
    found = with_taken(invitations).first()
    return found if found is not None and hmac.compare_digest(bytes(found.token_sha256), digest) else None


def with_taken(invitations: QuerySet[Invitation]) -> QuerySet[Invitation]:
    """Each with its places that are `taken`. Whoever gave theirs back or ran out of time, noticed or not yet, has left
    it to another."""
    gave_up = Q(participations__state__in=[Participation.State.RETURNED, Participation.State.TIMED_OUT])
    overdue = Q(participations__state=Participation.State.ACTIVE, participations__joined_at__lte=overdue_since())
    return invitations.annotate(taken=Count("participations", filter=~gave_up & ~overdue))


def overdue_since(minutes: str = "minutes") -> ExpressionWrapper[Combinable]:
    """When somebody whose time is just over had joined."""
    return ExpressionWrapper(Now() - F(minutes) * timedelta(minutes=1), DateTimeField())


def left(invitation: Invitation) -> int:
    """Free places of one that was asked for `with_taken`."""
    taken: int = invitation.taken  # type: ignore[attr-defined]
    return max(invitation.places - taken, 0)


def why_closed(invitation: Invitation) -> str:
    """Why nobody more comes in, in words for those who would; "" where somebody may. Asked for `with_taken`."""
    if invitation.revoked_at is not None:
        return "This link was withdrawn by those who sent it."
    if invitation.expires_at <= timezone.now():
        return "This link has expired."
    if invitation.campaign.state == Campaign.State.PAUSED:
        return "This study is paused. Try again later."
    if invitation.campaign.state != Campaign.State.OPEN:
        return "This study takes nobody in any more."
    return "" if left(invitation) else "All places are taken. One may become free: try again later."


def is_crowded(invitation: Invitation) -> bool:
    """Whether so many have joined within the last minute that the next one has to wait."""
    recently = timezone.now() - timedelta(minutes=1)
    return invitation.participations.filter(joined_at__gt=recently).count() >= JOINS_A_MINUTE


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
