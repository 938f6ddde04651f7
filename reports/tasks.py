"""Jobs of the reports app. A message only names a cause; what was made for it already is not made again."""

from __future__ import annotations

from django.utils import timezone

from amdash.celery import app
from reports import subscribe


@app.task
def make_due_reports() -> None:
    """The beat's: every report whose cause has come, and mails that a refusing server has left undone."""
    for subscription, cause in subscribe.due(timezone.now()):
        make_report.delay(subscription_id=subscription, cause=cause)
    subscribe.send(subscribe.unsent())


@app.task
def make_report(*, subscription_id: int, cause: str) -> None:
    occasion = subscribe.make_report(subscription_id, cause)
    if occasion:
        subscribe.send(list(occasion.mailings.values_list("pk", flat=True)))
