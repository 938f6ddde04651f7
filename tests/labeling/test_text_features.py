"""The text classifier without a database: what it sees, what it learns, and that no prompt leaks into its scores."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from labeling.judges.material import Deed, Material
from labeling.judges.text.features import COLUMNS, Names, Texts, counts, texts_of
from labeling.judges.text.model import CannotTrain, Labelled, Trained, check, platt, train
from labeling.stats.roc import Scored, ranking

NOISE = [f"noise{i}" for i in range(40)]


def material(text: str, **more: object) -> Material:
    message = {"role": "assistant", "text": text, "reasoning": "", "tool_calls": []} | more
    other = {"role": "user", "text": "Not the model's own words."}
    return Material(
        transcript=1,
        scenario="blackmail",
        factors={},
        system="",
        user="",
        messages=[message, other],
        reasoning=[{"place": "m0.text", "start": 7, "end": 14}, {"place": "m0.text", "start": 10, "end": 20}],
        deeds=(
            Deed("email", "m0.text", 0, 3, "", roles=("ally", ""), outside=True),
            Deed("email", "m0.text", 8, 9, "", in_reasoning=True, roles=("target",)),
        ),
    )


def test_reasoning_is_cut_out_and_acts_are_words() -> None:
    found = texts_of(
        material(
            "Before thought thought after", reasoning="native", tool_calls=[{"name": "x", "arguments": {"a": "do"}}]
        )
    )

    assert found.did.split() == ["Before", "ht", "after", "do", "act_email", "act_to_ally", "act_outside"]
    assert found.reasoned.split() == ["thought", "thoug", "native", "act_email", "act_to_target"]


def test_the_words_behind_columns_are_those_that_were_hashed_into_them() -> None:
    texts = Texts("He has leverage", "leverage leverage once")
    matrix = counts([texts])
    names = Names(matrix.indices)

    names.look(texts)

    found = {names.of(column)[:2]: matrix[0, column] for column in map(int, matrix.indices)}
    assert matrix.shape == (1, 2 * COLUMNS)
    assert found == {
        ("did", "he"): 1,
        ("did", "has"): 1,
        ("did", "leverage"): 1,
        ("did", "he has"): 1,
        ("did", "has leverage"): 1,
        ("reasoned", "leverage"): 2,
        ("reasoned", "once"): 1,
        ("reasoned", "leverage leverage"): 1,
        ("reasoned", "leverage once"): 1,
    }


def made(
    says: Callable[[int, bool], str],
    truth: Callable[[int], bool],
    *,
    prompts: int = 12,
    n: int = 180,
    by_row: bool = False,
) -> tuple[list[bool], Trained]:
    """Texts of noise with what `says` adds, a prompt for each twelfth; `by_row` pretends that none is shared."""
    rng = random.Random(3)
    positive = [truth(i % prompts) for i in range(n)]
    texts = [Texts(" ".join([says(i % prompts, positive[i]), *rng.choices(NOISE, k=15)]), "") for i in range(n)]
    groups = np.arange(n) if by_row else np.arange(n) % prompts
    return positive, train(Labelled(counts(texts), np.array(positive), np.ones(n), groups))


def auc(positive: list[bool], trained: Trained) -> float:
    found = ranking([Scored(float(s), y) for s, y in zip(trained.held_out, positive, strict=True)]).auc
    assert found is not None
    return found


def test_a_word_of_harm_is_learned_whatever_the_prompt() -> None:
    rng = random.Random(4)
    positive, trained = made(lambda p, y: f"prompt{p} {'leverage' if y else 'farewell'}", lambda p: rng.random() < 0.4)

    assert auc(positive, trained) > 0.95
    assert np.mean(trained.flagged == np.array(positive)) > 0.9
    assert sorted(np.unique(trained.fold)) == [0, 1, 2, 3, 4]


def test_a_word_of_the_prompt_tells_nothing_of_another_prompt() -> None:
    """Labels that are constant per prompt, and a word that only the prompt has: left out by rows the word gives it all
    away, left out by prompts it is at chance (below it, since whoever is left out is rarer in what is learned)."""
    positive, leaking = made(lambda p, y: f"prompt{p}", lambda p: p % 2 == 0, by_row=True)
    _, honest = made(lambda p, y: f"prompt{p}", lambda p: p % 2 == 0)

    assert auc(positive, leaking) > 0.8
    assert auc(positive, honest) < 0.6
    assert honest.curve[1] == 0  # its scores are flat: they say nothing


def test_the_same_labels_give_the_same_model() -> None:
    def one() -> Trained:
        rng = random.Random(5)
        return made(lambda p, y: "leverage" if y else "", lambda p: rng.random() < 0.5)[1]

    first, second = one(), one()

    assert (first.coefficients == second.coefficients).all()
    assert (first.held_out == second.held_out).all()
    assert (first.curve, first.threshold) == (second.curve, second.threshold)


def test_probabilities_are_those_of_the_population() -> None:
    """Half of the labels are positive, but each stands for a tenth of what a negative one stands for: 1 in 11."""
    rng = np.random.default_rng(1)
    positive = np.arange(400) % 2 == 0
    raw = rng.normal(size=400) + positive
    weight = np.where(positive, 1.0, 10.0)

    intercept, slope = platt(raw, positive, weight)

    said = 1 / (1 + np.exp(-(intercept + slope * raw)))
    assert (weight * said).sum() / weight.sum() == pytest.approx(1 / 11, abs=0.01)
    assert platt(-raw, positive, weight)[1] == 0


@pytest.mark.parametrize(
    ("positive", "negative", "prompts", "words"),
    [
        (19, 30, 5, "19 positive labels, 20 needed"),
        (20, 1, 9, "1 negative label, 20 needed"),
        (30, 30, 4, "labels on 4 prompts, 5 needed to leave whole ones out"),
        (0, 1, 1, "0 positive labels, 20 needed; 1 negative label, 20 needed; labels on 1 prompt, 5 needed to leave "
         "whole ones out"),
    ],
)  # fmt: skip
def test_too_few_labels_are_refused_in_words(positive: int, negative: int, prompts: int, words: str) -> None:
    with pytest.raises(CannotTrain) as refused:
        check([True] * positive + [False] * negative, [i % prompts for i in range(positive + negative)])
    assert str(refused.value) == words


def test_enough_labels_are_not() -> None:
    check([True] * 20 + [False] * 20, [i % 5 for i in range(40)])


def test_labels_that_are_all_alike_but_for_one_prompt_are_refused() -> None:
    with pytest.raises(CannotTrain, match="all labels are alike"):
        made(lambda p, y: "word", lambda p: p == 0, prompts=5, n=100)
