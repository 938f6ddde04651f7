import pytest

from labeling.stats.agreement import NO_PAIRS, NO_VARIATION, Coefficient
from labeling.stats.contrast import signed, why_they_differ


def sentence(
    percent: float | None, alpha: float | None, gwet: float | None, share: float = 0.5, raters: int = 2
) -> str:
    coefficients = [
        Coefficient(value, "" if value is not None else NO_PAIRS if percent is None else NO_VARIATION)
        for value in (percent, alpha, gwet)
    ]
    found = why_they_differ(coefficients[0], coefficients[1], coefficients[2], ("No", share), raters)
    return found.partition(":")[0].partition(",")[0]


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        # 118 agreed negatives of 125 (Gwet 2002): percent .944, alpha −.025, AC1 .941.
        ((0.944, -0.0247, 0.9408, 0.972), "Almost everything is “No” (97 %)"),
        ((0.85, 0.32, 0.55, 0.7), "The answers are unevenly used (“No” 70 %)"),
        ((0.85, 0.70, 0.71), "Alpha (0.70) and AC1 (0.71) say the same"),
        ((1.0, None, 1.0, 1.0), "Everybody says “No” everywhere"),
        ((None, None, None, 0.5, 1), "One rater"),
        ((None, None, None, 0.5, 3), "3 raters"),
        ((None, None, None, 0.5, 0), "Nobody has answered this yet."),
    ],
)
def test_why_the_coefficients_differ(given: tuple[float, float, float], begins: str) -> None:
    assert sentence(*given) == begins


def test_nothing_is_not_negative() -> None:
    assert [signed(value) for value in (-0.0247, -0.001, 0.9408)] == ["−0.02", "0.00", "0.94"]
