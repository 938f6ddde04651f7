"""Two judges of the same transcripts, or one judge at two times: what changes, and whether it is more than chance."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from labeling.stats.intervals import Interval, z_value


@dataclass(frozen=True, slots=True)
class Paired:
    """Counts of the same transcripts by what the first and the second say."""

    both: int
    first_only: int
    second_only: int
    neither: int

    @property
    def n(self) -> int:
        return self.both + self.first_only + self.second_only + self.neither

    @property
    def changed(self) -> int:
        return self.first_only + self.second_only

    @property
    def first(self) -> float | None:
        """Share for which the first says yes."""
        return (self.both + self.first_only) / self.n if self.n else None

    @property
    def second(self) -> float | None:
        return (self.both + self.second_only) / self.n if self.n else None

    @property
    def agreement(self) -> float | None:
        return (self.both + self.neither) / self.n if self.n else None

    @property
    def difference(self) -> float | None:
        """Second − first."""
        return (self.second_only - self.first_only) / self.n if self.n else None

    def limits(self, level: float = 0.95) -> Interval | None:
        """Wald's interval of the difference. Agresti (2002) Categorical Data Analysis, 10.1.1. None of nothing, and
        where nothing changes: then it would have no width."""
        if self.difference is None or not self.changed:
            return None
        d, n = self.difference, self.n
        half = z_value(level) * sqrt(max(0.0, self.changed / n - d * d) / n)
        return Interval(max(-1.0, d - half), min(1.0, d + half))

    @property
    def p_value(self) -> float:
        """McNemar's exact test: among those that change, either way is equally probable. McNemar (1947) Psychometrika
        12:153."""
        if not self.changed:
            return 1.0
        from scipy.stats import binomtest  # noqa: PLC0415 - slow import

        return float(binomtest(self.first_only, self.changed).pvalue)


def paired(pairs: Iterable[tuple[bool | None, bool | None]]) -> Paired:
    """Counts what both have answered; what one of them has not is left out."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for first, second in pairs:
        if first is not None and second is not None:
            counts[first, second] += 1
    return Paired(counts[True, True], counts[True, False], counts[False, True], counts[False, False])
