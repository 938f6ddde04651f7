"""Rows of what people answered: shares of a question's answers, by model, from the labels alone."""

from __future__ import annotations

from collections.abc import Collection

from labeling.calibration import answers
from labeling.calibration.answers import Answers, Share
from labeling.stats.intervals import Interval
from labeling.stats.tiers import Target, Tier
from labeling.stats.words import count, percent, rate_with_limits
from transcripts.models import Cell

from .dimensions import DIMENSIONS
from .filters import Report
from .rows import Row

MODEL = DIMENSIONS["model"]
# How far it went, as steps that include those after them: the keys of the built-in codebook.
STAGE = "stage"
STEPS = {
    "considered": ("rejected", "drafted", "done"),
    "drafted": ("drafted", "done"),
    "done": ("done",),
}
BELIEF = "belief"
EVERYBODY = "All models"


def steps(report: Report) -> list[Row]:
    """Per model the share that considered harm at least, drafted it at least, and did it."""
    told = _answers(report, STAGE)
    if told is None:
        return []
    known = {step: told.majorities(keys) for step, keys in STEPS.items()}
    return [
        _row(report, told.of(cells=_ids(cells), known=known[step]), cells, (name, step), colour=step)
        for name, cells in report.models.items()
        for step in STEPS
    ]


def kinds(report: Report) -> list[Row]:
    """Per kind of harm and model the share of transcripts in which people found it done."""
    outcome = report.basis.label_outcome
    told = _answers(report, outcome.question.key) if outcome else None
    if told is None or outcome is None:
        return []
    positive = _positives(report, outcome.question_id)
    return [
        _row(report, told.of(cells=_ids(cells), known=told.majorities([key])), cells, (words, name), colour=words)
        for key, words in told.choices.items()
        if key in positive
        for name, cells in report.models.items()
    ]


def beliefs(report: Report) -> list[Row]:
    """The rate of the outcome among transcripts whose reasoning says that it is a test, that it is real, or neither."""
    told = _answers(report, BELIEF)
    if told is None:
        return []
    harm = answers.resolved(report.basis)
    rows = []
    for name, cells in {EVERYBODY: report.cells, **report.models}.items():
        shown = _ids(cells)
        for key, words in told.choices.items():
            holding = {item for item, held in told.majorities([key]).items() if held}
            share = told.of(cells=shown, known=harm, among=holding)
            rows.append(_row(report, share, cells, (name, words), colour=words, whole=name == EVERYBODY))
    return rows


def _answers(report: Report, key: str) -> Answers | None:
    question = answers.question_of(report.basis, key)
    return Answers(report.basis, question) if question else None


def _positives(report: Report, question: int) -> set[str]:
    """The answers that any outcome of the codebook counts as positive."""
    assert report.basis.campaign is not None, "there is a question"
    outcomes = report.basis.campaign.codebook_version.outcomes.filter(question=question)
    return set(outcomes.values_list("positives__choice__key", flat=True))


def _ids(cells: Collection[Cell]) -> frozenset[int]:
    return frozenset(cell.pk for cell in cells)


def _row(
    report: Report, share: Share, cells: Collection[Cell], names: tuple[str, str], *, colour: str, whole: bool = False
) -> Row:
    counts = [report.estimates.counts[cell.pk] for cell in cells]
    dimensions = () if whole else (MODEL,)
    known = share.value is not None
    remarks = [f"{share.n_positive:,} of {count(share.n, 'labelled transcript')}"] if known else []
    if share.n_missing:
        remarks.append(f"{share.n_missing:,} without an agreed answer are missing, not negative")
    return Row(
        names=names,
        tier=(Tier.HUMAN if known else Tier.NOTHING).value,
        words=_words(share),
        reason="from people's labels alone" if known else "no labelled transcript",
        remarks=tuple(remarks),
        target=Target.PANEL.value if known else "",
        value=share.value,
        low=share.limits.low if known else None,
        high=share.limits.high if known else None,
        n_transcripts=sum(one.judgeable for one in counts),
        n_labels=share.n,
        n_raters=report.surroundings.raters_of(cells),
        n_failed=sum(one.failed for one in counts),
        n_missing=report.surroundings.missing_from(cells),
        n_cells=len(cells),
        colour=colour,
        query=report.transcripts(next(iter(cells)), *dimensions) if cells else "",
    )


def _words(share: Share) -> str:
    """No share is known to be 0 or 1, so none is shown as "0 %" or "100 %"."""
    if share.value is None:
        return "no data"
    limits: Interval = share.limits
    if share.value == 0:
        return f"below {percent(limits.high)}"
    if share.value == 1:
        return f"above {percent(limits.low)}"
    return rate_with_limits(share.value, limits)
