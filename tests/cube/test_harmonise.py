from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from swath.cube.harmonise import band_of, harmonise, nodata_of, shift_of
from swath.errors import CollectionError
from swath.sources.facts import Band, BandKind


@settings(deadline=None)  # the first call compiles
@given(hnp.arrays(np.uint16, (3, 4)), st.sampled_from([0, 1000, -1000, 70_000]))
def test_shift_saturates_and_keeps_no_data_and_validity(numbers, shift):
    band = Band(asset="x", kind=BandKind.REFLECTANCE, dtype="uint16", nodata=0, gsd=10)
    values = numbers.copy()
    harmonise(values, band, shift=shift, nodata=0)
    want = np.clip(numbers.astype(np.int64) + shift, 1, 65_535)
    np.testing.assert_array_equal(values, np.where(numbers == 0, 0, want))


def test_saturated_numbers_become_no_data_before_the_shift(make_band):
    band = make_band("x", dtype="int16", nodata=-9999, saturated=16000)
    values = np.array([[16000, 15000, -9999]], np.int16)
    harmonise(values, band, shift=1000, nodata=-9999)
    np.testing.assert_array_equal(values, [[-9999, 16000, -9999]])


def test_saturated_floats_become_no_data_and_are_never_shifted(make_band):
    band = make_band("x", dtype="float32", nodata=-1, saturated=5)
    values = np.array([[5, 4]], np.float32)
    harmonise(values, band, shift=0, nodata=-1)
    np.testing.assert_array_equal(values, [[-1, 4]])
    with pytest.raises(CollectionError, match="cannot be added"):
        harmonise(values, band, shift=1, nodata=-1)


def test_only_reflectance_is_shifted(maker, optical):
    scene = maker.scene({}, dn_shift=1000)
    assert shift_of(scene, optical.bands["B04"]) == 1000
    assert shift_of(scene, optical.bands["SCL"]) == 0


def test_integers_without_no_data_are_refused_and_floats_take_nan(make_band):
    assert np.isnan(nodata_of(make_band("x", dtype="float32", nodata=None), "x"))
    with pytest.raises(CollectionError, match="no no-data number"):
        nodata_of(make_band("x", nodata=None), "x")


def test_a_band_that_the_collection_lacks_is_named_with_its_choices(optical):
    with pytest.raises(CollectionError, match=r"'B8A'.*B02, B04"):
        band_of(optical, "B8A")


def test_linear_backscatter_that_is_no_power_becomes_no_data_and_decibels_stay(make_band):
    numbers = np.array([[-32768, -0.01, 0, 0.2, np.nan]], np.float32)
    power = make_band("vv", dtype="float32", nodata=-32768, kind=BandKind.BACKSCATTER, unit="gamma0")
    values = numbers.copy()
    harmonise(values, power, shift=0, nodata=-32768)
    np.testing.assert_array_equal(values, np.float32([[-32768, -32768, -32768, 0.2, -32768]]))
    decibels = numbers.copy()
    harmonise(decibels, power.model_copy(update={"unit": "dB"}), shift=0, nodata=-32768)
    np.testing.assert_array_equal(decibels, numbers)
