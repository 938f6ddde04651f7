"""Whether groups may be pooled: is a proportion (sensitivity, specificity) the same in all of them?

One correction for all groups is right only if the judge errs alike in them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from labeling.stats.multiple import benjamini_hochberg

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

DRAWS = 10_000
MIN_DRAWS = 1_000
# Cells of tables that are drawn in all, and that are held at once: 32 MB. Weights that all differ make large tables.
BUDGET = 40_000_000
HELD = 4_000_000

# One observation: whether it is a hit, and its weight 1 / π.
Observation: TypeAlias = tuple[bool, float]


@dataclass(frozen=True, slots=True)
class Test:
    """The largest and smallest share, and how probable groups so different would be if all were alike."""

    p_value: float | None
    adjusted: float | None = None
    groups: int = 0
    n: int = 0
    lowest: tuple[str, float] | None = None
    highest: tuple[str, float] | None = None
    reason: str = ""

    @property
    def differs(self) -> bool:
        return self.adjusted is not None and self.adjusted <= 0.05


def homogeneity(groups: Mapping[str, Sequence[Observation]], draws: int = DRAWS, seed: int = 1) -> Test:
    """Pearson's χ² of the groups' weighted shares, each with Kish's number of observations, and its distribution when
    observations are dealt to the groups by chance: exact up to simulation however few there are (Freeman & Halton
    1951, Biometrika 38:141; tables drawn after Patefield 1981, Appl Stat 30:91). Groups without any are left out.
    """
    import numpy as np  # noqa: PLC0415 - slow import
    from scipy.stats import random_table  # noqa: PLC0415 - slow import

    known = {name: Counter(rows) for name, rows in groups.items() if rows}
    n = sum(counts.total() for counts in known.values())
    if len(known) < 2:
        return Test(None, groups=len(known), n=n, reason="fewer than two groups have any")
    patterns = sorted({pattern for counts in known.values() for pattern in counts})
    hit, weight = np.array(patterns, dtype=np.float64).T
    table = np.array([[counts[pattern] for counts in known.values()] for pattern in patterns])
    seen, shares = _chi_square(table[None], hit, weight)
    by_share = sorted(zip(shares[0].tolist(), known, strict=True))
    (low, at_low), (high, at_high) = by_share[0], by_share[-1]
    ends = (at_low, low), (at_high, high)
    if hit.min() == hit.max():
        return Test(1.0, None, len(known), n, *ends)
    draws = min(draws, max(MIN_DRAWS, BUDGET // table.size))
    dealt = random_table(table.sum(axis=1), table.sum(axis=0), seed=np.random.default_rng(seed))
    as_large, step = 0, max(1, HELD // table.size)
    for at in range(0, draws, step):
        again, _ = _chi_square(dealt.rvs(size=min(step, draws - at)), hit, weight)
        # Rounding must not make a table differ from itself.
        as_large += int((again >= seen[0] * (1 - 1e-9)).sum())
    return Test((as_large + 1) / (draws + 1), None, len(known), n, *ends)


def adjusted(tests: Sequence[Test]) -> list[Test]:
    """The tests of one family, each with its p-value adjusted by Benjamini & Hochberg."""
    known = [at for at, test in enumerate(tests) if test.p_value is not None]
    values = dict(zip(known, benjamini_hochberg([tests[at].p_value or 0.0 for at in known]), strict=True))
    return [replace(test, adjusted=values.get(at)) for at, test in enumerate(tests)]


def _chi_square(tables: "Whole", hit: "Floats", weight: "Floats") -> tuple["Floats", "Floats"]:
    """Of tables of pattern × group, one per redraw, and the groups' shares."""
    import numpy as np  # noqa: PLC0415 - slow import

    mass, squares, hits = (np.einsum("p,tpg->tg", one, tables) for one in (weight, weight**2, weight * hit))
    shares, n = hits / mass, mass**2 / squares
    mean = (n * shares).sum(axis=1, keepdims=True) / n.sum(axis=1, keepdims=True)
    found = (n * (shares - mean) ** 2 / (mean * (1 - mean)).clip(1e-12)).sum(axis=1)
    return found, shares
