"""Who may see and publish reports. Whoever may not is told that nothing is there.

Whoever may read transcripts may read what is concluded from them. Raters and adjudicators are blind, so neither.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import QuerySet
from django.http import Http404

from transcripts.access import groups, may_read

from .models import ShareLink, Snapshot, Subscription

PUBLISHERS = frozenset({"researcher", "admin"})

Visitor = AbstractBaseUser | AnonymousUser


def may_publish(user: Visitor) -> bool:
    """Publish, retract, and hand out links. Anybody who may read may make a draft."""
    return isinstance(user, User) and (user.is_superuser or bool(groups(user) & PUBLISHERS))


def require_reader(user: Visitor) -> User:
    if not isinstance(user, User) or not may_read(user):
        raise Http404
    return user


def require_publisher(user: Visitor) -> User:
    if not isinstance(user, User) or not may_publish(user):
        raise Http404
    return user


def readable_snapshot(user: Visitor, pk: int) -> Snapshot:
    require_reader(user)
    return _one(pk)


def publishable_snapshot(user: Visitor, pk: int) -> Snapshot:
    require_publisher(user)
    return _one(pk)


def discardable_snapshot(user: Visitor, pk: int) -> Snapshot:
    """A draft may be thrown away by whoever made it, and by whoever could publish it."""
    snapshot = readable_snapshot(user, pk)
    if snapshot.created_by_id != user.pk and not may_publish(user):
        raise Http404
    return snapshot


def changeable_pages(user: Visitor) -> QuerySet[Snapshot]:
    """The pages that are drafts and that this user may change: those that they could discard."""
    pages = Snapshot.objects.filter(kind=Snapshot.Kind.PAGE, state=Snapshot.State.DRAFT)
    return pages if may_publish(user) else pages.filter(created_by=require_reader(user))


def revocable_link(user: Visitor, snapshot: int, pk: int) -> ShareLink:
    require_publisher(user)
    link = ShareLink.objects.select_related("snapshot").filter(pk=pk, snapshot=snapshot).first()
    if link is None:
        raise Http404
    return link


def subscriptions_of(user: Visitor) -> QuerySet[Subscription]:
    """They send mail to others, so they are made and changed by those who publish."""
    require_publisher(user)
    return Subscription.objects.all()


def changeable_subscription(user: Visitor, pk: int) -> Subscription:
    found = subscriptions_of(user).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _one(pk: int) -> Snapshot:
    snapshot = Snapshot.objects.select_related("created_by").filter(pk=pk).first()
    if snapshot is None:
        raise Http404
    return snapshot
