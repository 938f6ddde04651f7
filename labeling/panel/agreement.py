"""How far the raters of a campaign agree, per question and outcome, as its pages show it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Case, F, FloatField, Min, QuerySet, Value, When
from django.db.models.functions import Cast

from amdash import __version__
from labeling.models import Campaign, Resolution
from labeling.panel.ratings import Panel, Subject
from labeling.stats import agreement as of
from labeling.stats.contrast import signed, why_they_differ
from labeling.stats.pairs import Pairs, cohen_kappas
from labeling.stats.words import decimals_for, percent

# Figures of a set of labels are kept for a day; they are found again by its digest, so a new label makes new ones.
KEPT = 24 * 3600

NAMES = {
    "percent": ("Percent agreement", "How often do two raters of one transcript say the same?"),
    "kappa": ("Cohen's kappa", "Beyond chance, which is each rater's own habit? The mean over pairs of raters."),
    "fleiss": ("Fleiss' kappa", "Beyond chance, which is guessing at the shares of these answers?"),
    "alpha": ("Krippendorff's alpha", "The same for few ratings and for gaps: of transcripts with two answers only."),
    "gwet": ("Gwet's AC1", "Beyond chance, where only doubtful transcripts are guessed?"),
}
ORDERED = {
    "kappa": ("Weighted kappa", "As Cohen's kappa, and near answers agree in part. The mean over pairs of raters."),
    "fleiss": ("Fleiss' kappa", "Beyond chance, which is guessing at these answers' shares? It ignores the order."),
    "alpha": ("Ordinal alpha", "Krippendorff's alpha for ordered answers: near ones differ less."),
    "gwet": ("Gwet's AC2", "As AC1, and near answers agree in part."),
}


@dataclass(frozen=True)
class Figures:
    """All coefficients of one subject on one set of labels."""

    n_items: int
    n_paired: int
    n_ratings: int
    n_raters: int
    shares: list[tuple[str, float]]
    coefficients: dict[str, of.Coefficient]
    # Cohen's kappa of every two raters, by their places.
    pairs: Pairs

    @property
    def most(self) -> tuple[str, float] | None:
        """The most frequent answer and its share."""
        return max(self.shares, key=lambda share: share[1], default=None)


@dataclass(frozen=True)
class Line:
    """A coefficient in words, by default and with unsure as an answer of its own."""

    name: str
    question: str
    value: str
    between: str
    unsure_value: str = ""
    unsure_between: str = ""


@dataclass(frozen=True)
class Report:
    """What a page says of one subject."""

    subject: Subject
    figures: Figures
    with_unsure: Figures | None
    n_unsure: int
    lines: list[Line]
    why: str

    @property
    def prevalence(self) -> str:
        """The answer that says most: how often yes, or the most frequent one."""
        if not self.figures.shares:
            return "–"
        name, share = self.figures.shares[1] if self.subject.is_yes_or_no else self.figures.most or ("", 0.0)
        return f"{name} {percent(share)}"


def report(found: Panel) -> Report:
    subject = found.subject
    plain = figures(found)
    unsure = figures(found, with_unsure=True) if found.n_unsure else None
    names = NAMES | (ORDERED if subject.is_ordered else {})
    lines = [
        Line(
            name,
            question,
            *coefficient_words(key, plain.coefficients[key]),
            *(coefficient_words(key, unsure.coefficients[key]) if unsure else ("", "")),
        )
        for key, (name, question) in names.items()
    ]
    by_key = plain.coefficients
    three = by_key["percent"], by_key["alpha"], by_key["gwet"]
    why = why_they_differ(*three, plain.most, plain.n_raters, ordered=subject.is_ordered)
    return Report(subject, plain, unsure, found.n_unsure, lines, why)


def figures(found: Panel, *, with_unsure: bool = False) -> Figures:
    """Computed once for each set of labels: 2,000 redraws of 10,000 transcripts take a second or two."""
    ratings = found.ratings(with_unsure=with_unsure)
    # Among unordered answers "unsure" has a place; on a scale it has none.
    ordered = found.subject.is_ordered and not with_unsure
    key = _digest(ratings, ordered)
    known: Figures | None = cache.get(key)
    if known is None:
        known = _figures(ratings, ordered)
        cache.set(key, known, KEPT)
    return known


def _digest(ratings: of.Ratings, ordered: bool) -> str:
    digest = hashlib.sha256(repr((__version__, ordered, tuple(ratings.categories))).encode())
    for column in (ratings.item, ratings.rater, ratings.category, ratings.weights):
        digest.update(column.tobytes() + b"|")
    return f"agreement-{digest.hexdigest()}"


def _figures(ratings: of.Ratings, ordered: bool) -> Figures:
    import numpy as np  # noqa: PLC0415 - slow import

    statistics: dict[str, of.Statistic] = {
        "percent": of.percent_agreement,
        "fleiss": of.paired_fleiss_kappa,
        "alpha": of.ordinal_alpha if ordered else of.krippendorff_alpha,
        "gwet": of.gwet_ac2 if ordered else of.gwet_ac1,
    }
    pairs = cohen_kappas(ratings, 1 - of.ordinal_weights(len(ratings.categories)) if ordered else None)
    return Figures(
        n_items=ratings.n_rated,
        n_paired=ratings.n_paired,
        n_ratings=len(ratings.item),
        n_raters=len(np.unique(ratings.rater)),
        shares=[(str(name), share) for name, share in zip(ratings.categories, ratings.prevalence, strict=False)],
        coefficients=of.coefficients(statistics, ratings) | {"kappa": pairs.mean},
        pairs=pairs,
    )


def coefficient_words(key: str, found: of.Coefficient) -> tuple[str, str]:
    """The value, or why there is none, and between what it lies."""
    if found.value is None:
        return found.reason, ""
    limits = found.limits
    if limits is None or limits.width == 0:
        between = "" if limits is None else "no interval: nothing varied"
        return percent(found.value) if key == "percent" else signed(found.value), between
    if key != "percent":
        return signed(found.value), f"{signed(limits.low)} to {signed(limits.high)}"
    decimals = decimals_for(limits)
    return percent(found.value, decimals), f"{percent(limits.low, decimals)} to {percent(limits.high, decimals)}"


@dataclass(frozen=True)
class Disagreement:
    """An item on which raters differ: how often two of them say the same, and what they said."""

    item: int
    transcript: int
    agreed: float
    said: str

    @property
    def agreed_words(self) -> str:
        return percent(self.agreed, 0)


def disagreements(found: Panel) -> list[Disagreement]:
    """The items on which raters differ, lowest agreement first."""
    words = found.subject.answers + found.subject.unsure
    known = len(found.subject.answers)
    rows = [
        Disagreement(
            item.pk, item.transcript, agreed, ", ".join(f"{n} × “{words[a]}”" for a, n in sorted(said.items()))
        )
        for item, said in found.by_item()
        if (agreed := _agreed(said, known)) is not None and agreed < 1
    ]
    return sorted(rows, key=lambda row: (row.agreed, row.item))


def _agreed(said: Counter[int], known: int) -> float | None:
    counts = [n for answer, n in said.items() if answer < known]
    n = sum(counts)
    return sum(count * (count - 1) for count in counts) / (n * (n - 1)) if n > 1 else None


def disputed(campaign: Campaign) -> QuerySet[Any, Any]:
    """Items with all of their answers on which raters differ about an outcome, lowest agreement first."""
    n = F("positive") + F("negative")
    alike = Value(1.0) - Cast(2 * F("positive") * F("negative"), FloatField()) / Cast(n * (n - 1), FloatField())
    agreed = Case(When(positive__gt=0, negative__gt=0, then=alike), default=Value(1.0))
    rows = Resolution.objects.filter(item__campaign=campaign, superseded_at__isnull=True).order_by()
    by_item = rows.values("item", "item__transcript").annotate(agreed=Min(agreed))
    return by_item.filter(agreed__lt=1).order_by("agreed", "item")


def disputed_rows(rows: Sequence[Mapping[str, Any]]) -> list[Disagreement]:
    """These items of `disputed`, with what was said on each outcome that raters differ about."""
    pks: list[int] = [row["item"] for row in rows]
    said: dict[int, list[str]] = {pk: [] for pk in pks}
    found = Resolution.objects.filter(item__in=pks, superseded_at__isnull=True, positive__gt=0, negative__gt=0)
    for row in found.select_related("outcome").order_by("outcome__ordinal"):
        settled = " (settled)" if row.method == Resolution.Method.ADJUDICATED else ""
        unsure = f", {row.missing} unsure" if row.missing else ""
        said[row.item_id].append(f"{row.outcome.name}: {row.positive} yes, {row.negative} no{unsure}{settled}")
    return [
        Disagreement(pk, row["item__transcript"], row["agreed"], "; ".join(said[pk]))
        for pk, row in zip(pks, rows, strict=True)
    ]
