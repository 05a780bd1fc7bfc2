from __future__ import annotations

import numpy as np
import pytest

from support.tiny_models import REFLECTANCE
from swath.cube import LayerFacts
from swath.errors import ModelError
from swath.models.normalise import Normaliser, in_layout, steps_first
from swath.models.spec import BandInput, InputSpec, Layout


def spec(count: int = 2, **more) -> InputSpec:
    bands = tuple(BandInput(name=f"B{b}", mean=0.1 * b, std=0.2 + 0.1 * b) for b in range(count))
    return InputSpec(bands=bands, unit="reflectance", gsd=10, window=8, stride=8, **more)


def expected(numbers, facts, given):
    values = numbers.astype(float) * facts[0].scale + facts[0].offset
    if given.clip:
        values = np.clip(values, *given.clip)
    shape = (-1, 1, 1)
    mean = np.array([band.mean for band in given.bands]).reshape(shape)
    std = np.array([band.std for band in given.bands]).reshape(shape)
    return (values - mean) / std


@pytest.mark.parametrize("clip", [None, (0.0, 0.5)])
def test_values_are_scaled_clipped_and_normalised_and_no_data_is_filled(clip):
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 12_000, (1, 1, 2, 8, 8)).astype(np.uint16)
    numbers[0, 0, 0, 2, 3] = numbers[0, 0, 1, 5, 5] = 0
    given = spec(clip=clip, fill=-3.0)
    x, valid = Normaliser.of(given, [REFLECTANCE] * 2).chips(numbers)
    there = (numbers[0, 0] != 0).all(axis=0)
    np.testing.assert_array_equal(valid[0, 0], there)
    want = np.where(there, expected(numbers[0, 0], [REFLECTANCE], given), -3.0)
    np.testing.assert_allclose(x[0, 0], want, atol=3e-6)
    assert x.dtype == valid.dtype == np.float32


def test_a_pixel_has_data_in_a_step_only_if_all_its_bands_have():
    numbers = np.full((1, 3, 2, 8, 8), 5000, np.int16)
    numbers[0, 1, 1, 4, 4] = -9999
    facts = [LayerFacts("int16", -9999)] * 2
    x, valid = Normaliser.of(spec(fill=7.0, steps=3, layout="NTCHW"), facts).chips(numbers)
    assert valid[0, :, 4, 4].tolist() == [1, 0, 1]
    assert (x[0, 1, :, 4, 4] == 7).all() and (x[0, 0] != 7).all()


@pytest.mark.parametrize("number", [np.nan, np.inf, -1.0])
def test_float_layers_lack_data_where_they_are_nan_or_infinite_or_no_data(number):
    numbers = np.ones((1, 1, 1, 8, 8), np.float32)
    numbers[0, 0, 0, 1, 1] = number
    x, valid = Normaliser.of(spec(1), [LayerFacts("float32", -1.0)]).chips(numbers)
    assert valid.sum() == 63 and valid[0, 0, 1, 1] == 0 and x[0, 0, 0, 1, 1] == 0


def test_a_no_data_that_the_dtype_cannot_hold_or_none_makes_every_number_data():
    numbers = np.zeros((1, 1, 2, 8, 8), np.uint8)
    facts = [LayerFacts("uint8", None), LayerFacts("uint8", -9999)]
    _, valid = Normaliser.of(spec(), facts).chips(numbers)
    assert valid.all()


@pytest.mark.parametrize(("top", "left"), [(-3, -2), (4, 5), (-20, 0), (0, 30), (-2, 0), (0, -2)])
def test_places_beyond_the_layers_are_no_data(top, left):
    layers = np.full((1, 2, 10, 10), 3000, np.uint16)
    normaliser = Normaliser.of(spec(fill=-1.0), [REFLECTANCE] * 2)
    valid, x = np.full((1, 8, 8), 9, np.uint8), np.full((1, 2, 8, 8), 9, np.float32)
    normaliser.valid(layers, top, left, valid)
    normaliser.fill_input(layers, valid, top, left, x)
    rows, cols = np.arange(top, top + 8), np.arange(left, left + 8)
    inside = ((rows >= 0) & (rows < 10))[:, None] & ((cols >= 0) & (cols < 10))
    np.testing.assert_array_equal(valid[0], inside)
    np.testing.assert_array_equal(x[0, 0] == -1, ~inside)


def test_a_window_of_a_cube_equals_the_chip_cut_from_it():
    rng = np.random.default_rng(1)
    layers = rng.integers(0, 50, (2, 2, 40, 40)).astype(np.uint16)
    normaliser = Normaliser.of(spec(steps=2, layout="NTCHW"), [REFLECTANCE] * 2)
    valid, x = np.empty((2, 8, 8), np.uint8), np.empty((2, 2, 8, 8), np.float32)
    normaliser.valid(layers, 11, 23, valid)
    normaliser.fill_input(layers, valid, 11, 23, x)
    chip, there = normaliser.chips(layers[None, :, :, 11:19, 23:31])
    np.testing.assert_array_equal(chip[0], x)
    np.testing.assert_array_equal(there[0], valid)


def test_as_many_facts_as_bands_are_needed():
    with pytest.raises(ModelError, match="takes 2 bands, and 1 are given"):
        Normaliser.of(spec(), [REFLECTANCE])


@pytest.mark.parametrize("layout", list(Layout))
def test_layouts_turn_into_steps_first_and_back(layout):
    x = np.arange(2 * 3 * 8 * 8, dtype=np.float32).reshape(2, 1, 3, 8, 8)
    turned = in_layout(x, layout)
    assert turned.shape == spec(3, layout=layout).shape(2)
    np.testing.assert_array_equal(steps_first(turned, layout), x)
