"""Low, expected, high."""

import pytest

from swath.planning.spread import Spread


def test_sums_and_products_keep_the_order():
    a, b = Spread(1, 2, 4), Spread(0.5, 1, 3)
    assert a + b == Spread(1.5, 3, 7)
    assert a * b == Spread(0.5, 2, 12)
    assert a * 2 == Spread(2, 4, 8)


def test_a_quotient_is_lowest_over_the_highest():
    assert Spread(1, 2, 4).over(Spread(0.5, 1, 2)) == Spread(0.5, 2, 8)


def test_the_spread_of_runs_holds_what_they_gave_together():
    assert Spread.of([2.0, 3.0], 3.5) == Spread(2.0, 3.5, 3.5)


def test_numbers_out_of_order_are_refused():
    with pytest.raises(ValueError, match="not in order"):
        Spread(2, 1, 3)
