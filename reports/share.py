"""Freezes figures, publishes them, and hands out links that open them to people without an account."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from amdash.isolation import one_moment

from .citation import fingerprint
from .examples import examples
from .exhibit import LEADERBOARD, Exhibit
from .filters import Report
from .models import Disclosure, Example, ShareLink, ShareView, Snapshot
from .parts import pinned, subject_of
from .provenance import basis_of

TOKEN_BYTES = 32
DEFAULT_DAYS = 30
LONGEST_DAYS = 365
PREFIX = 6
# So many wrong passwords in such a time, and no further one is looked at until it has passed.
ATTEMPTS = 5
ATTEMPTS_WITHIN = timedelta(minutes=15)


class NotAllowed(Exception):
    """The snapshot's state does not allow this; in words."""


@dataclass(frozen=True)
class Frozen:
    """What a report showed at one moment, with what it rests on and typical transcripts behind its rows."""

    exhibit: Exhibit
    basis: dict[str, Any]
    query: str
    examples: Sequence[Example]

    @property
    def subject(self) -> str:
        return subject_of(self.exhibit.slug, self.query)


def freeze(report: Report, slug: str) -> Frozen:
    with one_moment():
        at = timezone.now()
        exhibit = Exhibit.of(report, slug, at)
        return Frozen(exhibit, basis_of(report, at), pinned(report), examples(report, exhibit))


@one_moment()
def make_snapshot(report: Report, slug: str, *, title: str, note: str, by: User | None) -> Snapshot:
    """Freeze what the report shows now, as a draft that nobody but us sees."""
    frozen = freeze(report, slug)
    snapshot = Snapshot.objects.create(
        kind=Snapshot.Kind.LEADERBOARD if slug == LEADERBOARD else Snapshot.Kind.CHART,
        title=title,
        note=note,
        subject=frozen.subject,
        filters={"query": frozen.query},
        content=frozen.exhibit.freeze(),
        basis=frozen.basis,
        created_by=by,
    )
    keep_examples(snapshot, frozen.examples)
    return snapshot


def keep_examples(snapshot: Snapshot, found: Sequence[Example], part: int = 1) -> None:
    for example in found:
        example.snapshot, example.part = snapshot, part
    Example.objects.bulk_create(found)


@contextmanager
def held(snapshot: Snapshot, state: Snapshot.State, otherwise: str) -> Iterator[Snapshot]:
    """The snapshot as it is now, locked, if it is in this state."""
    with transaction.atomic():
        found = Snapshot.objects.select_for_update().get(pk=snapshot.pk)
        if found.state != state:
            raise NotAllowed(otherwise)
        yield found


def publish(snapshot: Snapshot, by: User, discloses: Disclosure = Disclosure.FIGURES) -> Snapshot:
    """From here on the database refuses every change but a retraction. What no link may show is not kept."""
    with held(snapshot, Snapshot.State.DRAFT, "Only a draft can be published.") as draft:
        if discloses == Disclosure.FIGURES:
            draft.examples.all().delete()
        elif discloses == Disclosure.EXCERPTS:
            draft.examples.update(text=None)
        draft.discloses = discloses
        draft.fingerprint = fingerprint(draft)
        draft.state = Snapshot.State.PUBLISHED
        draft.published_by = by.get_full_name() or by.get_username()
        draft.published_at = timezone.now()
        draft.save(update_fields=["discloses", "fingerprint", "state", "published_by", "published_at"])
    return draft


def retract(snapshot: Snapshot, reason: str) -> Snapshot:
    """Withdraw it. Its links keep opening, and say so first."""
    with held(snapshot, Snapshot.State.PUBLISHED, "Only a published snapshot can be retracted.") as published:
        published.state = Snapshot.State.RETRACTED
        published.retraction_reason = reason
        published.retracted_at = timezone.now()
        published.save(update_fields=["state", "retraction_reason", "retracted_at"])
    return published


def discard(snapshot: Snapshot) -> None:
    with held(snapshot, Snapshot.State.DRAFT, "What was published is kept. It can be retracted.") as draft:
        draft.delete()


def make_link(
    snapshot: Snapshot,
    *,
    audience: str,
    by: User,
    days: int = DEFAULT_DAYS,
    disclosure: Disclosure = Disclosure.FIGURES,
    password: str = "",
) -> tuple[ShareLink, str]:
    """A new link and its token. The token is in no table: whoever loses it needs a new link."""
    with held(snapshot, Snapshot.State.PUBLISHED, "Only a published snapshot can be shared.") as published:
        if disclosure.rank > Disclosure(published.discloses).rank:
            raise NotAllowed(f"It was published with {Disclosure(published.discloses).label}: a link shows no more.")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        link = ShareLink.objects.create(
            snapshot=published,
            token_sha256=_hash(token),
            token_prefix=token[:PREFIX],
            audience=audience,
            disclosure=disclosure,
            password=make_password(password) if password else "",
            expires_at=timezone.now() + timedelta(days=days),
            created_by=by,
        )
    return link, token


def revoke(link: ShareLink) -> None:
    """At once and for good; the first revocation is the one that is dated."""
    ShareLink.objects.filter(pk=link.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())


def open_link(token: str) -> ShareLink | None:
    """The link that a token belongs to, with its snapshot. None for whatever opens nothing.

    The token's hash is looked up, so that the time this takes tells nothing about the tokens there are;
    wrong, expired and revoked ones take the same single query.
    """
    link = ShareLink.objects.select_related("snapshot").filter(token_sha256=_hash(token)).first()
    if (
        link is None
        or link.revoked_at is not None
        or link.expires_at <= timezone.now()
        or link.snapshot.state == Snapshot.State.DRAFT
    ):
        return None
    return link


def note_view(link: ShareLink, what: str) -> None:
    ShareView.objects.create(link=link, what=what)


class TooMany(Exception):
    """Too many passwords were tried."""


def unlock(link: ShareLink, password: str) -> bool:
    """Whether this is its password. An attempt is counted before it is looked at, so that none passes beside."""
    fresh = Q(attempts_since__isnull=True) | Q(attempts_since__lte=Now() - ATTEMPTS_WITHIN)
    links = ShareLink.objects.filter(pk=link.pk)
    counted = links.filter(fresh).update(attempts=1, attempts_since=Now())
    counted = counted or links.filter(attempts__lt=ATTEMPTS).update(attempts=F("attempts") + 1)
    if not counted:
        raise TooMany
    if not check_password(password, link.password):
        return False
    links.update(attempts=0, attempts_since=None)
    return True


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
