"""Makes judges and their versions, starts runs of them, and calls runs off."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import slugify

from labeling.judges.items import scope
from labeling.judges.materials import materials
from labeling.judges.progress import counted
from labeling.judges.rules import RULES, VERSIONS
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeRun
from labeling.tasks import run_judge
from transcripts.models import Classifier, ClassifierVersion, Transcript, Verdict

RULE_NAMES = {"rules": "Published gates", "act-aware-rules": "Act-aware rules"}
RULE_WORDS = {
    "rules": "The gates that the published classifiers put on their judge, alone: keyword, recipient, code.",
    "act-aware-rules": "Rules that read what was done, and not which words were written.",
}
SAMPLE = 30  # transcripts whose length tells what a run may cost
ANSWER_TOKENS = 200  # of a usual answer: a verdict, a sentence or two, a few quotes
PROMPT_CHARACTERS_A_TOKEN = 4


class CannotLaunch(Exception):
    """In words for whoever asked."""


@transaction.atomic
def make_judge(name: str, judge: ModelJudge) -> ClassifierVersion:
    """A new model judge with its first version. Raises CannotLaunch where the name is taken."""
    slug = slugify(name)[:200]
    if not slug or slug in {*RULES, "new"} or Classifier.objects.filter(slug=slug).exists():
        raise CannotLaunch(f"There is a classifier {slug or name!r} already, or its name makes no address.")
    classifier = Classifier.objects.create(slug=slug, name=name, kind=Classifier.Kind.MODEL)
    return make_version(classifier, judge)


@transaction.atomic
def make_version(classifier: Classifier, judge: ModelJudge) -> ClassifierVersion:
    """The version with exactly these settings: the one that is there, or a new one."""
    Classifier.objects.select_for_update().get(pk=classifier.pk)
    settings = judge.as_settings()
    same = classifier.versions.filter(settings=settings).first()
    if same is not None:
        return same
    number = classifier.versions.count() + 1
    return ClassifierVersion.objects.create(
        classifier=classifier, version=f"{number} · {judge.model}", settings=settings
    )


def rules_version(slug: str) -> ClassifierVersion:
    """The rules as they are in this installation. Raises CannotLaunch where files brought a classifier of that name."""
    classifier, _ = Classifier.objects.get_or_create(
        slug=slug,
        defaults={
            "name": RULE_NAMES.get(slug, slug),
            "kind": Classifier.Kind.RULES,
            "description": RULE_WORDS.get(slug, ""),
        },
    )
    if classifier.kind != Classifier.Kind.RULES:
        raise CannotLaunch(f"The classifier {slug} came with files, and is not ours.")
    version, _ = ClassifierVersion.objects.get_or_create(classifier=classifier, version=VERSIONS[slug])
    return version


def newest_version(slug: str) -> ClassifierVersion:
    """Of a classifier that can be run. Raises CannotLaunch."""
    if slug in RULES:
        return rules_version(slug)
    classifier = Classifier.objects.filter(slug=slug).first()
    if classifier is None:
        known = [*RULES, *Classifier.objects.filter(kind=Classifier.Kind.MODEL).values_list("slug", flat=True)]
        raise CannotLaunch(f"There is no classifier {slug}. These can be run: {', '.join(known)}.")
    if classifier.kind != Classifier.Kind.MODEL:
        raise CannotLaunch(f"{classifier} came with files; there is nothing to run.")
    version = classifier.versions.order_by("-pk").first()
    if version is None:
        raise CannotLaunch(f"{classifier} has no version yet.")
    return version


def launch(run: JudgeRun, by: User | None) -> JudgeRun:
    """Put the run on the queue. Raises CannotLaunch where it cannot be."""
    if run.version.classifier.kind == Classifier.Kind.RULES:
        run.which = JudgeRun.Which.ALL  # they cost nothing, and the same answer changes nothing
    else:
        judge = ModelJudge.of(run.version)
        judge.endpoint("", run.timeout_seconds)
        if run.budget_usd is not None and not judge.has_prices:
            raise CannotLaunch("A budget in dollars needs the prices of the model, and this version has none.")
    run.created_by = by
    try:
        with transaction.atomic():
            run.save()
            transaction.on_commit(partial(run_judge.delay, run_id=run.pk))
    except IntegrityError:
        raise CannotLaunch(f"{run.version} is being run already; it can be run again when that has ended.") from None
    return run


def cancel(run: JudgeRun) -> bool:
    """Whether it could still be cancelled. What is under way is waited for by whoever is at it."""
    with transaction.atomic():
        found = JudgeRun.objects.select_for_update().filter(pk=run.pk, finished_at=None).first()
        if found is None or not found.may_be_cancelled:
            return False
        if found.attempts == 0:  # nobody is at it
            found.finished_at = timezone.now()
            found.report = counted(found).as_json()
        found.state = JudgeRun.State.CANCELLED
        found.save(update_fields=["state", "finished_at", "report"])
    return True


@dataclass(frozen=True)
class Estimate:
    """What a run would do and may cost. Tokens and dollars are a guess from the length of some prompts."""

    transcripts: int
    answered: int
    tokens: int | None = None
    cost: Decimal | None = None

    @property
    def asked(self) -> int:
        return self.transcripts - self.answered


def estimate(run: JudgeRun) -> Estimate:
    """For a run that is not saved yet. Raises CannotDraw where its filters cannot be understood."""
    inside = scope(run.filters, run.evaluation)
    transcripts, answered = inside.count(), 0
    if run.which == JudgeRun.Which.MISSING:
        answered = _answered(inside, run.version)
    if run.version.classifier.kind != Classifier.Kind.MODEL:
        return Estimate(transcripts, 0)
    judge, asked = ModelJudge.of(run.version), transcripts - answered
    lengths = [
        judge.prompt(one).characters
        for one in materials(list(inside.order_by("u").values_list("pk", flat=True)[:SAMPLE]))
    ]
    if not lengths:
        return Estimate(transcripts, answered, 0, judge.cost(0, 0))
    tokens_in = asked * sum(lengths) // len(lengths) // PROMPT_CHARACTERS_A_TOKEN
    tokens_out = asked * min(ANSWER_TOKENS, judge.max_tokens)
    return Estimate(transcripts, answered, tokens_in + tokens_out, judge.cost(tokens_in, tokens_out))


def _answered(inside: QuerySet[Transcript], version: ClassifierVersion) -> int:
    """How many have an answer of this version; some of them perhaps about a text that changed since."""
    found = Verdict.objects.filter(version=version, error="", transcript__in=inside.order_by().values("pk"))
    return found.values("transcript").distinct().count()


def suggestion(version: ClassifierVersion) -> dict[str, Any]:
    """What a new run of this version is set to, until somebody says otherwise: as the latest one."""
    last = JudgeRun.objects.filter(version__classifier=version.classifier).first()
    names = ("concurrency", "per_minute", "timeout_seconds")
    return {name: getattr(last, name) for name in names} if last else {}
