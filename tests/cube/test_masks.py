from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import maximum_filter

from swath.cube.masks import dilate, dropped, mask_fill
from swath.errors import CollectionError
from swath.sources.facts import Band, BandKind, MaskRule

SCL = Band(asset="SCL", kind=BandKind.CLASSES, dtype="uint8", nodata=0, gsd=20)
QA = Band(asset="QA", kind=BandKind.BITS, dtype="uint16", nodata=1, gsd=30)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)),
    st.integers(0, 9),
)
def test_dilation_is_a_square_maximum(flags, radius):
    want = maximum_filter(flags, size=2 * radius + 1, mode="constant", cval=0)
    np.testing.assert_array_equal(dilate(flags, radius), want)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.uint16, (4, 5)), st.sets(st.integers(0, 15), min_size=1, max_size=4))
def test_a_pixel_is_dropped_if_any_named_bit_is_set_or_it_is_no_data(quality, bits):
    want = (quality == 1) | np.any([(quality >> bit) & 1 for bit in bits], axis=0)
    np.testing.assert_array_equal(dropped(quality, MaskRule(band="QA", drop_bits=tuple(bits)), QA), want)


def test_classes_are_dropped_and_no_data_too():
    quality = np.arange(12, dtype=np.uint8).reshape(3, 4)
    got = dropped(quality, MaskRule(band="SCL", drop=(3, 8)), SCL)
    np.testing.assert_array_equal(np.flatnonzero(got), [0, 3, 8])


def test_classes_of_wide_integers_are_dropped():
    band = QA.model_copy(update={"kind": BandKind.CLASSES, "nodata": None})
    got = dropped(np.array([[300, 1]], np.uint16), MaskRule(band="QA", drop=(300,)), band)
    np.testing.assert_array_equal(got, [[1, 0]])


def test_no_data_does_not_grow():
    quality = np.full((5, 5), 4, np.uint8)
    quality[0, 0], quality[4, 4] = 0, 9
    got = dropped(quality, MaskRule(band="SCL", drop=(0, 9)), SCL, radius=1)
    assert got[0, 0] == 1 and got[0, 1] == 0 and got[3:, 3:].all() and got.sum() == 5


def test_bits_of_a_class_band_are_refused():
    with pytest.raises(CollectionError, match="classes, not bits"):
        dropped(np.zeros((2, 2), np.uint8), MaskRule(band="SCL", drop_bits=(1,)), SCL)


def test_a_gap_in_the_mask_drops_what_lies_under_it():
    for band, rule in (
        (SCL, MaskRule(band="SCL", drop=(8,))),
        (QA.model_copy(update={"nodata": None}), MaskRule(band="QA", drop_bits=(3,))),
    ):
        fill = np.array([[mask_fill(band, rule)]], band.dtype)
        assert dropped(fill, rule, band).all()
