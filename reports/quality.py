"""Rows of how right the classifier is, and how far people agree: as the newest calibration found them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from labeling.calibration.findings import AGREEMENTS
from labeling.models import Calibration
from labeling.stats.intervals import Interval
from labeling.stats.tiers import Target, Tier
from labeling.stats.words import count, rate_with_limits

from .filters import Report
from .rows import Row, Scale, coefficient_in_words

MEASURES = {
    "sensitivity": "Sensitivity: of the harm that people find, flagged",
    "specificity": "Specificity: of the rest, not flagged",
}
EVERYTHING = "Everything"
# Whose answers are set against each other, and where a calibration keeps what was found.
BETWEEN = {"people": "Two people", "judge": "Classifier and one person"}


def quality(report: Report) -> list[Row]:
    """Sensitivity and specificity of all that the campaign speaks of, and by the chosen dimension."""
    whole = report.basis.calibration
    if whole is None:
        return []
    parts = Calibration.objects.filter(
        campaign=whole.campaign_id, figures__part_of=whole.pk, figures__factor=report.rows.name
    )
    named = [(EVERYTHING, whole), *sorted((str(part.figures["name"]), part) for part in parts)]
    return [
        _of(report, words, name, calibration, calibration.figures["quality"][key])
        for key, words in MEASURES.items()
        for name, calibration in named
    ]


def _of(report: Report, words: str, name: str, calibration: Calibration, measure: Mapping[str, Any]) -> Row:
    value, limits = measure["value"], measure["limits"]
    known = value is not None and limits is not None
    compared = sum(cell["n"] for cell in calibration.figures["confusion"]["cells"].values())
    filters = {"evaluation": report.basis.evaluation.pk, **calibration.scope}
    return Row(
        names=(words, name),
        tier=(Tier.HUMAN if known else Tier.NOTHING).value,
        words=rate_with_limits(value, Interval(**limits)) if known else "no data",
        reason=f"of {count(measure['n'], 'transcript')}" if known else str(measure["reason"]),
        target=Target.PANEL.value if known else "",
        value=value,
        low=limits["low"] if known else None,
        high=limits["high"] if known else None,
        n_transcripts=compared,
        n_labels=compared,
        n_raters=report.basis.calibration.figures["raters"] if report.basis.calibration else 0,
        colour=words,
        query=urlencode({**filters, "label": "labelled"}),
    )


def agreement(report: Report) -> list[Row]:
    """Between two people, and between the classifier and one person, on the same transcripts; and raters with
    themselves, where some were asked again."""
    whole = report.basis.calibration
    if whole is None or not whole.figures.get("ceiling"):
        return []
    found = whole.figures["ceiling"]
    sources = {words: found[key] for key, words in BETWEEN.items()} | {
        "A rater with themselves": whole.figures["repeat"]
    }
    return [
        _agreed(name, words, by[key], whole) for key, (name, _) in AGREEMENTS.items() for words, by in sources.items()
    ]


def _agreed(name: str, words: str, coefficient: Mapping[str, Any], whole: Calibration) -> Row:
    value, limits = coefficient["value"], coefficient.get("limits")
    between = Interval(**limits) if limits else None
    return Row(
        names=(name, words),
        tier=(Tier.HUMAN if value is not None else Tier.NOTHING).value,
        words="no data" if value is None else coefficient_in_words(value, between),
        reason=f"on {count(coefficient.get('n_items', 0), 'transcript')}"
        if value is not None
        else coefficient["reason"],
        value=value,
        low=between.low if between else None,
        high=between.high if between else None,
        scale=Scale.COEFFICIENT,
        n_transcripts=coefficient.get("n_items", 0),
        n_labels=coefficient.get("n_items", 0),
        n_raters=whole.figures["raters"],
        colour=words,
    )
