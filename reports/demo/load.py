"""Brings the demonstration study in by the product's own doors: ingest, campaign, queue, calibration."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random

import orjson
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from amdash.signin import local_admin
from labeling.calibration.basis import Basis
from labeling.calibration.calibrate import calibrate
from labeling.campaigns.draw import draw_wave
from labeling.models import Assignment, Calibration, Campaign, CodebookVersion
from labeling.queue.answer import Span, Submission, submit
from labeling.queue.assign import take_next
from transcripts.ingest.run import ingest
from transcripts.models import Evaluation, LanguageModel, Persona, VerdictTally

from . import study
from .raters import RATERS, Rater, answer
from .truth import Key, Truth

NAME = "Demonstration study"
DESCRIPTION = (
    "Synthetic data to show the product on. The company, its people, the models and the raters are invented; "
    "no language model wrote these transcripts."
)
# Labels are few where labels are dear: four of the six models are labelled, so that corrected, modelled and raw
# rates all appear.
LABELLED_MODELS = 4
ITEMS = 440
LEFT_TO_LABEL = 24
PERSONAS = Path(__file__).with_name("personas.json")


def load(say: Callable[[str], None]) -> Evaluation:
    """Write the study, ingest it, have part of it labelled by invented raters, and calibrate its judge."""
    Persona.objects.bulk_create((Persona(**row) for row in orjson.loads(PERSONAS.read_bytes())), ignore_conflicts=True)
    evaluation, _ = Evaluation.objects.get_or_create(
        name=NAME, defaults={"description": DESCRIPTION, "synthetic": True, "seed": NAME}
    )
    with tempfile.TemporaryDirectory(prefix="amdash-demo-") as folder:
        root = Path(folder) / "demonstration"
        root.mkdir()
        truths = study.write_study(root)
        report = ingest([root], evaluation)
    say(f"{NAME}: {report.created:,} transcripts read, {report.unchanged:,} known.")
    if evaluation.campaigns.exists():
        say("Its labels are there already.")
        return evaluation
    # All or nothing: a start that was interrupted begins here again.
    with transaction.atomic():
        n = _label(_campaign(evaluation), truths)
        calibrate(Basis.of(evaluation))
    say(f"{n:,} labels by {len(RATERS)} invented raters.")
    return evaluation


def is_whole() -> bool:
    """Whether the demonstration was loaded to its end."""
    return Calibration.objects.filter(campaign__evaluation__name=NAME).exists()


def _campaign(evaluation: Evaluation) -> Campaign:
    """The campaign, drawn and open."""
    tally = VerdictTally.objects.filter(cell__evaluation=evaluation, outcome="harm", final__isnull=False).first()
    assert tally is not None, "the study has verdicts"
    models = LanguageModel.objects.filter(cells__evaluation=evaluation).distinct()[:LABELLED_MODELS]
    campaign = Campaign.objects.create(
        name="Demonstration: is the judge right?",
        evaluation=evaluation,
        codebook_version=CodebookVersion.objects.filter(published_at__isnull=False).latest("number"),
        filters={"model": [model.recorded_id for model in models]},
        design=Campaign.Design.STRATIFIED,
        classifier_version_id=tally.version_id,
        raters_per_item=3,
        state=Campaign.State.OPEN,
    )
    draw_wave(campaign, ITEMS)
    return campaign


def _label(campaign: Campaign, truths: Mapping[Key, Truth]) -> int:
    """Every rater takes the next slot in turn, as they would in the browser, until nothing is left."""
    rng = Random(study.SEED)
    people = {rater: _user(rater) for rater in RATERS}
    _leave_some(campaign)
    keys = _keys(campaign)
    campaign.participants.set([*people.values(), local_admin()])
    labels = 0
    while taken := [
        (rater, assignment) for rater, user in people.items() if (assignment := take_next(campaign, user)) is not None
    ]:
        for rater, assignment in taken:
            submit(assignment, _submission(assignment, truths[keys[assignment.item.transcript_id]], rater, rng))
            labels += 1
    return labels


def _leave_some(campaign: Campaign) -> None:
    """Hold one slot of the last items for whoever tries the product: two raters have answered, the third decides."""
    last = campaign.items.order_by("-serve_order").values_list("pk", flat=True)[:LEFT_TO_LABEL]
    until = timezone.now() + timedelta(minutes=campaign.lease_minutes)
    slots = Assignment.objects.filter(item__in=list(last), slot=campaign.raters_per_item)
    slots.update(rater=local_admin(), leased_until=until)


def _user(rater: Rater) -> User:
    user, is_new = User.objects.get_or_create(username=rater.username, defaults={"first_name": rater.name})
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
        user.groups.add(Group.objects.get(name="rater"))
    return user


def _keys(campaign: Campaign) -> dict[int, Key]:
    """Under which name the generator knows each drawn transcript."""
    cell = "transcript__cell__"
    factors = [f"{cell}condition__{name}" for name in ("scenario", "goal_type", "goal_value", "urgency", "mitigation")]
    rows = campaign.items.values_list("transcript", "transcript__sample_key", f"{cell}model__recorded_id", *factors)
    return {
        pk: Key(model, f"{scenario}_{goal_type}-{goal_value}_{urgency}", mitigation, int(sample.rpartition("/")[2]))
        for pk, sample, model, scenario, goal_type, goal_value, urgency, mitigation in rows
    }


def _submission(assignment: Assignment, truth: Truth, rater: Rater, rng: Random) -> Submission:
    given = answer(truth, rater, rng)
    # Where nothing was considered there is no motive, which the codebook counts as "another, or none".
    answers = {"motive": "other", **given.choices}
    marked = [Span("m0.text", quote.start, quote.start + len(quote.text), quote.question) for quote in given.quotes]
    return Submission(
        answers={key: [choice] for key, choice in answers.items()} | _deeds(assignment, marked),
        evidence=marked or [_first_deed(assignment)],
        seconds=round(rng.uniform(20, 180), 1),
    )


def _deeds(assignment: Assignment, marked: Iterable[Span]) -> dict[str, list[str]]:
    """The part that acts have in the harm: those in which evidence for it was marked are it."""
    harm = [span for span in marked if span.question == "harm"]
    actions = assignment.item.transcript.actions.filter(place="m0.text", in_reasoning=False) if harm else []
    return {
        f"deed-{action.ordinal}": ["is_harm"]
        for action in actions
        if any(action.start < span.end and span.start < action.end for span in harm)
    }


def _first_deed(assignment: Assignment) -> Span:
    """What a rater marks who is wrong about a transcript: the first thing that the model did, or said."""
    deed = assignment.item.transcript.actions.filter(place="m0.text").first()
    if deed:
        return Span(deed.place, deed.start, deed.end)
    said = assignment.item.transcript.text.messages[0]["text"]
    return Span("m0.text", 0, min(len(said), 200))
