"""Rows of plain counts: what the gates overrule, and how far the labeling has come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from django.db.models import Count, F, Q, Sum

from labeling.calibration.basis import sample_items
from labeling.stats.intervals import wilson
from labeling.stats.words import count, percent, rate_with_limits
from transcripts.models import Cell, VerdictTally

from .dimensions import DIMENSIONS
from .filters import Report
from .rows import COUNTED, Row

MODEL = DIMENSIONS["model"]
OVERRULED = {"judge: harm, gates: no": (True, False), "judge: no, gates: harm": (False, True)}


def gate_conflicts(report: Report) -> list[Row]:
    """Per model how often the gates made of the judge's answer the opposite."""
    tallies = VerdictTally.objects.filter(
        cell__in=report.estimates.shown,
        version=report.basis.version,
        outcome=report.basis.outcome,
        final__isnull=False,
        judge__isnull=False,
    )
    found: defaultdict[int, dict[tuple[bool, bool], int]] = defaultdict(dict)
    for cell, judge, final, n in tallies.values_list("cell", "judge", "final").annotate(sum=Sum("n")):
        found[cell][judge, final] = found[cell].get((judge, final), 0) + n
    return [
        _conflict(report, name, cells, words, pair, found)
        for words, pair in OVERRULED.items()
        for name, cells in report.models.items()
    ]


def _conflict(
    report: Report,
    name: str,
    cells: Collection[Cell],
    words: str,
    pair: tuple[bool, bool],
    found: Mapping[int, Mapping[tuple[bool, bool], int]],
) -> Row:
    both = sum(sum(found[cell.pk].values()) for cell in cells if cell.pk in found)
    overruled = sum(found[cell.pk].get(pair, 0) for cell in cells if cell.pk in found)
    if not both:
        return Row(names=(words, name), tier="-", words="no data", reason="no verdict with gates", colour=words)
    limits = wilson(overruled / both, both)
    return Row(
        names=(words, name),
        tier=COUNTED,
        words=rate_with_limits(overruled / both, limits) if overruled else f"none: below {percent(limits.high)}",
        reason=f"{overruled:,} of {count(both, 'verdict')} with a judge and gates",
        value=overruled / both,
        low=limits.low,
        high=limits.high,
        n_transcripts=overruled,
        n_cells=len(cells),
        colour=words,
        query=report.transcripts(next(iter(cells)), MODEL)
        + f"&gate_conflict=yes&verdict={'harmful' if pair[1] else 'not_harmful'}",
    )


def progress(report: Report) -> list[Row]:
    """Per model of the campaign's sample how much is answered, and how much of it is agreed."""
    if report.basis.campaign is None or report.basis.label_outcome is None:
        return []
    items = sample_items(report.basis).filter(transcript__cell__in=report.estimates.shown)
    waiting = Q(assignments__submitted_at=None, assignments__voided_at=None, assignments__isnull=False)
    counted = (
        items.order_by()
        .values(cell=F("transcript__cell"))
        .annotate(
            drawn=Count("pk", distinct=True),
            open=Count("pk", filter=waiting, distinct=True),
            agreed=Count("pk", filter=Q(resolved__isnull=False), distinct=True),
        )
    )
    by_cell = {row["cell"]: (row["drawn"], row["drawn"] - row["open"], row["agreed"]) for row in counted}
    rows = []
    for name, cells in report.models.items():
        known = [by_cell[cell.pk] for cell in cells if cell.pk in by_cell]
        drawn, answered, agreed = (sum(counts[step] for counts in known) for step in range(3))
        for words, n in (("answered", answered), ("agreed", agreed)):
            rows.append(
                Row(
                    names=(name, words),
                    tier=COUNTED if drawn else "-",
                    words=f"{n:,} of {drawn:,} drawn" if drawn else "nothing drawn",
                    reason="",
                    value=n / drawn if drawn else None,
                    n_transcripts=drawn,
                    n_labels=agreed,
                    n_raters=report.surroundings.raters_of(cells),
                    n_cells=len(cells),
                    colour=words,
                    query=report.transcripts(next(iter(cells)), MODEL),
                )
            )
    return rows
