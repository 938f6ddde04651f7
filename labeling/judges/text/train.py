"""Trains a text classifier on people's labels and lets it judge every transcript of the evaluation.

Labelled transcripts get the verdicts of models that have not seen their prompt, all others that of the model of all
labels. The same labels give the same model: whoever takes a killed run over trains again and goes on with what has
no verdict of this run yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef

from amdash import __version__
from labeling.judges.keep import Said, keep
from labeling.judges.material import Judged
from labeling.judges.text import features, learned, model
from labeling.judges.text.features import Names, Texts
from labeling.judges.text.learned import Example
from labeling.judges.text.model import CannotTrain, Labelled, Trained
from labeling.judges.text.report import heaviest, report, words
from labeling.models import Campaign, Training
from labeling.transfers.jobs import Job, Lost, take
from transcripts.models import Classifier, ClassifierVersion, Transcript, Verdict
from transcripts.models.tallies import refresh_tallies

SLUG = "text-classifier"
NAME = "Text classifier"
DESCRIPTION = (
    "A baseline trained here on people's labels: logistic regression on the words of what a model did and reasoned. "
    "Labelled transcripts have verdicts of models that were trained without their prompt."
)
SCORED_AT_ONCE = 500


def ask(campaign: Campaign, outcome: str, by: User | None = None) -> Training:
    """A training that waits for a worker. Raises CannotTrain where it is known already that the labels do not
    suffice."""
    basis = learned.basis_of(campaign, outcome)
    chosen = learned.choose(basis)
    found = learned.examples(basis, chosen[: learned.MOST_LABELS])
    model.check([one.positive for one in found], [one.prompt for one in found])
    return Training.objects.create(campaign=campaign, outcome=outcome, created_by=by)


def run(training_id: int) -> None:
    """Do the job if nobody else is at it."""
    job = take(Training, training_id)
    if job is None:
        return
    try:
        with job.kept():
            told, version = _work(job)
    except Lost:
        return
    except (OperationalError, InterfaceError):
        raise  # the database's trouble: when the lease has run out, the job is taken again
    except CannotTrain as problem:
        job.end("failed", problem=str(problem))
        return
    except Exception as problem:
        job.end("failed", problem=f"{type(problem).__name__}: {problem}")
        raise
    job.end("done", report=told, version=version)


def _work(job: Job[Training]) -> tuple[dict[str, Any], ClassifierVersion]:
    row = job.row
    basis = learned.basis_of(row.campaign, row.outcome)
    if row.report is None:
        # Written down once: labels that come meanwhile would make it another model.
        chosen = learned.choose(basis)
        found = learned.examples(basis, chosen[: learned.MOST_LABELS])
        row.resolution_ids = [one.resolution for one in found]
        left_out = max(0, len(chosen) - learned.MOST_LABELS)
        row.report = {"weights": [one.weight for one in found], "left_out": left_out}
        Training.objects.filter(pk=row.pk).update(resolution_ids=row.resolution_ids, report=row.report)
    weights = dict(zip(row.resolution_ids, row.report["weights"], strict=True))
    found = learned.examples(basis, row.resolution_ids, weights)
    model.check([one.positive for one in found], [one.prompt for one in found])
    found, trained = _train(found)
    job.tell(0)
    told = report(found, trained, row.outcome) | {"left_out": row.report["left_out"]}
    names = Names(heaviest(trained))
    for _, _, texts in learned.read([one.transcript for one in found]):
        names.look(texts)
    told |= words(trained, names)
    version = _version(row, found, trained)
    told["scored"] = _judge(job, version, found, trained)
    refresh_tallies()
    return told, version


def _train(found: list[Example]) -> tuple[list[Example], Trained]:
    """One that was deleted meanwhile teaches nothing."""
    import numpy as np  # noqa: PLC0415 - slow import
    from scipy.sparse import vstack  # noqa: PLC0415 - slow import

    known: list[int] = []
    parts = []
    for some in _together(learned.read([one.transcript for one in found]), learned.TEXTS_AT_ONCE):
        known.extend(pk for pk, _, _ in some)
        parts.append(features.counts([texts for _, _, texts in some]))
    by_transcript = {one.transcript: one for one in found}
    found = [by_transcript[pk] for pk in known]
    labelled = Labelled(
        vstack(parts, format="csr"),
        np.array([one.positive for one in found], dtype=np.bool_),
        np.array([one.weight for one in found], dtype=np.float64),
        np.array([one.prompt for one in found], dtype=np.int64),
    )
    return found, model.train(labelled)


def _version(row: Training, found: Sequence[Example], trained: Trained) -> ClassifierVersion:
    """Named by what it learned, so that a repeated training is the same version."""
    import sklearn  # noqa: PLC0415 - slow import

    sha256 = learned.digest(found)
    classifier, _ = Classifier.objects.get_or_create(
        slug=SLUG, defaults={"name": NAME, "kind": Classifier.Kind.TRAINED, "description": DESCRIPTION}
    )
    settings = {
        "outcome": row.outcome,
        "campaign": row.campaign_id,
        "evaluation": row.campaign.evaluation_id,
        "labels_sha256": sha256,
        "labels": len(found),
        "positive": sum(one.positive for one in found),
        "prompts": len({one.prompt for one in found}),
        "threshold": trained.threshold,
        "curve": list(trained.curve),
        "seed": model.SEED,
        "folds": model.FOLDS,
        "C": model.STRENGTH,
        "columns": features.COLUMNS,
        "ngrams": list(features.NGRAMS),
        "weights": features.WEIGHTS,
        "sklearn": sklearn.__version__,
        "amdash": __version__,
    }
    name = f"{row.outcome} {sha256[:8]}, sklearn {sklearn.__version__}, amdash {__version__}"
    version, _ = ClassifierVersion.objects.get_or_create(
        classifier=classifier, version=name, defaults={"settings": settings}
    )
    return version


def _judge(job: Job[Training], version: ClassifierVersion, found: Sequence[Example], trained: Trained) -> int:
    """Verdicts on every transcript with an answer, a batch in memory and in each transaction."""
    row = job.row
    held_out = {
        one.transcript: (int(fold), float(score), bool(flag))
        for one, fold, score, flag in zip(found, trained.fold, trained.held_out, trained.flagged, strict=True)
    }
    everything = Transcript.objects.judgeable().filter(cell__evaluation=row.campaign.evaluation_id)
    Training.objects.filter(pk=row.pk).update(total=everything.count())
    done_before = Verdict.objects.filter(
        transcript=OuterRef("pk"), version=version, outcome=row.outcome, recorded_at__gte=row.created_at
    )
    last, scored = 0, 0
    while True:
        ids = list(everything.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:SCORED_AT_ONCE])
        if not ids:
            return scored
        last, scored = ids[-1], scored + len(ids)
        left = Transcript.objects.filter(pk__in=ids).exclude(Exists(done_before)).order_by("pk")
        rows = list(learned.read(list(left.values_list("pk", flat=True))))
        if rows:
            said = list(_said(rows, row.outcome, held_out, trained))
            with transaction.atomic():
                keep(version, said)
        job.tell(scored)


def _said(
    rows: Sequence[tuple[int, str, Texts]], outcome: str, held_out: dict[int, tuple[int, float, bool]], trained: Trained
) -> Iterator[Said]:
    scores = trained.scores(features.counts([texts for _, _, texts in rows]))
    for (pk, sha256, _), score in zip(rows, scores.tolist(), strict=True):
        if pk in held_out:
            fold, known, flagged = held_out[pk]
            yield Said(pk, sha256, Judged(outcome, flagged, score=known, raw={"held_out": fold}))
        else:
            yield Said(pk, sha256, Judged(outcome, score >= trained.threshold, score=score))


def _together(rows: Iterator[tuple[int, str, Texts]], n: int) -> Iterator[list[tuple[int, str, Texts]]]:
    some: list[tuple[int, str, Texts]] = []
    for row in rows:
        some.append(row)
        if len(some) == n:
            yield some
            some = []
    if some:
        yield some
