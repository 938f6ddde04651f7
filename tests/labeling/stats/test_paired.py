"""The same transcripts judged twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.stats.paired import Paired, paired

counts = st.builds(Paired, *([st.integers(0, 60)] * 4))


# Agresti (2002) Categorical Data Analysis, Table 10.1, approval of the prime minister in two surveys: difference −.04,
# interval −.06 to −.02; exact p by R binom.test and statsmodels.
def test_approval_of_the_prime_minister() -> None:
    found = Paired(794, 150, 86, 570)
    limits = found.limits()
    assert limits is not None
    assert (found.n, found.difference) == pytest.approx((1600, -0.04))
    assert (limits.low, limits.high) == pytest.approx((-0.05871611675033167, -0.021283883249668335), abs=1e-6)
    assert found.p_value == pytest.approx(3.7159361395713866e-05, abs=1e-9)


def test_counting_leaves_out_what_one_has_not_answered() -> None:
    assert paired([(True, True), (True, False), (False, None), (None, True), (False, True)]) == Paired(1, 1, 1, 0)


def test_what_never_changes_has_no_interval() -> None:
    assert (Paired(3, 0, 0, 5).limits(), Paired(3, 0, 0, 5).p_value, Paired(3, 0, 0, 5).agreement) == (None, 1.0, 1.0)
    assert (Paired(0, 0, 0, 0).difference, Paired(0, 0, 0, 0).p_value) == (None, 1.0)


@given(counts)
def test_either_may_be_called_the_first(table: Paired) -> None:
    turned = Paired(table.both, table.second_only, table.first_only, table.neither)
    assert turned.p_value == pytest.approx(table.p_value)
    assert 0 <= table.p_value <= 1
    limits, other = table.limits(), turned.limits()
    if limits and other:
        assert (limits.low, limits.high) == pytest.approx((-other.high, -other.low))
        assert table.difference is not None
        assert limits.low <= table.difference <= limits.high
