"""How far the passages that two raters marked are the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from labeling.stats.agreement import DRAWS, Coefficient, percentiles, redraws

# Place, start, end: characters [start, end) of a part of the transcript.
Span: TypeAlias = tuple[str, int, int]
NOBODY = "undefined: no transcript on which two raters marked something"


@dataclass(frozen=True, slots=True)
class Overlap:
    """Mean F1 of two raters' marked characters, over transcripts; and how often only one of two marked anything."""

    f1: Coefficient
    n_pairs: int
    n_one_sided: int
    # By rater: the mean over the pairs with anybody else, and how many these are.
    by_rater: dict[int, tuple[float, int]]


def character_f1(first: Iterable[Span], second: Iterable[Span]) -> float | None:
    """2 |A ∩ B| / (|A| + |B|) of the characters marked; nothing where neither marked any.

    Raters have no countable "unmarked passages" to agree on; without them the F1 of one against the other is the
    limit of kappa. Hripcsak & Rothschild (2005) J Am Med Inform Assoc 12:296.
    """
    a, b = _merged(first), _merged(second)
    both = _length(a) + _length(b)
    return 2 * _common(a, b) / both if both else None


def overlap(
    items: Sequence[Mapping[int, Sequence[Span]]], weights: Sequence[float], draws: int = DRAWS, seed: int = 1
) -> Overlap:
    """Over all pairs of raters of a transcript in which both marked something; the interval is from redrawing
    transcripts. `items[item][rater]` are that rater's spans, none where nothing was marked."""
    values: list[float] = []
    kept: list[float] = []
    by_rater: dict[int, list[float]] = defaultdict(list)
    one_sided = 0
    for marked, weight in zip(items, weights, strict=True):
        of_item = []
        for first, second in combinations(sorted(marked), 2):
            if marked[first] and marked[second]:
                f1 = character_f1(marked[first], marked[second]) or 0.0
                of_item.append(f1)
                by_rater[first].append(f1)
                by_rater[second].append(f1)
            else:
                one_sided += bool(marked[first]) != bool(marked[second])
        if of_item:
            values.append(sum(of_item) / len(of_item))
            kept.append(weight)
    means = {rater: (sum(found) / len(found), len(found)) for rater, found in by_rater.items()}
    return Overlap(_mean(values, kept, draws, seed), sum(n for _, n in means.values()) // 2, one_sided, means)


def _mean(values: Sequence[float], weights: Sequence[float], draws: int, seed: int) -> Coefficient:
    import numpy as np  # noqa: PLC0415 - slow import

    if not values:
        return Coefficient(None, NOBODY)
    f1, mass = np.array(values), np.array(weights)
    found = float((f1 * mass).sum() / mass.sum())
    drawn = [
        (times * mass) @ f1 / (times * mass).sum(axis=1)
        for times in redraws(np.ones(len(f1), dtype=np.int64), draws, seed)
    ]
    limits = percentiles(np.concatenate(drawn), 0.95) if drawn else None
    return Coefficient(found, limits=limits, n_items=len(f1))


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The same characters as spans in order, none touching another."""
    merged: list[Span] = []
    for place, start, end in sorted(spans):
        if merged and merged[-1][0] == place and start <= merged[-1][2]:
            merged[-1] = (place, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((place, start, end))
    return merged


def _length(spans: Iterable[Span]) -> int:
    return sum(end - start for _, start, end in spans)


def _common(first: Sequence[Span], second: Sequence[Span]) -> int:
    return sum(
        max(0, min(end, other_end) - max(start, other_start))
        for place, start, end in first
        for other_place, other_start, other_end in second
        if place == other_place
    )
