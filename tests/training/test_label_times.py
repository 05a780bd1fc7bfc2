"""A label with a time of day holds for the pass at that time, not for another one of the same day."""

from pathlib import Path

import numpy as np
import pytest

from swath.errors import LabelError
from swath.training.label_files import _span


def span(value):
    return tuple(str(one) for one in np.array(_span(value, "time", Path("labels.gpkg")), "datetime64[s]"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-06-13T20:45:36Z", ("2023-06-13T20:15:36", "2023-06-13T21:15:36")),
        ("2023-06-13T22:45:36+02:00", ("2023-06-13T20:15:36", "2023-06-13T21:15:36")),
        ("2023-06-13 10:00:00", ("2023-06-13T09:30:00", "2023-06-13T10:30:00")),
        ("2023-06-13", ("2023-06-13T00:00:00", "2023-06-14T00:00:00")),
        ("2023-06-13T00:00:00", ("2023-06-13T00:00:00", "2023-06-14T00:00:00")),
        ("2023-06", ("2023-06-01T00:00:00", "2023-07-01T00:00:00")),
        (2018, ("2018-01-01T00:00:00", "2019-01-01T00:00:00")),
    ],
)
def test_what_a_time_means(value, expected):
    assert span(value) == expected


def test_a_night_and_a_day_of_one_date_do_not_overlap():
    night, day = span("2023-06-13T20:45:36Z"), span("2023-06-13T10:00:00Z")
    assert day[1] < night[0]


def test_what_is_no_time_is_refused():
    with pytest.raises(LabelError):
        span("last summer")
