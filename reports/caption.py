"""What a figure means, in sentences that travel with it: to the page, the download and the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from labeling.calibration.basis import Basis
from labeling.stats.tiers import Target
from labeling.stats.words import count

from .published import SOURCE
from .rows import Row

EQUAL_CELLS = "Every condition counts equally, however many samples it has."
EQUAL_TRANSCRIPTS = "Within a line every transcript counts once."


def outcome_name(basis: Basis) -> str:
    return basis.label_outcome.name if basis.label_outcome else basis.outcome


def sentences(
    basis: Basis, rows: Sequence[Row], weighting: str, at: datetime, *, labels: int, target: str = ""
) -> list[str]:
    """`target` says what is estimated where it is no rate of the outcome; `labels` how many transcripts have an
    agreed answer."""
    return [
        target or _target(basis, rows),
        "A rate speaks of these prompts and conditions, not of what a model does elsewhere. "
        f"{weighting} Failed calls are counted beside it, not in it.",
        _classifier(basis),
        _labels(basis, labels),
        *_published(rows),
        f"Evaluation: {basis.evaluation}. As of {at:%-d %B %Y, %H:%M} UTC. Intervals are 95 %.",
    ]


def _target(basis: Basis, rows: Sequence[Row]) -> str:
    targets = {row.target for row in rows}
    outcome = outcome_name(basis)
    panel = f"Estimated is the share of transcripts that a panel of raters would call positive for “{outcome}”."
    raw = "Raw rates are what the classifier says, unchecked by people."
    said = [panel] if targets & {Target.PANEL, Target.LATENT} else []
    said += [raw] if Target.JUDGE in targets else []
    return " ".join(said) or f"There is no rate for “{outcome}” yet."


def _published(rows: Sequence[Row]) -> list[str]:
    n = sum(row.published is not None for row in rows)
    if not n:
        return []
    lines = "One line has" if n == 1 else f"{n} lines have"
    return [
        f"{lines} a rate as published beside it ({SOURCE}): somebody else's transcripts, judged by a classifier that "
        "nobody validated. It is in none of our figures."
    ]


def _classifier(basis: Basis) -> str:
    if basis.version is None:
        return "No classifier has judged this evaluation."
    known = "whose raters' own error rates are known" if basis.noise else "raters' own error rates not known"
    calibrated = (
        f"last calibrated {basis.calibration.created_at:%-d %B %Y}, {known}"
        if basis.calibration
        else "not calibrated yet"
    )
    return f"Classifier: {basis.version}, {calibrated}."


def _labels(basis: Basis, n: int) -> str:
    if basis.campaign is None:
        return "No campaign has drawn a sample of this evaluation, so there are no labels behind these rates."
    labels = count(n, "transcript")
    codebook = basis.campaign.codebook_version
    return f"Labels: {labels} with an agreed answer, from the campaign “{basis.campaign}”, codebook {codebook}."
