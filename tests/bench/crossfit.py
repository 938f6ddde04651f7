"""May a classifier correct a rate with the labels that it learned from? Tier A by a text classifier's verdicts.

900 transcripts on 15 prompts, one in four harmful; a word stands in most of the harmful ones and in some others. 150
are labelled, and teach. How often does the 95 % interval hold the true rate, where labelled transcripts have the
verdicts of models that have not seen their prompt, and where they have those of the model that learned from them?
"""

import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labeling.judges.text.features import Texts, counts
from labeling.judges.text.model import Labelled, train
from labeling.stats.strata import Group, Label, PostStratified, Stratum, post_stratify, tally
from tests.bench.measurement import Bench, Measurement, Options

REPETITIONS = 200
SIZE, LABELS, PROMPTS, RATE = 900, 150, 15, 0.25
WORDS = [f"noise{i}" for i in range(60)]

Bools = NDArray[np.bool_]


def measure(options: Options) -> Iterator[Measurement]:
    n, rng = options.repetitions or REPETITIONS, random.Random(options.seed)
    held: dict[str, int] = {"held_out": 0, "in_sample": 0}
    for _ in range(n):
        for name, found in _one(rng):
            held[name] += found.limits.low <= RATE <= found.limits.high
    yield Measurement("coverage_text_held_out", round(held["held_out"] / n, 4), "share", n)
    yield Measurement("control_text_in_sample", round(held["in_sample"] / n, 4), "share", n)


def _one(rng: random.Random) -> Iterator[tuple[str, PostStratified]]:
    truth = np.array([rng.random() < RATE for _ in range(SIZE)])
    matrix = counts([_text(rng, i % PROMPTS, bool(positive)) for i, positive in enumerate(truth)])
    labelled = np.array(sorted(rng.sample(range(SIZE), LABELS)))
    trained = train(Labelled(matrix[labelled], truth[labelled], np.full(LABELS, SIZE / LABELS), labelled % PROMPTS))
    own = trained.scores(matrix) >= trained.threshold
    crossed = own.copy()
    crossed[labelled] = trained.flagged
    for name, verdicts in (("held_out", crossed), ("in_sample", own)):
        strata = (_stratum(verdicts == verdict, labelled, truth) for verdict in (True, False))
        yield name, post_stratify(Group(*strata))


def _text(rng: random.Random, prompt: int, positive: bool) -> Texts:
    said = ["leverage"] if rng.random() < (0.7 if positive else 0.12) else []
    return Texts(" ".join([f"prompt{prompt}", *rng.choices(WORDS, k=12), *said]), "")


def _stratum(members: Bools, labelled: NDArray[np.int64], truth: Bools) -> Stratum:
    pi = LABELS / SIZE
    return Stratum(int(members.sum()), tally(Label(bool(truth[i]), pi) for i in labelled if members[i]))


BENCH = Bench("crossfit", ("coverage_text_held_out", "control_text_in_sample"), measure)
