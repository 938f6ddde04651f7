"""Makes the reports that people have asked for: a draft for each cause, once, and a mail to each subscriber."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import IntegrityError
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from amdash.isolation import one_moment
from labeling.stats.tiers import Tier
from transcripts.access import may_read
from transcripts.models import Ingestion

from .exhibit import Exhibit
from .filters import NoReport, Report
from .models import Crossing, Mailing, Occasion, Snapshot, Subscription
from .rows import Row, Scale
from .share import make_snapshot

log = logging.getLogger(__name__)
# A mail that could not be sent is tried again for so long.
TRY_FOR = timedelta(days=1)
MONDAY = 0


def due(at: datetime) -> list[tuple[int, str]]:
    """Subscriptions whose cause has come and that have no report for it, each with the cause."""
    found = []
    for subscription in Subscription.objects.filter(paused=False).select_related("evaluation"):
        cause = cause_of(subscription, at)
        if cause and not subscription.occasions.filter(cause=cause).exists():
            found.append((subscription.pk, cause))
    return found


def cause_of(subscription: Subscription, at: datetime) -> str:
    """The newest cause since it was subscribed; "" where there is none. What was missed in between is not made up for:
    the newest report tells all."""
    if subscription.when == Subscription.When.INGEST:
        if subscription.evaluation.unsettled_at:
            return ""  # roll-ups do not know the new transcripts yet
        done = Ingestion.objects.filter(
            evaluation=subscription.evaluation, state=Ingestion.State.DONE, finished_at__gt=subscription.created_at
        )
        last = done.order_by("-finished_at").values_list("pk", flat=True).first()
        return f"ingestion {last}" if last else ""
    moment = _last_moment(subscription, at)
    return f"{subscription.when} {moment:%Y-%m-%d}" if moment > subscription.created_at else ""


def _last_moment(subscription: Subscription, at: datetime) -> datetime:
    """When a daily or weekly report was last due."""
    moment = datetime.combine(at.astimezone(UTC).date(), time(subscription.hour), UTC)
    if subscription.when == Subscription.When.WEEKLY:
        moment -= timedelta(days=(moment.weekday() - MONDAY) % 7)
    if moment > at:
        moment -= timedelta(days=7 if subscription.when == Subscription.When.WEEKLY else 1)
    return moment


def make_report(pk: int, cause: str) -> Occasion | None:
    """The draft with what crossed the bound, all in one transaction. None if it was made already, by whomever."""
    try:
        with one_moment():
            # Nobody waits for another worker that is at it: what it leaves undone is due again.
            free = Subscription.objects.select_for_update(skip_locked=True, no_key=True)
            subscription = free.filter(pk=pk).first()
            if subscription is None:
                return None
            occasion = Occasion.objects.create(subscription=subscription, cause=cause)
            try:
                occasion.snapshot = _draft(subscription)
            except NoReport as reason:
                occasion.problem = str(reason) or "There is nothing to report on."
            else:
                Crossing.objects.bulk_create(_crossings(occasion, occasion.snapshot))
            occasion.save(update_fields=["snapshot", "problem"])
            Mailing.objects.bulk_create(
                Mailing(occasion=occasion, recipient=user) for user in subscription.recipients.order_by("pk")
            )
    except IntegrityError:
        return None
    return occasion


def _draft(subscription: Subscription) -> Snapshot:
    return make_snapshot(
        Report.from_query(QueryDict(subscription.query)),
        subscription.slug,
        title=f"{subscription.title}, {timezone.now():%-d %B %Y}",
        note="",
        by=subscription.created_by,
    )


def side_of(row: Row, bound: float) -> bool | None:
    """Whether a corrected rate lies above the bound (True) or below it (False) with its whole interval; else None."""
    if row.tier != Tier.CORRECTED or row.scale != Scale.RATE or row.low is None or row.high is None:
        return None
    return True if row.low > bound else False if row.high < bound else None


def _crossings(occasion: Occasion, snapshot: Snapshot) -> list[Crossing]:
    """Rows whose side is known and is not the one last known. That a rate lies below from the first is no news."""
    bound = occasion.subscription.bound
    if bound is None:
        return []
    known = dict(
        Crossing.objects.filter(occasion__subscription=occasion.subscription)
        .order_by("occasion", "pk")
        .values_list("row", "above")
    )
    found = []
    for row in Exhibit.thaw(snapshot.content).every_row:
        name, above = " · ".join(row.names), side_of(row, bound)
        if above is not None and above != known.get(name):
            told = above or name in known
            found.append(Crossing(occasion=occasion, row=name, above=above, words=row.words, told=told))
    return found


def unsent() -> list[int]:
    since = timezone.now() - TRY_FOR
    return list(Mailing.objects.filter(sent_at__isnull=True, occasion__made_at__gt=since).values_list("pk", flat=True))


def send(mailings: Sequence[int]) -> int:
    """Mark each as sent, then send it; one that the mail server refuses is unmarked and tried again later."""
    sent = 0
    for pk in mailings:
        if not Mailing.objects.filter(pk=pk, sent_at__isnull=True).update(sent_at=timezone.now()):
            continue
        mailing = Mailing.objects.select_related("recipient", "occasion__subscription", "occasion__snapshot").get(pk=pk)
        recipient = mailing.recipient
        if not (isinstance(recipient, User) and recipient.is_active and recipient.email and may_read(recipient)):
            continue
        try:
            _mail(mailing, recipient.email).send()
        except OSError as error:  # smtplib's errors are OSErrors, too
            log.warning("the mail %s was not sent: %s", pk, error)
            Mailing.objects.filter(pk=pk).update(sent_at=None)
        else:
            sent += 1
    return sent


def _mail(mailing: Mailing, address: str) -> EmailMessage:
    occasion = mailing.occasion
    subscription = occasion.subscription
    crossings = [crossing for crossing in occasion.crossings.all() if crossing.told]
    lines = []
    if crossings and subscription.bound is not None:
        bound = f"{100 * subscription.bound:g} %"
        lines += [f"Corrected rates that lie on the other side of {bound} with their whole interval:"]
        lines += [f"- {each.row}: {each.words}, {'above' if each.above else 'below'}" for each in crossings]
        lines += [""]
    if occasion.snapshot_id:
        page = reverse("reports:snapshot", args=[occasion.snapshot_id])
        lines += [f"A draft waits to be read, and to be published by a person: {settings.SITE_ADDRESS}{page}"]
    else:
        lines += [f"No report could be made: {occasion.problem or 'its draft was discarded.'}"]
    lines += [
        "",
        f"You get this because the report “{subscription.title}” names you: {subscription.get_when_display()}.",
    ]
    title = " ".join(subscription.title.split())
    return EmailMessage(f"{'Alert' if crossings else 'Report'}: {title}", "\n".join(lines), to=[address])
