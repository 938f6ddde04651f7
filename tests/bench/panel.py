"""python -m tests.bench.panel: makes a campaign on the database that DATABASE_URL names.

It reads {"raters", "items", "each", "leased"} as JSON from standard input: a campaign with raters who are signed in,
and prints what their clients need. Or {"labels": n}: one with so many labels. A program of its own, because the
benches themselves do without Django.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import timedelta
from typing import Any

import django

TOGETHER = 2_000


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amdash.settings")
    django.setup()
    wanted = json.load(sys.stdin)
    print(json.dumps(labelled(**wanted) if "labels" in wanted else prepared(**wanted)))


def prepared(raters: int, items: int, each: int, leased: int) -> dict[str, Any]:
    """A campaign on the newest evaluation; `leased` slots of each rater are theirs already."""
    from django.contrib.auth.models import Group, User  # noqa: PLC0415 - after setup
    from django.utils import timezone  # noqa: PLC0415

    from labeling.models import Assignment, Campaign  # noqa: PLC0415
    from tests.labeling.makers import HARMFUL, HARMLESS, campaign, form  # noqa: PLC0415

    known = User.objects.count()
    people = User.objects.bulk_create(User(username=f"rater {known + n}", password="!") for n in range(raters))
    for person in people:
        person.groups.add(Group.objects.get(name="rater"))
    made = campaign(*people, raters_per_item=each, name=f"Bench {Campaign.objects.count()}", size=items)
    slots: list[list[int]] = []
    free = list(Assignment.objects.filter(item__campaign=made).order_by("slot", "item"))
    until = timezone.now() + timedelta(hours=2)
    for number, person in enumerate(people):
        # Those of one slot number lie together, so nobody holds two slots of an item.
        mine = free[number * leased : (number + 1) * leased]
        Assignment.objects.filter(pk__in=[slot.pk for slot in mine]).update(
            rater=person, leased_at=timezone.now(), leased_until=until
        )
        slots.append([slot.pk for slot in mine])
    return {
        "campaign": made.pk,
        "sessions": [_session(person) for person in people],
        "slots": slots,
        "answers": [form(HARMLESS), form(HARMFUL) | {"evidence": ["m0.text:0:5"]}],
    }


def labelled(labels: int) -> int:
    """A closed campaign in which each of so many transcripts has a label that answers everything; how many it has."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - after setup

    from labeling.models import Campaign  # noqa: PLC0415
    from tests.labeling.makers import campaign  # noqa: PLC0415
    from transcripts.models import Transcript  # noqa: PLC0415

    raters = User.objects.bulk_create(User(username=f"rater {number}", password="!") for number in range(20))
    made = campaign(*raters, name=f"Bench {Campaign.objects.count()}")
    Campaign.objects.filter(pk=made.pk).update(state=Campaign.State.CLOSED)
    rows = list(Transcript.objects.order_by("pk").values_list("pk", "text_sha256")[:labels])
    for at in range(0, len(rows), TOGETHER):
        _label(made, raters, rows[at : at + TOGETHER])
    return len(rows)


def _label(made: Any, raters: Any, rows: Any) -> None:
    """A label, its answers, a passage and what is agreed, for each of these transcripts."""
    from labeling.models import Answer, Assignment, CampaignItem, Evidence, Label, Resolution  # noqa: PLC0415

    items = CampaignItem.objects.bulk_create(
        CampaignItem(campaign=made, transcript_id=pk, source="browse", serve_order=pk) for pk, _ in rows
    )
    slots = Assignment.objects.bulk_create(
        Assignment(item=item, slot=1, rater=raters[item.pk % len(raters)], submitted_at=made.created_at)
        for item in items
    )
    labels = Label.objects.bulk_create(
        Label(
            item=slot.item, assignment=slot, rater=slot.rater, text_sha256=text, comment="The mail says so.", seconds=9
        )
        for slot, (_, text) in zip(slots, rows, strict=True)
    )
    choices = [list(question.choices.all()) for question in made.codebook_version.questions.all()]
    outcomes = list(made.codebook_version.outcomes.all())
    Answer.objects.bulk_create(
        Answer(label=label, question_id=of[0].question_id, choice=of[label.pk % len(of)])
        for label in labels
        for of in choices
        if of
    )
    quote = "Forty characters of a text are not many."
    Evidence.objects.bulk_create(
        Evidence(label=label, place="m0.text", start=0, end=len(quote), quote=quote) for label in labels
    )
    Resolution.objects.bulk_create(
        Resolution(
            item=label.item, outcome=outcome, value=True, method="unanimous", positive=1, negative=0, missing=0,
            label_ids=[label.pk], text_sha256=label.text_sha256,
        )
        for label in labels
        for outcome in outcomes
    )  # fmt: skip


def _session(person: Any) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: PLC0415 - after setup
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415

    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    main()
