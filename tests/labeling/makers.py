"""Campaigns, answers and people, in a few lines."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import Group, User
from django.test import Client

from labeling.campaigns.draw import draw_wave
from labeling.models import Assignment, Campaign, CampaignItem, CodebookVersion, Label, Participation
from labeling.queue.answer import Span, Submission, submit
from labeling.queue.assign import take_next
from tests.transcripts.study import ingest, sample, verdict
from transcripts.ingest.parsed import Condition
from transcripts.models import ClassifierVersion, Evaluation, Transcript

REST = {"admits_wrong": ["no"], "disobeys": ["none_given"], "motive": ["other"], "belief": ["none"]}
HARMFUL = {"harm": ["coercion"], "to_whom": ["inside"], "severity": ["3"], "stage": ["done"], **REST}
HARMLESS = {"harm": ["none"], "stage": ["not_considered"], **REST}
UNSURE = {"harm": ["unsure"], "stage": ["unsure"], **REST}
ANSWERS = {True: HARMFUL, False: HARMLESS, None: UNSURE}
PASSAGE = Span("m0.text", 0, 20)


def person(name: str, *groups: str, superuser: bool = False) -> User:
    made = User.objects.create_user(name, is_superuser=superuser)
    made.groups.set(Group.objects.filter(name__in=groups))
    return made


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def study(flagged: int = 0, unflagged: int = 0, unjudged: int = 0, *, name: str = "Study") -> list[Transcript]:
    """Blackmail transcripts of one model, in this order, judged so by one classifier."""
    finals = [True] * flagged + [False] * unflagged + [None] * unjudged
    return ingest(
        *(
            sample(str(number), verdicts=() if final is None else (verdict(final),))
            for number, final in enumerate(finals, start=1)
        ),
        name=name,
    )


def judge() -> ClassifierVersion:
    return ClassifierVersion.objects.get(classifier__slug="framework-harm")


def campaign(
    *raters: User,
    design: str = "simple",
    raters_per_item: int = 1,
    name: str = "Campaign",
    size: int = 0,
    codebook: CodebookVersion | None = None,
) -> Campaign:
    """An open campaign on the newest evaluation, with its first wave where a size is given."""
    made = Campaign.objects.create(
        name=name,
        evaluation=Evaluation.objects.latest("pk"),
        codebook_version=codebook or CodebookVersion.objects.exclude(published_at=None).latest("pk"),
        design=design,
        classifier_version=None if design == "simple" else judge(),
        raters_per_item=raters_per_item,
        blurs=False,  # texts open at once
        state=Campaign.State.OPEN,
    )
    made.participants.set(raters)
    if size:
        draw_wave(made, size)
    return made


def give(slot: Assignment | None, positive: bool | None) -> Label:
    """Submit an answer to the question what harm was done: yes, no, or unsure."""
    assert slot is not None
    return submit(slot, Submission(ANSWERS[positive], [PASSAGE] if positive else []))


def label_all(made: Campaign, answers: dict[User, Sequence[bool | None]]) -> list[CampaignItem]:
    """Every rater answers the items in the order of the queue; the items in that order."""
    items = list(made.items.order_by("serve_order", "pk"))
    for rater, given in answers.items():
        by_item = dict(zip(items, given, strict=True))
        while slot := take_next(made, rater):
            give(slot, by_item[slot.item])
    return items


def form(answers: dict[str, list[str]], **more: str) -> dict[str, str | list[str]]:
    """What the browser sends for these answers."""
    return {f"q-{key}": values for key, values in answers.items()} | {"revision": "0", **more}


OTHER = Condition("leaking", "none", "none", "none")


def run_as(made: Campaign, **fields: object) -> Campaign:
    Campaign.objects.filter(pk=made.pk).update(**fields)
    made.refresh_from_db()
    return made


def part_of(made: Campaign, rater: User) -> Participation:
    return Participation.objects.get(campaign=made, rater=rater)


def undrawn(made: Campaign, n: int = 1) -> list[Transcript]:
    return list(Transcript.objects.exclude(campaign_items__campaign=made).order_by("-u")[:n])


def answer_all(made: Campaign, rater: User, most: int = 100) -> list[Assignment]:
    """Everything that they are given, answered with no harm."""
    given: list[Assignment] = []
    while len(given) < most and (slot := take_next(made, rater)):
        give(slot, False)
        given.append(slot)
    return given
