from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from swath.products import Layer, LayerKind

RED = Layer("B04", LayerKind.CONTINUOUS, "Red", "uint16", nodata=0, scale=0.0001, offset=-0.1)
INDEX = Layer("NDVI", LayerKind.CONTINUOUS, "NDVI", "int16", nodata=-32768, scale=0.0001)


def test_equal_facts_give_back_the_same_array() -> None:
    numbers = np.ones((3, 3), np.uint16)
    assert RED.encode(numbers, nodata=0, scale=0.0001, offset=-0.1) is numbers


@given(arrays.arrays(np.uint16, (5, 7)))
def test_integers_go_through_floats_and_back(numbers: np.ndarray) -> None:
    as_float = replace(RED, dtype="float32", nodata=float("nan"), scale=1.0, offset=0.0)
    values = as_float.encode(numbers, nodata=0, scale=0.0001, offset=-0.1)
    assert np.array_equal(np.isnan(values), numbers == 0)
    assert np.array_equal(RED.encode(values, nodata=float("nan")), numbers)


def test_floats_are_rounded_half_to_even_and_nan_is_no_data() -> None:
    layer = replace(INDEX, scale=1.0)
    values = np.array([[0.5, 1.5, 2.5, np.nan, -0.5]], np.float32)
    assert layer.encode(values, nodata=float("nan")).tolist() == [[0, 2, 2, -32768, 0]]


def test_values_beyond_the_type_go_to_its_end_and_never_to_no_data() -> None:
    values = np.array([[-9.0, 9.0, np.inf, 0.5]], np.float32)
    assert INDEX.encode(values, nodata=float("nan")).tolist() == [[-32767, 32767, -32768, 5000]]


def test_a_value_that_would_be_no_data_takes_the_next_number() -> None:
    numbers = np.array([[0, 1000, 1, 65535]], np.uint16)
    signed = replace(RED, dtype="int16", nodata=0, offset=0.0)
    # 1000 is reflectance 0: it is data, and 0 means no data
    assert signed.encode(numbers, nodata=0, scale=0.0001, offset=-0.1).tolist() == [[0, 1, -999, 32767]]


@given(
    arrays.arrays(np.float32, (4, 4), elements=st.floats(-5, 5, width=32) | st.just(float("nan"))),
)
def test_no_data_stays_no_data_and_data_stays_data(values: np.ndarray) -> None:
    numbers = INDEX.encode(values, nodata=float("nan"))
    assert np.array_equal(numbers == -32768, np.isnan(values))


def test_a_count_widens_without_change() -> None:
    count = Layer("count", LayerKind.COUNT, "Count", "uint16", nodata=None, overviews="nearest")
    numbers = np.arange(12, dtype=np.uint8).reshape(3, 4)
    wide = count.encode(numbers, nodata=None)
    assert wide.dtype == np.uint16
    assert np.array_equal(wide, numbers)


def test_missing_pixels_need_a_number_that_says_so() -> None:
    layer = replace(INDEX, nodata=None)
    with pytest.raises(ValueError, match="'NDVI' has no no-data number, and 1 pixels have no data"):
        layer.encode(np.array([[np.nan, 0.5]], np.float32), nodata=float("nan"))
