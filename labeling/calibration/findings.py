"""A calibration's figures in words: each measure as a question that somebody who is no statistician would ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labeling.models import Calibration
from labeling.stats.intervals import Interval
from labeling.stats.words import count, decimals_for, percent, plain

MEASURES = {
    "sensitivity": ("Sensitivity", "Of what people call {word}, how much does the classifier flag?"),
    "specificity": ("Specificity", "Of what people call not {word}, how much does it leave unflagged?"),
    "ppv": ("Positive predictive value", "When it flags a transcript, how often do people agree?"),
    "npv": ("Negative predictive value", "When it does not flag one, how often do people agree?"),
    "accuracy": ("Accuracy", "How often is it right, all in all? High by itself wherever almost nothing is {word}."),
    "balanced_accuracy": ("Balanced accuracy", "The mean of sensitivity and specificity; a coin reaches 50 %."),
    "f1": ("F1", "How well it both finds what is {word} and raises no false alarm."),
    "mcc": ("Matthews correlation", "How closely verdict and answer go together: 1 always, 0 by chance, −1 never."),
}
AGREEMENTS = {
    "percent": ("Percent agreement", "How often do two raters of one transcript say the same?"),
    "alpha": ("Krippendorff's alpha", "How far beyond chance, where chance is guessing at the shares seen here?"),
    "ac1": ("Gwet's AC1", "How far beyond chance, where only doubtful transcripts are guessed?"),
}
CORRELATIONS = {"mcc", "alpha", "ac1"}


@dataclass(frozen=True)
class Measure:
    """One figure: its name, its question, its value in words, and where it stands on a scale from 0 to 100."""

    key: str
    name: str
    question: str
    value: str
    between: str
    basis: str
    low: float | None = None
    point: float | None = None
    high: float | None = None

    @property
    def is_correlation(self) -> bool:
        """Its scale goes from −1 to 1 and is not drawn."""
        return self.key in CORRELATIONS


@dataclass(frozen=True)
class Square:
    """A cell of the confusion table: transcripts compared, and the share of the population they stand for."""

    key: str
    n: int
    share: str


@dataclass(frozen=True)
class Findings:
    squares: dict[str, Square]
    compared: int
    without_verdict: int
    without_resolution: int
    quality: list[Measure]
    agreement: list[Measure]
    why_they_differ: str
    panel: str

    @property
    def drawn(self) -> int:
        return self.compared + self.without_verdict + self.without_resolution


def findings(calibration: Calibration, word: str) -> Findings:
    figures = calibration.figures
    cells: Mapping[str, Mapping[str, float]] = figures["confusion"]["cells"]
    total = sum(cell["weight"] for cell in cells.values())
    squares = {
        key: Square(key, int(cell["n"]), percent(cell["weight"] / total) if total else "–")
        for key, cell in cells.items()
    }
    thirds = calibration.campaign.third_on_disagreement
    agreement = [measure(key, figures["agreement"][key], *AGREEMENTS[key]) for key in AGREEMENTS]
    return Findings(
        squares=squares,
        compared=sum(square.n for square in squares.values()),
        without_verdict=figures["confusion"]["without_verdict"],
        without_resolution=figures["confusion"]["without_resolution"],
        quality=[
            measure(key, figures["quality"][key], name, question.format(word=word))
            for key, (name, question) in MEASURES.items()
        ],
        agreement=agreement,
        why_they_differ=_why_they_differ(figures["agreement"]),
        panel=_panel(figures, 3 if thirds else calibration.campaign.raters_per_item, word),
    )


def measure(key: str, figure: Mapping[str, Any], name: str, question: str) -> Measure:
    """A figure as it is kept, in words."""
    value, limits = figure["value"], figure["limits"]
    if value is None:
        return Measure(key, name, question, figure["reason"] or "not defined", "", "")
    interval = Interval(limits["low"], limits["high"]) if limits else None
    basis = _basis(figure)
    if key in CORRELATIONS:
        between = f"between {_signed(interval.low)} and {_signed(interval.high)}" if interval else ""
        return Measure(key, name, question, _signed(value), between, basis)
    decimals = decimals_for(interval) if interval else 1
    return Measure(
        key,
        name,
        question,
        percent(value, decimals),
        f"between {percent(interval.low, decimals)} and {percent(interval.high, decimals)}" if interval else "",
        basis,
        low=100 * interval.low if interval else None,
        point=100 * value,
        high=100 * interval.high if interval else None,
    )


def _basis(figure: Mapping[str, Any]) -> str:
    if "n_items" in figure:
        return count(figure["n_items"], "transcript")
    n, effective = figure["n"], figure["n_effective"]
    worth = f", worth {plain(effective)}" if effective and abs(effective - n) >= 0.5 else ""
    return count(n, "transcript") + worth


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _why_they_differ(agreement: Mapping[str, Mapping[str, Any]]) -> str:
    values = {key: agreement[key]["value"] for key in AGREEMENTS}
    if values["percent"] is None:
        return "No transcript has the answers of two raters, so nothing can be said of their agreement."
    if values["alpha"] is None:
        return (
            "All raters gave the same answer everywhere: they agree, but alpha is not defined without variation. "
            "That is neither 0 nor 1."
        )
    if values["ac1"] is not None and values["ac1"] - values["alpha"] > 0.1:
        return (
            "Alpha is lower than AC1 because one answer is rare here: two raters who guess at such shares would "
            "agree most of the time, and alpha takes that off. Read the three together."
        )
    return "Alpha and AC1 say the same here: neither answer is rare enough for chance to matter."


def _panel(figures: Mapping[str, Any], raters: int, word: str) -> str:
    noise = figures["noise"]
    if noise is None:
        return f"The panel's own errors are not known: {figures['noise_reason'] or 'too few answers'}."
    return (
        f"Raters err as well. A panel of {raters} says “{word}” of about {percent(noise['alpha'])} of what is not, "
        f"and misses about {percent(noise['beta'])} of what is."
    )
