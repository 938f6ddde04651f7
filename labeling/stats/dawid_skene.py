"""Raters' error rates without a gold standard, and the error of a panel's majority made out of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf
from typing import TYPE_CHECKING

from labeling.stats.noise import NoiseMap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

MIN_TRIPLE_LABELLED = 100


@dataclass(frozen=True, slots=True)
class Consensus:
    """Class shares, each item's class posteriors, each rater's confusion (rows: truth, columns: answer)."""

    shares: tuple[float, ...]
    posteriors: tuple[tuple[float, ...], ...]
    confusions: tuple[tuple[tuple[float, ...], ...], ...]
    iterations: int


@dataclass(frozen=True, slots=True)
class RaterNoise:
    """The error rates of a panel's majority; nothing, and the reason, where they cannot be told."""

    noise: NoiseMap | None
    reason: str
    n_items: int


def dawid_skene(
    counts: Sequence[Sequence[Sequence[int]]],
    pseudo: float = 0.0,
    tolerance: float = 1e-10,
    limit: int = 5000,
) -> Consensus:
    """Maximum likelihood by EM from each item's share of votes. Dawid & Skene (1979) Appl Stat 28:20.

    `counts[item][rater][class]` says how often a rater gave an item this class. `pseudo` counts are added to
    every row of every confusion, spread as in all raters' answers together, so that a rater who never erred
    is not taken for infallible.
    """
    import numpy as np  # noqa: PLC0415 - slow import

    votes = np.asarray(counts, dtype=np.int64)
    if votes.ndim != 3 or not votes.sum(axis=(1, 2)).all():
        raise ValueError("Every item needs at least one rating.")
    places = np.repeat(np.argwhere(votes), votes[votes > 0], axis=0)
    item, rater, category = places.T
    return fitted(item, rater, category, votes.shape[2], pseudo, tolerance, limit)


def fitted(
    item: "Whole",
    rater: "Whole",
    category: "Whole",
    q: int,
    pseudo: float = 0.0,
    tolerance: float = 1e-6,
    limit: int = 500,
) -> Consensus:
    """The same from one entry per rating, as fast for a thousand raters. Items without a rating have no posterior
    of their own: they are left out."""
    import numpy as np  # noqa: PLC0415 - slow import

    item = np.unique(item, return_inverse=True)[1]
    n, raters = int(item.max()) + 1, int(rater.max()) + 1
    posteriors = np.bincount(item * q + category, minlength=n * q).reshape(n, q).astype(np.float64)
    posteriors /= posteriors.sum(axis=1, keepdims=True)
    cell, iteration, change = rater * q + category, 0, inf
    while iteration < limit and change >= tolerance:
        iteration += 1
        shares = posteriors.mean(axis=0)
        votes = [np.bincount(cell, posteriors[item, truth], raters * q).reshape(raters, q) for truth in range(q)]
        tables = np.stack(votes, axis=1).astype(np.float64)
        if pseudo:
            tables = tables + _pseudo_counts(tables, pseudo, raters_on=0)
        confusions = _rows_as_shares(tables)
        # A probability of exactly 0 is as good as 1e-300, and its logarithm is finite.
        logs = np.log(np.maximum(confusions, 1e-300))[rater, :, category]
        scores = np.stack([np.bincount(item, logs[:, truth], n) for truth in range(q)], axis=1)
        updated = _posteriors(scores + np.log(np.maximum(shares, 1e-300)))
        change = float(np.abs(updated - posteriors).max())
        posteriors = updated
    return Consensus(
        shares=tuple(shares.tolist()),
        posteriors=tuple(tuple(row) for row in posteriors.tolist()),
        confusions=tuple(tuple(tuple(row) for row in one) for one in confusions.tolist()),
        iterations=iteration,
    )


def _pseudo_counts(tables: "Floats", pseudo: float, raters_on: int) -> "Floats":
    """As the raters together spread their answers, with one answer for all of them spread evenly."""
    pooled: Floats = tables.sum(axis=raters_on, keepdims=True) + 1 / tables.shape[-1]
    counts: Floats = pseudo * pooled / pooled.sum(axis=-1, keepdims=True)
    return counts


def _rows_as_shares(tables: "Floats") -> "Floats":
    import numpy as np  # noqa: PLC0415 - slow import

    rows = tables.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(tables, rows, out=np.full_like(tables, 1 / tables.shape[-1]), where=rows > 0)
    return shares


def _posteriors(scores: "Floats") -> "Floats":
    import numpy as np  # noqa: PLC0415 - slow import

    odds: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Floats = odds / odds.sum(axis=-1, keepdims=True)
    return shares


def _em(
    votes: "Floats", times: "Floats", start: "Floats", pseudo: float, tolerance: float, limit: int
) -> tuple["Floats", "Floats", "Floats", int]:
    """Many fits at once: `times[fit, item]` is how often a fit sees an item, `start[fit, item, class]` where
    it starts.
    """
    import numpy as np  # noqa: PLC0415 - slow import

    fits, classes = len(times), votes.shape[2]
    flat = votes.reshape(len(votes), -1)
    posteriors = np.broadcast_to(start, (fits, *start.shape[1:]))
    iteration, change = 0, inf
    while iteration < limit and change >= tolerance:
        iteration += 1
        mass = posteriors * times[:, :, None]
        shares = mass.sum(axis=1) / times.sum(axis=1)[:, None]
        tables = (mass.transpose(0, 2, 1) @ flat).reshape(fits, classes, *votes.shape[1:])
        if pseudo:
            tables = tables + _pseudo_counts(tables, pseudo, raters_on=2)
        confusions = _rows_as_shares(tables)
        logs = np.log(np.maximum(confusions, 1e-300)).reshape(fits, classes, -1)
        updated = _posteriors(flat @ logs.transpose(0, 2, 1) + np.log(np.maximum(shares, 1e-300))[:, None, :])
        change = float(np.abs(updated - posteriors).max())
        posteriors = updated
    return shares, posteriors, confusions.transpose(0, 2, 1, 3), iteration


def panel_error(rates: Sequence[float], k: int = 3, work: Sequence[float] = ()) -> float | None:
    """Probability that the majority of k raters errs, each at its own rate and independently of the others.

    The mean over all panels of k different raters, a panel weighing as the product of its raters' work. An
    even panel that is split gives no answer and counts on neither side. Nothing with fewer than k raters.
    """
    if len(rates) < k or k < 1:
        return None
    # sums[size][wrong]: weight of all panels of this size with this many wrong answers.
    sums = [[0.0] * (k + 1) for _ in range(k + 1)]
    sums[0][0] = 1.0
    for rate, weight in zip(rates, work or [1.0] * len(rates), strict=True):
        for size in range(k, 0, -1):
            for wrong in range(size, -1, -1):
                right_now = sums[size - 1][wrong] * (1 - rate)
                wrong_now = sums[size - 1][wrong - 1] * rate if wrong else 0.0
                sums[size][wrong] += weight * (right_now + wrong_now)
    decided = fsum(sums[k][wrong] for wrong in range(k + 1) if 2 * wrong != k)
    return fsum(sums[k][wrong] for wrong in range(k + 1) if 2 * wrong > k) / decided if decided else None


def panel_noise(
    answers: Sequence[Sequence[bool | None]],
    k: int = 3,
    pseudo: float = 1.0,
    refits: int = 200,
    seed: int = 1,
) -> RaterNoise:
    """α and β of the majority of k raters, with variances from refitting on redrawn items.

    `answers[item][rater]`; only items with at least three answers are used, and at least 100 of them are
    needed. The delta method gives variances that are too small, hence the bootstrap.
    """
    triple = Counter(tuple(item) for item in answers if sum(answer is not None for answer in item) >= 3)
    n = sum(triple.values())
    if n < MIN_TRIPLE_LABELLED:
        return RaterNoise(None, f"{n} transcripts with three raters, {MIN_TRIPLE_LABELLED} needed", n)
    import numpy as np  # noqa: PLC0415 - slow import

    pairs = [[[answer is False, answer is True] for answer in item] for item in triple]
    votes = np.array(pairs, dtype=np.float64)
    times = np.array([list(triple.values())], dtype=np.float64)
    start = (votes.sum(axis=1) / votes.sum(axis=(1, 2))[:, None])[None]
    _, posteriors, confusions, _ = _em(votes, times, start, pseudo, 1e-8, 2000)
    drawn = np.random.default_rng(seed).multinomial(n, times[0] / n, size=refits).astype(np.float64)
    # Refits start where the fit ended, so that the classes keep their meaning.
    _, _, again, _ = _em(votes, drawn, posteriors, pseudo, 1e-6, 500)
    # A rater seen a few times has hardly left the prior, and sits on few panels.
    given = votes.sum(axis=2).T @ times[0]
    work = (given / given.max()).tolist()
    alpha, beta = _majority_errors(confusions[0].tolist(), k, work)
    if alpha is None or beta is None:
        return RaterNoise(None, f"{len(work)} raters, a panel has {k}", n)
    if alpha + beta >= 1:
        return RaterNoise(None, "the raters agree no better than chance", n)
    refitted = np.array([_majority_errors(fit.tolist(), k, work) for fit in again], dtype=np.float64)
    variances = refitted.var(axis=0, ddof=1)
    return RaterNoise(NoiseMap(alpha, beta, float(variances[0]), float(variances[1])), "", n)


def _majority_errors(
    confusions: Sequence[Sequence[Sequence[float]]], k: int, work: Sequence[float]
) -> tuple[float | None, float | None]:
    false_positive = panel_error([rows[0][1] for rows in confusions], k, work)
    false_negative = panel_error([rows[1][0] for rows in confusions], k, work)
    return false_positive, false_negative
