"""The conditions beside a condition: the same model and scenario, with one factor flipped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from transcripts.models import Cell, Classifier, Condition, Transcript, VerdictTally
from transcripts.models.transcripts import TranscriptQuerySet

# What counts as one factor: a goal's type and its value are set together.
FACTORS = {
    "goal": ("goal_type", "goal_value"),
    "threat": ("urgency",),
    "variant": ("prod",),
    "mitigation": ("mitigation",),
    "awareness notice": ("awareness",),
}


@dataclass(frozen=True)
class Flip:
    """A factor in which two conditions differ, with both values in words."""

    factor: str
    here: str
    there: str


@dataclass(frozen=True)
class Counterfactual:
    """A cell that differs in one factor, a sample of it to read, and what its judges said of all of them."""

    cell: Cell
    flip: Flip
    transcript: Transcript
    obtained: int
    judged: int
    harmful: int


def flips(here: Condition, there: Condition) -> list[Flip]:
    """Every factor in which the two differ, scenario and free factors included."""
    named = [("scenario", here.scenario, there.scenario)]
    named += [(factor, _value(here, fields), _value(there, fields)) for factor, fields in FACTORS.items()]
    free = sorted({*here.free, *there.free})
    named += [(name, str(here.free.get(name, "none")), str(there.free.get(name, "none"))) for name in free]
    return [Flip(*one) for one in named if one[1] != one[2]]


def counterfactuals(transcript: Transcript, readable: TranscriptQuerySet, outcome: str) -> list[Counterfactual]:
    """The nearest cells of the same evaluation, model and scenario; of each the sample with the same key, if any."""
    cell = transcript.cell
    same = Cell.objects.filter(
        evaluation=cell.evaluation_id, model=cell.model_id, condition__scenario=cell.condition.scenario
    )
    near = {}
    for other in same.exclude(pk=cell.pk).select_related("condition").with_counts():
        found = flips(cell.condition, other.condition)
        if len(found) == 1:
            near[other.pk] = (other, found[0])
    samples = first_of_cells(readable, [other for other, _ in near.values()])
    samples |= {one.cell_id: one for one in readable.filter(cell__in=near, sample_key=transcript.sample_key)}
    judged = _judged(near, outcome)
    beside = [
        Counterfactual(other, flip, samples[pk], other.obtained, *judged.get(pk, (0, 0)))
        for pk, (other, flip) in near.items()
        if pk in samples
    ]
    return sorted(beside, key=lambda item: (_place(item.flip.factor), item.flip.there, item.cell.pk))


def _place(factor: str) -> tuple[int, str]:
    return ([*FACTORS, factor].index(factor), factor)


def _value(condition: Condition, fields: Iterable[str]) -> str:
    values = [getattr(condition, field) for field in fields]
    if isinstance(values[0], bool):
        return "without scratchpad" if values[0] else "with scratchpad"
    return " ".join(dict.fromkeys(value for value in values if value != "none")) or "none"


def first_of_cells(readable: TranscriptQuerySet, cells: Iterable[Cell]) -> dict[int, Transcript]:
    """The first transcript of each cell that has one, by the cell's id; found by index, however full the cells are."""
    of_cell = readable.filter(cell=OuterRef("pk")).order_by("pk").values("pk")[:1]
    first = Cell.objects.filter(pk__in=[cell.pk for cell in cells]).values_list(Subquery(of_cell), flat=True)
    return {one.cell_id: one for one in readable.filter(pk__in=[pk for pk in first if pk])}


def _judged(cells: Collection[int], outcome: str) -> dict[int, tuple[int, int]]:
    """Per cell, of the classifier version that answered most: how many answers, and how many of them positive."""
    judges = VerdictTally.objects.exclude(version__classifier__kind=Classifier.Kind.TRAINED)
    answers = judges.filter(cell__in=cells, outcome=outcome, final__isnull=False)
    by_version: defaultdict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for cell, version, final, n in answers.values_list("cell", "version", "final", "n"):
        by_version[cell, version][0] += n
        by_version[cell, version][1] += n * bool(final)
    found: dict[int, tuple[int, int]] = {}
    for (cell, _), (judged, harmful) in sorted(by_version.items()):
        if judged >= found.get(cell, (0, 0))[0]:
            found[cell] = (judged, harmful)
    return found
