from datetime import date, timedelta

import numpy as np
import pytest

from swath.synthetic import Surface
from swath.synthetic.climate import climate, growth, snow, temperature


def by_month(kind: Surface, lat: float) -> np.ndarray:
    place = climate(7, np.array([[15.0]]), np.array([[lat]]))
    return np.array([growth(7, place, date(2023, month, 15))[kind].item() for month in range(1, 13)])


def first_green(year: int, lon: float) -> int:
    place = climate(7, np.array([[lon]]), np.array([[51.0]]))
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(60, 200)]
    leaf = [(growth(7, place, day)[Surface.BROADLEAF].item()) for day in days]
    return 60 + int(np.argmax(np.array(leaf) > 0.3))


@pytest.mark.parametrize("kind", [Surface.BROADLEAF, Surface.GRASS, Surface.SUMMER_CROP, Surface.SHRUB])
def test_growth_is_in_the_summer_of_either_hemisphere(kind):
    north, south = by_month(kind, 51.0), by_month(kind, -43.0)
    assert north[5:8].mean() > north[[11, 0, 1]].mean() + 0.3
    assert south[[11, 0, 1]].mean() > south[5:8].mean() + 0.3


def test_winter_crops_ripen_before_summer_crops():
    assert by_month(Surface.WINTER_CROP, 51.0).argmax() < by_month(Surface.SUMMER_CROP, 51.0).argmax()


def test_spring_comes_earlier_in_some_years():
    starts = [first_green(year, 15.0) for year in range(2015, 2025)]
    assert 5 < max(starts) - min(starts) < 60


def test_spring_shifts_differently_in_distant_places():
    shift = [first_green(year, 15.0) - first_green(year, 40.0) for year in range(2015, 2025)]
    assert max(shift) - min(shift) >= 4


def test_high_latitudes_have_snow_in_winter_and_none_in_summer():
    place = climate(7, np.array([[25.0]]), np.array([[66.0]]))
    assert snow(7, place, date(2023, 1, 20)) == 1 and snow(7, place, date(2023, 7, 20)) == 0
    assert temperature(7, place, date(2023, 7, 20)) > temperature(7, place, date(2023, 1, 20)) + 15


def test_the_tropics_stay_green():
    place = climate(7, np.array([[-60.0]]), np.array([[-3.0]]))
    leaf = [(growth(7, place, date(2023, month, 15))[Surface.BROADLEAF].item()) for month in range(1, 13)]
    assert min(leaf) > 0.5
