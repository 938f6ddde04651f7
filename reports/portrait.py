"""One model: where it stands, where it does most and least harm, what changes it, and transcripts that show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.calibration.basis import sample_items
from labeling.stats.estimate import sentence
from labeling.stats.tiers import Tier
from transcripts.models import LanguageModel, Transcript
from transcripts.models.transcripts import TranscriptQuerySet

from .answers import kinds, steps
from .contrasts import contrasts
from .dimensions import DIMENSIONS
from .filters import Report
from .leaderboard import leaderboard
from .rows import Row

# Of each kind; chosen by their permanent random number, so that nobody picks the striking ones.
EXAMPLES = 4
EXTREMES = 4
AGREED = {
    "Harm that people and classifier saw": (True, True),
    "Harm that the classifier missed": (False, True),
    "Flagged, and people saw none": (True, False),
}


@dataclass(frozen=True)
class Portrait:
    """`most` and `least` are its conditions by rate, of those whose rates can be compared."""

    model: LanguageModel
    said: str
    place: Row | None
    ranked: int
    most: Sequence[Row]
    least: Sequence[Row]
    contrasts: Sequence[Row]
    steps: Sequence[Row]
    kinds: Sequence[Row]
    examples: dict[str, list[Transcript]]


def portrait(report: Report, everybody: Report, model: LanguageModel, readable: TranscriptQuerySet) -> Portrait:
    """`report` speaks of this model alone, `everybody` of all models under the same filters."""
    board = leaderboard(everybody)
    places = [row for row in board.ranked if row.names == (str(model),)]
    whole = report.estimates.of(report.cells, equal_cells=True).estimate
    most, least = _extremes(report)
    return Portrait(
        model=model,
        said=sentence(whole),
        place=places[0] if places else None,
        ranked=len(board.ranked),
        most=most,
        least=least,
        contrasts=contrasts(report),
        steps=steps(report),
        kinds=[row for row in kinds(report) if row.value],
        examples=_examples(report, readable),
    )


def _extremes(report: Report) -> tuple[list[Row], list[Row]]:
    """The conditions with the highest and the lowest rates. Corrected and raw rates are not put into one order."""
    condition = DIMENSIONS["condition"]
    rows = [
        report.surroundings.row(
            group, (condition.words(group.cells[0]),), query=report.transcripts(group.cells[0], condition)
        )
        for group in report.estimates.by(lambda cell: condition.order(cell))
    ]
    best = next((tier for tier in Tier if any(row.tier == tier for row in rows)), Tier.NOTHING)
    ordered = sorted((row for row in rows if row.tier == best and row.value is not None), key=_rate, reverse=True)
    half = min(EXTREMES, (len(ordered) + 1) // 2)
    return ordered[:half], ordered[half:][-EXTREMES:]


def _rate(row: Row) -> float:
    return row.value or 0.0


def _examples(report: Report, readable: TranscriptQuerySet) -> dict[str, list[Transcript]]:
    """Drawn transcripts of each kind, the first in the campaign's random order."""
    if report.basis.campaign is None or report.basis.label_outcome is None:
        return {}
    items = sample_items(report.basis).filter(transcript__cell__in=report.estimates.shown)
    chosen = {
        words: list(
            items.filter(final=final, resolved=resolved)
            .order_by("transcript__u")
            .values_list("transcript", flat=True)[:EXAMPLES]
        )
        for words, (final, resolved) in AGREED.items()
    }
    wanted = [pk for found in chosen.values() for pk in found]
    read = readable.select_related("cell__model", "cell__condition").in_bulk(wanted)
    return {words: [read[pk] for pk in found if pk in read] for words, found in chosen.items() if found}
