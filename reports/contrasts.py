"""What one factor changes: a model's rates with and without it, over conditions that are otherwise the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from labeling.calibration.estimates import GroupEstimate
from labeling.stats.difference import difference
from labeling.stats.intervals import Interval, mover_difference, wilson
from labeling.stats.multiple import benjamini_hochberg
from labeling.stats.tiers import Tier
from labeling.stats.words import count
from transcripts.comparing.counterfactuals import FACTORS, flips
from transcripts.models import Cell, Condition

from .dimensions import DIMENSIONS
from .filters import Report
from .rows import Row, Scale, difference_in_words, raw_rate

MODEL = DIMENSIONS["model"]
# The false discovery rate inside the shown table at which a difference has its asterisk.
Q = 0.05


@dataclass(frozen=True)
class Pairing:
    """The cells of one model that have a factor at one value, and those beside them that are plain in it."""

    factor: str
    value: str
    with_it: tuple[Cell, ...]
    without: tuple[Cell, ...]


def contrasts(report: Report) -> list[Row]:
    """A row for each factor, value and model; adjusted together, since they are read together."""
    cells = [cell for cell in report.cells if report.estimates.counts[cell.pk].judgeable]
    found = sorted(pairings(cells), key=lambda one: (list(FACTORS).index(one.factor), one.value, _model(one)))
    rows = [_row(report, pairing) for pairing in found]
    tested = [index for index, row in enumerate(rows) if row.p is not None]
    adjusted = benjamini_hochberg([rows[index].p or 0.0 for index in tested])
    for index, p in zip(tested, adjusted, strict=True):
        rows[index] = _starred(rows[index], p, len(tested))
    return rows


def pairings(cells: Iterable[Cell]) -> Iterator[Pairing]:
    """Every factor at every value that some cells of a model have and others, alike in all else, do not."""
    models: defaultdict[int, list[Cell]] = defaultdict(list)
    for cell in cells:
        models[cell.model_id].append(cell)
    for members in models.values():
        for factor, fields in FACTORS.items():
            plain = {_rest(cell.condition, fields): cell for cell in members if _is_plain(cell.condition, fields)}
            beside: defaultdict[str, dict[Cell, Cell]] = defaultdict(dict)
            for cell in members:
                partner = plain.get(_rest(cell.condition, fields))
                if partner and partner is not cell:
                    (flip,) = flips(partner.condition, cell.condition)
                    beside[flip.there][cell] = partner
            for value, pairs in beside.items():
                yield Pairing(factor, value, tuple(pairs), tuple(dict.fromkeys(pairs.values())))


def _rest(condition: Condition, without: tuple[str, ...]) -> tuple[object, ...]:
    """All of a condition but these fields."""
    named = [getattr(condition, field) for fields in FACTORS.values() for field in fields if field not in without]
    return (condition.scenario, *named, *sorted((name, str(value)) for name, value in condition.free.items()))


def _is_plain(condition: Condition, fields: tuple[str, ...]) -> bool:
    return all(getattr(condition, field) in ("none", False) for field in fields)


def _model(pairing: Pairing) -> tuple[str, ...]:
    return MODEL.order(pairing.with_it[0])


def _row(report: Report, pairing: Pairing) -> Row:
    """The difference of the corrected rates; where one is not corrected, of what the classifier says."""
    one = report.estimates.of(pairing.with_it, equal_cells=True)
    other = report.estimates.of(pairing.without, equal_cells=True)
    cell = pairing.with_it[0]
    both = [report.surroundings.row(group, ()) for group in (one, other)]
    known = difference(one.group, other.group)
    raw = _raw_difference(one, other)
    remarks = [f"with it {both[0].words}, without {both[1].words}", f"over {count(len(one.cells), 'condition')}"]
    row = Row(
        names=(f"{pairing.factor}: {pairing.value}", MODEL.words(cell)),
        tier=Tier.NOTHING.value,
        words="no data",
        reason="",
        remarks=tuple(remarks),
        scale=Scale.DIFFERENCE,
        raw=raw[0] if raw else None,
        n_transcripts=sum(row.n_transcripts for row in both),
        n_labels=sum(row.n_labels for row in both),
        n_raters=report.surroundings.raters_of([*one.cells, *other.cells]),
        n_failed=sum(row.n_failed for row in both),
        n_missing=sum(row.n_missing for row in both),
        n_cells=sum(row.n_cells for row in both),
        colour=pairing.factor,
        query=report.transcripts_of(cell, MODEL, conditions=[cell.condition_id for cell in (*one.cells, *other.cells)]),
    )
    if known:
        return _with(row, Tier.CORRECTED, known.value, known.limits, target=both[0].target, p=known.p_value)
    why = next((line.reason for line in both if line.tier != Tier.CORRECTED), "")
    row = replace(row, reason=f"not compared as corrected rates: {why}" if why else "")
    return _with(row, Tier.RAW, *raw, target="judge") if raw else row


def _with(row: Row, tier: Tier, value: float, limits: Interval, *, target: str, p: float | None = None) -> Row:
    words = difference_in_words(value, limits)
    return replace(row, tier=tier.value, value=value, low=limits.low, high=limits.high, words=words, target=target, p=p)


def _raw_difference(one: GroupEstimate, other: GroupEstimate) -> tuple[float, Interval] | None:
    sides = []
    for group in (one, other):
        rate = raw_rate(group.estimate)
        if rate is None:
            return None
        judged = (group.group.flagged, group.group.unflagged)
        n = sum(part.mass for part in judged) ** 2 / sum(part.mass_squares for part in judged)
        sides.append((rate, wilson(rate, n)))
    (first, of_first), (second, of_second) = sides
    return first - second, mover_difference(first, of_first, second, of_second)


def _starred(row: Row, p: float, family: int) -> Row:
    said = "p < .0001" if p < 0.0001 else f"p = {p:.4f}".replace("0.", ".", 1)
    remark = f"{said}, adjusted for the {count(family, 'comparison')} shown (Benjamini–Hochberg)"
    return replace(row, p=p, words=f"{row.words} *" if p <= Q else row.words, remarks=(*row.remarks, remark))
