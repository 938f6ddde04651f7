"""Rows of how a model's rate differs from evaluation to evaluation, over the conditions that all of them have."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from labeling.calibration.basis import Basis
from labeling.calibration.estimates import Estimates
from transcripts.models import Cell, Evaluation

from .dimensions import DIMENSIONS
from .filters import Report
from .rows import Row, Surroundings

MODEL = DIMENSIONS["model"]
# The newest; a page that looked at every evaluation there ever was would be slow.
MOST_EVALUATIONS = 12


def course(report: Report) -> list[Row]:
    """A row for each model and evaluation, oldest first, of models that are in two evaluations at least."""
    wanted = report.chosen.outcome or report.basis.outcome
    classifier = report.basis.version.classifier.slug if report.basis.version else ""
    cells_of_any = Cell.objects.filter(replace(report.chosen, evaluation=[]).cells())
    # What is made up is never set beside what is not.
    alike = Evaluation.objects.filter(synthetic=report.basis.evaluation.synthetic)
    newest = alike.filter(cells__in=cells_of_any).distinct()
    found: dict[Evaluation, Estimates] = {}
    for evaluation in sorted(newest.order_by("-pk")[:MOST_EVALUATIONS], key=lambda one: one.pk):
        basis = Basis.of(evaluation, wanted, classifier)
        found[evaluation] = Estimates(basis, cells_of_any.filter(evaluation=evaluation))
    by_model: defaultdict[tuple[str, ...], dict[Evaluation, dict[int, Cell]]] = defaultdict(dict)
    for evaluation, estimates in found.items():
        for pk in estimates.shown:
            counts = estimates.counts[pk]
            if counts.judgeable:
                cells_of = by_model[MODEL.order(counts.cell)].setdefault(evaluation, {})
                cells_of[counts.cell.condition_id] = counts.cell
    rows = []
    for _, in_each in sorted(by_model.items()):
        common = set.intersection(*(set(cells) for cells in in_each.values()))
        if len(in_each) < 2 or not common:
            continue
        for evaluation, cells in in_each.items():
            rows.append(_row(report, evaluation, found[evaluation], [cells[pk] for pk in sorted(common)]))
    return rows


def _row(report: Report, evaluation: Evaluation, estimates: Estimates, cells: list[Cell]) -> Row:
    group = estimates.of(cells, equal_cells=True)
    name = f"{evaluation} ({evaluation.created_at:%Y-%m-%d})"
    query = report.transcripts_of(cells[0], MODEL, conditions=[cell.condition_id for cell in cells])
    surroundings = Surroundings(estimates.basis, estimates)
    row = surroundings.row(group, (MODEL.words(cells[0]), name), colour=str(evaluation), query=query)
    rests_on = f"{estimates.basis.version or 'no classifier'}; {estimates.basis.campaign or 'no campaign'}"
    return replace(row, remarks=(*row.remarks, rests_on))
