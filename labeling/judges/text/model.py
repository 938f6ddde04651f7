"""The model itself: logistic regression on weighed words, with scores by models that have not seen the transcript.

Transcripts that share a prompt are left out together: words of a condition would else be taken for words of harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labeling.judges.text.features import COLUMNS, PARTS, WEIGHTS
from labeling.stats.reliability import logistic
from labeling.stats.roc import Scored, best_threshold
from labeling.stats.words import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Integers = NDArray[np.int64]

SEED = 20
FOLDS = 5
MIN_EACH = 20  # positives, and negatives
MIN_PROMPTS = 5
STRENGTH = 1.0  # C of the logistic regression


class CannotTrain(Exception):
    """Why the labels do not suffice, in words."""


@dataclass(frozen=True)
class Labelled:
    """What is learned from, a place per transcript: agreed answers, weights 1 / π, prompts."""

    counts: csr_matrix
    positive: Bools
    weight: Floats
    prompt: Integers


@dataclass(frozen=True)
class Trained:
    """The model of all labels, with the curve and the cut that make a probability and a verdict of its score; and for
    each labelled transcript those of the models that were trained without its prompt."""

    words: Weighed
    coefficients: Floats
    curve: tuple[float, float]
    threshold: float
    fold: Integers
    held_out: Floats
    flagged: Bools

    def scores(self, counts: csr_matrix) -> Floats:
        """Probabilities of transcripts that have no label."""
        return _probability(self.curve, self.words.of(counts) @ self.coefficients[:-1] + self.coefficients[-1])


@dataclass(frozen=True)
class Weighed:
    """Words weighed by how rare they are among the texts learned from: tf-idf with 1 + log(tf), each part of length 1
    and then by its own weight."""

    parts: tuple[Any, ...]

    @classmethod
    def on(cls, counts: csr_matrix) -> Weighed:
        from sklearn.feature_extraction.text import TfidfTransformer  # noqa: PLC0415 - slow import

        return cls(tuple(TfidfTransformer(sublinear_tf=True).fit(_columns(counts, place)) for place in range(2)))

    def of(self, counts: csr_matrix) -> csr_matrix:
        from scipy.sparse import hstack  # noqa: PLC0415 - slow import

        made = [
            part.transform(_columns(counts, place)) * WEIGHTS[PARTS[place]] for place, part in enumerate(self.parts)
        ]
        return hstack(made, format="csr")


def _columns(counts: csr_matrix, place: int) -> csr_matrix:
    return counts[:, place * COLUMNS : (place + 1) * COLUMNS]


def check(positive: Sequence[bool], prompts: Sequence[int]) -> None:
    """Raises CannotTrain where there is too little to learn from, or to tell how well it was learned."""
    n_positive, n_prompts = sum(positive), len(set(prompts))
    wanting = []
    for n, kind in ((n_positive, "positive"), (len(positive) - n_positive, "negative")):
        if n < MIN_EACH:
            wanting.append(f"{count(n, kind + ' label')}, {MIN_EACH} needed")
    if n_prompts < MIN_PROMPTS:
        wanting.append(f"labels on {count(n_prompts, 'prompt')}, {MIN_PROMPTS} needed to leave whole ones out")
    if wanting:
        raise CannotTrain("; ".join(wanting))


def train(labelled: Labelled) -> Trained:
    """Cross-fitted: every labelled transcript gets the score of a model, and a probability of a curve, that were made
    without its prompt. The same input gives the same model."""
    import numpy as np  # noqa: PLC0415 - slow import
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - slow import

    n = len(labelled.positive)
    fold, raw = np.zeros(n, dtype=np.int64), np.zeros(n)
    for number, (rest, held) in enumerate(GroupKFold(FOLDS).split(raw, groups=labelled.prompt)):
        if len(set(labelled.positive[rest].tolist())) < 2:
            raise CannotTrain("Without the prompts of one part all labels are alike: nothing can be learned there.")
        words, coefficients = _fit(labelled.counts[rest], labelled.positive[rest])
        raw[held] = words.of(labelled.counts[held]) @ coefficients[:-1] + coefficients[-1]
        fold[held] = number
    held_out, flagged = np.zeros(n), np.zeros(n, dtype=np.bool_)
    for number in range(FOLDS):
        rest, held = fold != number, fold == number
        curve = platt(raw[rest], labelled.positive[rest], labelled.weight[rest])
        known = _probability(curve, raw[rest])
        held_out[held] = _probability(curve, raw[held])
        flagged[held] = held_out[held] >= _cut(known, labelled.positive[rest], labelled.weight[rest])
    words, coefficients = _fit(labelled.counts, labelled.positive)
    curve = platt(raw, labelled.positive, labelled.weight)
    threshold = _cut(_probability(curve, raw), labelled.positive, labelled.weight)
    return Trained(words, coefficients, curve, threshold, fold, held_out, flagged)


def _fit(counts: csr_matrix, positive: Bools) -> tuple[Weighed, Floats]:
    """Coefficients of the columns, with the intercept at the end."""
    import numpy as np  # noqa: PLC0415 - slow import
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow import

    words = Weighed.on(counts)
    weighed = words.of(counts)
    # Columns in which nothing stands have nothing to learn, and most have nothing.
    present = np.unique(weighed.indices)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", random_state=SEED, max_iter=2000)
    model.fit(weighed[:, present], positive)
    coefficients = np.zeros(weighed.shape[1] + 1)
    coefficients[present] = model.coef_[0]
    coefficients[-1] = model.intercept_[0]
    return words, coefficients


def platt(raw: Floats, positive: Bools, weight: Floats) -> tuple[float, float]:
    """Intercept and slope of Platt's curve (1999), with his targets (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2), weighted back to
    the population. A slope below 0 would turn the order around: then the score says nothing, and the curve is flat."""
    import numpy as np  # noqa: PLC0415 - slow import

    n_positive, n_negative = positive.sum(), (~positive).sum()
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    intercept, slope = logistic(raw, target, weight)
    if slope > 0:
        return intercept, slope
    share = float((weight * target).sum() / weight.sum())
    return float(np.log(share / (1 - share))), 0.0


def _probability(curve: tuple[float, float], raw: Floats) -> Floats:
    import numpy as np  # noqa: PLC0415 - slow import

    found: Floats = 1 / (1 + np.exp(-np.clip(curve[0] + curve[1] * raw, -700, 700)))
    return found


def _cut(score: Floats, positive: Bools, weight: Floats) -> float:
    """The largest sum of sensitivity and specificity; .5 where no cut is better than none."""
    if len(set(score.tolist())) < 2:
        return 0.5
    pairs = zip(score.tolist(), positive.tolist(), weight.tolist(), strict=True)
    return best_threshold([Scored(one, truth, mass) for one, truth, mass in pairs])
