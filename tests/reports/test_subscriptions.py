"""Reports that are made by themselves: when, once for each cause, as drafts; and who is told of what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from reports import subscribe, tasks
from reports.models import Crossing, Mailing, Occasion, Snapshot, Subscription
from reports.rows import Row, Scale
from transcripts.models import Evaluation, Ingestion

from .makers import UNLABELLED, WELL_LABELLED, Counts, condition, study, user

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday


def subscribed(**given: Any) -> Subscription:
    evaluation = Evaluation.objects.first() or study({("m", condition()): WELL_LABELLED})
    maker = User.objects.filter(username="maker").first() or user("maker", "researcher")
    made = Subscription.objects.create(
        **{"title": "Weekly", "slug": "leaderboard", "query": f"evaluation={evaluation.pk}"}
        | {"evaluation": evaluation, "created_by": maker}
        | given
    )
    Subscription.objects.filter(pk=made.pk).update(created_at=NOON - timedelta(days=30))
    made.refresh_from_db()
    return made


def reader(name: str, *groups: str) -> User:
    made = user(name, *groups)
    made.email = f"{name}@example.org"
    made.save()
    return made


def ingested(evaluation: Evaluation) -> Ingestion:
    report: dict[str, Any] = {}
    return Ingestion.objects.create(
        evaluation=evaluation, name="tree", state="done", report=report, finished_at=timezone.now()
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("when", "hour", "at", "cause"),
    [
        ("daily", 6, NOON, "daily 2026-11-18"),
        ("daily", 13, NOON, "daily 2026-11-17"),
        ("daily", 12, NOON, "daily 2026-11-18"),
        ("weekly", 6, NOON, "weekly 2026-11-16"),
        ("weekly", 6, datetime(2026, 11, 16, 5, tzinfo=UTC), "weekly 2026-11-09"),
        ("weekly", 6, datetime(2026, 11, 16, 6, tzinfo=UTC), "weekly 2026-11-16"),
        ("ingest", 6, NOON, ""),
    ],
)
def test_a_report_is_due_once_for_each_day_week_or_ingest(when: str, hour: int, at: datetime, cause: str) -> None:
    assert subscribe.cause_of(subscribed(when=when, hour=hour), at) == cause


@pytest.mark.django_db
def test_what_came_before_the_subscription_is_no_cause() -> None:
    made = subscribed(when="daily", hour=6)
    made.created_at = NOON - timedelta(hours=1)

    assert subscribe.cause_of(made, NOON) == ""
    assert subscribe.cause_of(made, NOON + timedelta(days=1)) == "daily 2026-11-19"


@pytest.mark.django_db
def test_an_ingest_is_a_cause_once_its_figures_are_counted() -> None:
    made = subscribed()
    job = ingested(made.evaluation)
    made.evaluation.unsettled_at = timezone.now()
    waits = subscribe.cause_of(made, timezone.now())
    made.evaluation.unsettled_at = None

    assert (waits, subscribe.cause_of(made, timezone.now())) == ("", f"ingestion {job.pk}")


@pytest.mark.django_db
def test_the_beat_makes_one_draft_and_one_mail_for_each_cause(mailoutbox: list[EmailMessage]) -> None:
    made = subscribed()
    made.recipients.set([reader("ann", "viewer"), reader("bo", "rater"), reader("cy", "researcher")])
    job = ingested(made.evaluation)

    for _ in range(2):
        for subscription, cause in [*subscribe.due(timezone.now()), (made.pk, f"ingestion {job.pk}")]:
            tasks.make_report(subscription_id=subscription, cause=cause)
        subscribe.send(subscribe.unsent())

    snapshot = Snapshot.objects.get()
    assert (snapshot.state, snapshot.created_by, snapshot.kind) == ("draft", made.created_by, "leaderboard")
    # Whoever has lost the right to read reports is told of none.
    assert sorted(mail.to[0] for mail in mailoutbox) == ["ann@example.org", "cy@example.org"]
    assert mailoutbox[0].subject == "Report: Weekly"
    assert mailoutbox[0].body.count(f"http://127.0.0.1:8000/snapshots/{snapshot.pk}/") == 1
    assert subscribe.due(timezone.now()) == []


def test_beat_and_worker_mean_the_same_task() -> None:
    assert settings.CELERY_BEAT_SCHEDULE["make-due-reports"]["task"] == tasks.make_due_reports.name


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("filled_database")
def test_two_workers_with_the_same_message_make_one_report() -> None:
    made = subscribed()

    def work(_: int) -> bool:
        try:
            return subscribe.make_report(made.pk, "daily 2026-11-18") is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made_by = sorted(pool.map(work, range(2)))

    assert (made_by, Occasion.objects.count(), Snapshot.objects.count()) == ([False, True], 1, 1)


@pytest.mark.django_db
def test_a_mail_that_is_refused_is_tried_again(mailoutbox: list[EmailMessage]) -> None:
    made = subscribed()
    made.recipients.set([reader("ann", "viewer")])
    smtp = "django.core.mail.backends.smtp.EmailBackend"
    # Nobody listens at this port.
    with override_settings(EMAIL_BACKEND=smtp, EMAIL_HOST="127.0.0.1", EMAIL_PORT=9):
        tasks.make_report(subscription_id=made.pk, cause="daily 2026-11-18")
    refused = list(Mailing.objects.values_list("sent_at", flat=True))
    subscribe.send(subscribe.unsent())

    assert (refused, len(mailoutbox), subscribe.unsent()) == ([None], 1, [])


@pytest.mark.django_db
def test_a_report_without_an_evaluation_says_so(mailoutbox: list[EmailMessage]) -> None:
    made = subscribed(query="evaluation=999999")
    made.recipients.set([reader("ann", "viewer")])

    tasks.make_report(subscription_id=made.pk, cause="daily 2026-11-18")

    assert Occasion.objects.get().problem == "There is no such evaluation."
    assert mailoutbox[0].body.count("No report could be made: There is no such evaluation.") == 1


def row(low: float | None, high: float | None, tier: str = "A", scale: str = Scale.RATE) -> Row:
    return Row(names=("m",), tier=tier, words="", reason="", value=0.2, low=low, high=high, scale=scale)


@pytest.mark.parametrize(
    ("found", "side"),
    [
        (row(0.31, 0.5), True),
        (row(0.1, 0.29), False),
        # The point alone is no evidence, nor is an interval that touches.
        (row(0.1, 0.5), None),
        (row(0.3, 0.5), None),
        (row(0.1, 0.3), None),
        # Only corrected rates: the classifier alone proves nothing.
        (row(0.31, 0.5, tier="C"), None),
        (row(0.31, 0.5, tier="B"), None),
        (row(0.31, 0.5, scale=Scale.DIFFERENCE), None),
        (row(None, None), None),
    ],
)
def test_a_side_is_known_with_the_whole_interval(found: Row, side: bool | None) -> None:
    assert subscribe.side_of(found, 0.3) is side


@pytest.mark.django_db
def test_an_alert_comes_when_the_side_changes_and_not_again(mailoutbox: list[EmailMessage]) -> None:
    """20 % [12, 31]: above 5 %, below 50 %, and on no side of 25 %."""
    study({("m", condition()): WELL_LABELLED, ("unchecked", condition()): UNLABELLED, ("few", condition()): FEW})
    ann = reader("ann", "viewer")
    above, below, neither = (subscribed(title=f"At {bound}", bound=bound) for bound in (0.05, 0.5, 0.25))
    for made in (above, below, neither):
        made.recipients.set([ann])
        for day in (18, 19):
            tasks.make_report(subscription_id=made.pk, cause=f"daily 2026-11-{day}")

    found = Crossing.objects.values_list("occasion__subscription__title", "row", "above", "told")
    assert list(found) == [("At 0.05", "m", True, True), ("At 0.5", "m", False, False)]
    assert [mail.subject for mail in mailoutbox if mail.subject.startswith("Alert")] == ["Alert: At 0.05"]
    alert = next(mail for mail in mailoutbox if mail.subject.startswith("Alert"))
    assert alert.body.count("- m: 20 % [12, 31], above") == 1


FEW = Counts()


@pytest.mark.django_db
def test_a_subscription_is_made_paused_and_deleted_on_its_pages(client: Client) -> None:
    evaluation = study({("m", condition()): WELL_LABELLED})
    maker, ann, rater = reader("maker", "researcher"), reader("ann", "viewer"), reader("bo", "rater")
    client.force_login(maker)
    form = {"slug": "rates", "query": "", "title": "Rates", "when": "weekly", "hour": 7, "bound": 30}

    refused = client.post("/subscriptions/new/", form | {"recipients": [ann.pk, rater.pk]})
    client.post("/subscriptions/new/", form | {"recipients": [ann.pk]})
    made = Subscription.objects.get()
    pages = [client.get(path).status_code for path in ("/subscriptions/", f"/subscriptions/{made.pk}/")]
    asked = client.get("/subscriptions/new/?slug=rates&query=").status_code

    assert (refused.status_code, pages, asked) == (400, [200, 200], 200)
    assert (made.query, made.bound, made.hour, list(made.recipients.all())) == (
        f"evaluation={evaluation.pk}",
        0.3,
        7,
        [ann],
    )
    client.post(f"/subscriptions/{made.pk}/", {"paused": "yes"})
    assert Subscription.objects.get().paused
    assert subscribe.due(timezone.now() + timedelta(days=8)) == []
    client.post(f"/subscriptions/{made.pk}/delete/")
    assert Subscription.objects.count() == 0
