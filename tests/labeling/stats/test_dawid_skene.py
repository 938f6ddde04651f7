import random
from itertools import chain

import pytest

from labeling.stats.dawid_skene import dawid_skene, panel_error, panel_noise

# Dawid & Skene (1979) Appl Stat 28:20, Table 1: grades of 45 patients by five anaesthetists, the first of
# whom gave three; the published estimates are those of Tables 2 and 3.
GRADES = """
111 1 1 1 1|333 4 3 3 4|112 2 1 2 2|222 3 1 2 1|222 3 2 2 2|222 3 3 2 2|122 2 1 1 1|333 3 4 3 3|222 2 2 2 3
232 2 2 2 3|444 4 4 4 4|222 3 3 4 3|111 1 1 1 1|222 3 2 1 2|121 1 1 1 1|111 2 1 1 1|111 1 1 1 1|111 1 1 1 1
222 2 2 2 1|222 1 3 2 2|222 2 2 2 2|222 2 2 2 1|222 3 2 2 2|221 2 2 2 2|111 1 1 1 1|111 1 1 1 1|232 2 2 2 2
111 1 1 1 1|111 1 1 1 1|112 1 1 2 1|111 1 1 1 1|333 3 2 3 3|111 1 1 1 1|222 2 2 2 2|222 3 2 3 2|433 4 3 4 3
221 2 2 3 2|232 3 2 3 3|333 3 4 3 2|111 1 1 1 1|111 1 1 1 1|121 2 1 1 1|232 2 2 2 2|121 1 1 1 1|222 2 2 2 2
"""


def counted(table: str) -> list[list[list[int]]]:
    patients = [patient.split() for patient in table.replace("\n", "|").split("|") if patient]
    return [[[grades.count(grade) for grade in "1234"] for grades in patient] for patient in patients]


def test_anaesthetists_as_published() -> None:
    found = dawid_skene(counted(GRADES))
    assert found.shares == pytest.approx((0.40, 0.42, 0.11, 0.07), abs=0.005)
    published = ((0.89, 0.11, 0, 0), (0.07, 0.88, 0.05, 0), (0, 0.34, 0.66, 0), (0, 0, 0.56, 0.44))
    for row, expected in zip(found.confusions[0], published, strict=True):
        assert row == pytest.approx(expected, abs=0.006)


# Converged values, equal in numpy and in crowd-kit run without its early stop (it stops after four iterations).
def test_anaesthetists_to_the_last_digit() -> None:
    found = dawid_skene(counted(GRADES))
    assert found.shares == pytest.approx(
        (0.39955475288215847, 0.42198339191386847, 0.11179518853730624, 0.06666666666666667), abs=1e-6
    )
    assert list(chain(*found.confusions[0])) == pytest.approx(
        [
            0.8894883486860503,
            0.11051165131394973,
            0.0,
            0.0,
            0.07058545052988907,
            0.8763799368401578,
            0.05303461262995317,
            0.0,
            0.0,
            0.3388215402024705,
            0.6611784597975295,
            0.0,
            0.0,
            0.0,
            0.5555555555555556,
            0.4444444444444444,
        ],
        abs=1e-6,
    )
    likeliest = "".join(str(row.index(max(row)) + 1) for row in found.posteriors)
    assert likeliest == "142222132243121111222222112111131224233111212"
    doubtful = {patient: max(row) for patient, row in enumerate(found.posteriors, start=1) if max(row) < 0.999}
    assert doubtful == pytest.approx({7: 0.98102, 35: 0.947995, 38: 0.9788}, abs=1e-4)


# The other transcription in circulation (R package rater) has 112 instead of 122 for the first rater of patient 7.
def test_anaesthetists_in_the_other_transcription() -> None:
    found = dawid_skene(counted(GRADES.replace("|122 2 1 1 1|333 3 4", "|112 2 1 1 1|333 3 4")))
    assert found.shares == pytest.approx(
        (0.3999689976188748, 0.421576320514488, 0.11178801519997061, 0.06666666666666667), abs=1e-6
    )
    assert list(chain(*found.confusions[0])) == pytest.approx(
        [
            0.9074260291086927,
            0.09257397089130717,
            0.0,
            0.0,
            0.07033201789068207,
            0.8765803491336625,
            0.05308763297565556,
            0.0,
            0.0,
            0.3387859406093539,
            0.6612140593906461,
            0.0,
            0.0,
            0.0,
            0.5555555555555556,
            0.4444444444444444,
        ],
        abs=1e-6,
    )


def test_posteriors_and_confusions_are_distributions() -> None:
    found = dawid_skene(counted(GRADES), pseudo=1.0)
    rows = [*found.posteriors, found.shares, *(row for rater in found.confusions for row in rater)]
    assert [sum(row) for row in rows] == pytest.approx([1.0] * len(rows))
    assert min(min(row) for rater in found.confusions for row in rater) > 0


def test_an_item_needs_a_rating() -> None:
    with pytest.raises(ValueError, match="at least one rating"):
        dawid_skene([[[1, 0]], [[0, 0]]])


def test_the_majority_of_three_equal_raters() -> None:
    assert panel_error([0.08] * 3) == pytest.approx(3 * 0.08**2 * 0.92 + 0.08**3)


def test_panels_out_of_unequal_raters() -> None:
    a, b, c, d = 0.1, 0.2, 0.3, 0.4

    def majority(x: float, y: float, z: float) -> float:
        return x * y * (1 - z) + x * (1 - y) * z + (1 - x) * y * z + x * y * z

    panels = [majority(a, b, c), majority(a, b, d), majority(a, c, d), majority(b, c, d)]
    assert panel_error([a, b, c, d]) == pytest.approx(sum(panels) / 4)


def test_a_rater_without_work_sits_on_no_panel() -> None:
    assert panel_error([0.1, 0.1, 0.1, 0.5], work=[1, 1, 1, 0]) == pytest.approx(panel_error([0.1] * 3))


def test_a_split_panel_of_two_gives_no_answer() -> None:
    assert panel_error([0.1, 0.1], k=2) == pytest.approx(0.01 / (0.01 + 0.81))


def test_too_few_raters_are_no_panel() -> None:
    assert panel_error([0.1, 0.1]) is None


def simulated(n: int, errors: tuple[float, ...], seed: int) -> list[list[bool | None]]:
    rng = random.Random(seed)
    truths = [rng.random() < 0.3 for _ in range(n)]
    return [[truth ^ (rng.random() < error) for error in errors] for truth in truths]


def test_the_panels_error_is_recovered() -> None:
    found = panel_noise(simulated(3000, (0.08, 0.08, 0.08), seed=3)).noise
    assert found is not None
    true = 3 * 0.08**2 * 0.92 + 0.08**3
    assert abs(found.alpha - true) < 3 * found.var_alpha**0.5
    assert abs(found.beta - true) < 3 * found.var_beta**0.5
    assert (found.var_alpha**0.5 < 0.004, found.var_beta**0.5 < 0.01) == (True, True)


def test_raters_who_never_disagree_are_not_infallible() -> None:
    found = panel_noise([[True] * 3] * 40 + [[False] * 3] * 80).noise
    assert found is not None
    assert 0 < found.alpha < 0.001
    assert 0 < found.beta < 0.001


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (simulated(99, (0.1, 0.1, 0.1), seed=1), "99 transcripts with three raters, 100 needed"),
        ([[True, False, None]] * 200, "0 transcripts with three raters, 100 needed"),
    ],
)
def test_too_few_triple_labelled_transcripts(answers: list[list[bool | None]], reason: str) -> None:
    found = panel_noise(answers)
    assert (found.noise, found.reason) == (None, reason)


def test_three_answers_out_of_more_raters_and_a_panel_of_five() -> None:
    rows = [row + [None, None] for row in simulated(150, (0.1, 0.1, 0.1), seed=2)]
    found = panel_noise(rows, k=7)
    assert (found.noise, found.reason, found.n_items) == (None, "5 raters, a panel has 7", 150)
