"""Which ranks a model may have: confidence sets for positions in a leaderboard.

Overlapping intervals are not a test. Each pair is tested with one critical value for all of them, and a rank
set counts who is certainly above and who is certainly below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankSet:
    """The rank of an estimate (1 is the largest; ties share the best rank) and the ranks it may have."""

    rank: int
    best: int
    worst: int


def rank_sets(
    estimates: Sequence[float],
    errors: Sequence[float],
    level: float = 0.95,
    simultaneous: bool = True,
    draws: int = 20_000,
    seed: int = 1,
) -> list[RankSet]:
    """Rank sets of independent estimates with these standard errors, largest first.

    All pairs are compared by a step-down maximum test with simulated critical values; the set of j is [1 +
    number significantly above, p − number significantly below]. Simultaneous sets hold for all together,
    marginal ones for one entry named beforehand. Mogstad, Romano, Shaikh & Wilhelm (2024) Rev Econ Stud
    91:476.
    """
    return list(_rank_sets(tuple(estimates), tuple(errors), level, simultaneous, draws, seed))


@lru_cache(maxsize=64)
def _rank_sets(
    estimates: tuple[float, ...], errors: tuple[float, ...], level: float, simultaneous: bool, draws: int, seed: int
) -> tuple[RankSet, ...]:
    """The same rates are asked for again and again, and have the same sets each time."""
    import numpy as np  # noqa: PLC0415 - slow import

    theta, se = np.asarray(estimates, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if theta.shape != se.shape or (se <= 0).any():
        raise ValueError("Every estimate needs a standard error above 0.")
    p = len(theta)
    noise = np.random.default_rng(seed).standard_normal((draws, p)) * se
    ranks = [1 + int((theta > value).sum()) for value in theta]
    if simultaneous:
        certain = _certain_pairs(theta, se, noise, ~np.eye(p, dtype=bool), level)
        sets = [certain] * p
    else:
        sets = [_certain_pairs(theta, se, noise, _pairs_of(j, p), level) for j in range(p)]
    return tuple(RankSet(ranks[j], 1 + int(sure[:, j].sum()), p - int(sure[j].sum())) for j, sure in enumerate(sets))


def _pairs_of(j: int, p: int) -> "NDArray[np.bool_]":
    import numpy as np  # noqa: PLC0415 - slow import

    pairs = np.zeros((p, p), dtype=bool)
    pairs[j, :] = pairs[:, j] = True
    pairs[j, j] = False
    return pairs


def _certain_pairs(
    theta: "Floats", se: "Floats", noise: "Floats", pairs: "NDArray[np.bool_]", level: float
) -> "NDArray[np.bool_]":
    """Matrix of (i, j) with i significantly above j, among the tested pairs."""
    import numpy as np  # noqa: PLC0415 - slow import

    # "i above j" and "j above i" are two hypotheses: rejecting one leaves the other open.
    first, second = np.nonzero(pairs)
    scale = np.sqrt(se[first] ** 2 + se[second] ** 2)
    statistic = (theta[first] - theta[second]) / scale
    is_open = np.ones(len(first), dtype=bool)
    while is_open.any():
        largest = np.full(len(noise), -np.inf)
        # One pair at a time: all pairs of all draws at once would not fit into memory.
        for i, j, s in zip(first[is_open], second[is_open], scale[is_open], strict=True):
            np.maximum(largest, (noise[:, i] - noise[:, j]) / s, out=largest)
        rejected = is_open & (statistic > np.quantile(largest, level))
        if not rejected.any():
            break
        is_open &= ~rejected
    above = np.zeros(pairs.shape, dtype=bool)
    above[first[~is_open], second[~is_open]] = True
    return above
