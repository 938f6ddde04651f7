"""What people reach among themselves, beside what a classifier reaches with them, on the very same transcripts.

A classifier can hardly agree with people better than people do: where it comes as near to each of them as the others,
it is as good as one more rater.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labeling.stats.agreement import (
    DRAWS,
    NO_PAIRS,
    NO_VARIATION,
    Coefficient,
    Ratings,
    Statistic,
    Sums,
    coefficients,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    percentiles,
    redraws,
)
from labeling.stats.intervals import Interval, wilson

STATISTICS: Mapping[str, Statistic] = {
    "percent": percent_agreement,
    "alpha": krippendorff_alpha,
    "ac1": gwet_ac1,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One transcript: what the classifier says, what each rater says by place (None: unsure or not asked), 1 / π."""

    judge: bool
    raters: tuple[bool | None, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class InPlace:
    """One rater against the others, and the classifier against the same others on the same transcripts."""

    rater: int
    n: int
    share: float
    limits: Interval
    judge_share: float
    judge_limits: Interval


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Percent, alpha and AC1 between people, and between the classifier and each of them."""

    n_items: int
    n_raters: int
    people: dict[str, Coefficient]
    judge: dict[str, Coefficient]
    in_place: tuple[InPlace, ...]


def ceiling(rows: Sequence[Row], draws: int = DRAWS) -> Ceiling:
    """Of transcripts with a verdict and two ratings at least; the others say nothing of the ceiling."""
    paired = [row for row in rows if sum(one is not None for one in row.raters) > 1]
    ratings = Ratings.of([row.raters for row in paired], (False, True), [row.weight for row in paired])
    raters = {place for row in paired for place, one in enumerate(row.raters) if one is not None}
    return Ceiling(
        n_items=len(paired),
        n_raters=len(raters),
        people=coefficients(STATISTICS, ratings, draws=draws),
        judge=judge_against(paired, draws),
        in_place=tuple(found for place in sorted(raters) if (found := _in_place(paired, place))),
    )


def judge_against(
    rows: Sequence[Row], draws: int = DRAWS, level: float = 0.95, seed: int = 1
) -> dict[str, Coefficient]:
    """The classifier with each rater of a transcript as a pair, the transcript's pairs together weighing once. No two
    raters are compared with each other. Intervals from redrawing transcripts."""
    import numpy as np  # noqa: PLC0415 - slow import

    known = [row for row in rows if any(one is not None for one in row.raters)]
    if not known:
        return {name: Coefficient(None, NO_PAIRS) for name in STATISTICS}
    judge = np.array([row.judge for row in known], dtype=np.int64)
    yes = np.array([np.mean([one for one in row.raters if one is not None]) for row in known])
    people = np.column_stack([1 - yes, yes])
    own = np.eye(2)[judge]
    # Both directions of each pair, as Krippendorff's matrix of coincidences counts them.
    coincidences = own[:, :, None] * people[:, None, :]
    coincidences = coincidences + coincidences.transpose(0, 2, 1)
    features = np.column_stack([(own + people) / 2, coincidences.reshape(len(known), 4)])
    mass = np.array([row.weight for row in known], dtype=np.float64)

    def sums(times: "np.typing.NDArray[np.float64]") -> Sums:
        whole = times @ features
        together = whole[:, 2:].reshape(len(times), 2, 2)
        total = times.sum(axis=1)
        shares = whole[:, :2]
        return Sums(
            size=len(known),
            paired=total,
            rated=total,
            shares=shares,
            paired_shares=shares,
            pairs=together / 2,
            coincidences=together,
        )

    values = {name: float(of(sums(mass[None]))[0]) for name, of in STATISTICS.items()}
    drawn: dict[str, list[np.typing.NDArray[np.float64]]] = {name: [] for name in STATISTICS}
    for times in redraws(np.ones(len(known), dtype=np.int64), draws, seed) if draws else ():
        again = sums(times * mass)
        for name, of in STATISTICS.items():
            drawn[name].append(of(again))
    return {
        name: Coefficient(None, NO_VARIATION, n_items=len(known))
        if np.isnan(value)
        else Coefficient(
            value, limits=percentiles(np.concatenate(drawn[name]), level) if draws else None, n_items=len(known)
        )
        for name, value in values.items()
    }


def _in_place(rows: Sequence[Row], place: int) -> InPlace | None:
    """Shares of agreement with the other raters, as a mean over transcripts; Wilson's interval on Kish's number."""
    total = squares = same = judge_same = 0.0
    n = 0
    for row in rows:
        own = row.raters[place]
        others = [one for at, one in enumerate(row.raters) if at != place and one is not None]
        if own is None or not others:
            continue
        n, total, squares = n + 1, total + row.weight, squares + row.weight**2
        same += row.weight * sum(one == own for one in others) / len(others)
        judge_same += row.weight * sum(one == row.judge for one in others) / len(others)
    if not n:
        return None
    shares = [min(1.0, one / total) for one in (same, judge_same)]
    limits = [wilson(share, total**2 / squares) for share in shares]
    return InPlace(place, n, shares[0], limits[0], shares[1], limits[1])
