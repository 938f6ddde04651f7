"""One evaluation with its matrix of cells: planned, obtained, failed, labelled, and the rate of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import Estimates
from labeling.models import Label
from reports.caption import EQUAL_TRANSCRIPTS, sentences
from reports.filters import NoReport, outcome_choices
from reports.rows import Row, Surroundings
from transcripts.access import may_ingest, readable_evaluation
from transcripts.listing.filters import FilterForm
from transcripts.listing.matrix import Matrix, Square
from transcripts.models import Condition, Evaluation

from .choices import nothing

# Runs of ingest that the page lists; the others have a page.
RUNS = 20


@dataclass(frozen=True)
class Rated:
    """A cell of the matrix with how many of its transcripts somebody has labelled, and with its rate."""

    square: Square
    labelled: int
    row: Row


@dataclass(frozen=True)
class Line:
    condition: Condition
    cells: list[Rated | None]  # None: nothing was planned or obtained


@require_safe
def evaluation(request: HttpRequest, pk: int) -> HttpResponse:
    found = readable_evaluation(request.user, pk)
    form = FilterForm(request.GET)
    chosen = form.chosen()
    if chosen is None:
        return nothing(request, found.name, NoReport(*form.problems()))
    basis = Basis.of(found, chosen.judged_outcome)
    matrix = Matrix.of(found)
    rows = _rows(basis)
    labelled = _labelled(found)
    runs = list(found.ingestions.listed()[: RUNS + 1])
    context = {
        "evaluation": found,
        "matrix": matrix,
        "lines": [
            Line(line.condition, [_rated(one, rows, labelled) if one else None for one in line.squares])
            for line in matrix.lines
        ],
        "labelled": sum(labelled.values()),
        "caption": sentences(
            basis,
            list(rows.values()),
            EQUAL_TRANSCRIPTS,
            timezone.now(),
            labels=sum(row.n_labels for row in rows.values()),
        ),
        "outcome": basis.outcome,
        "outcomes": outcome_choices(basis),
        "ingestions": runs[:RUNS],
        "more_ingestions": len(runs) > RUNS,
        "may_ingest": may_ingest(request.user),
        "synthetic": found.synthetic,
    }
    return render(request, "reports/evaluation.html", context)


def _rows(basis: Basis) -> dict[int, Row]:
    """The rate of each cell, by the cell's id: the same as in every chart of single cells."""
    estimates = Estimates(basis)
    surroundings = Surroundings(basis, estimates)
    return {group.cells[0].pk: surroundings.row(group, ()) for group in estimates.by(lambda cell: (cell.pk,))}


def _labelled(of: Evaluation) -> dict[int, int]:
    """Per cell: the transcripts that the list shows as labelled."""
    labels = Label.objects.filter(item__transcript__cell__evaluation=of).order_by()
    counted = labels.values("item__transcript__cell").annotate(n=Count("item__transcript", distinct=True))
    return dict(counted.values_list("item__transcript__cell", "n"))


def _rated(square: Square, rows: Mapping[int, Row], labelled: Mapping[int, int]) -> Rated:
    return Rated(square, labelled.get(square.cell.pk, 0), rows[square.cell.pk])
