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


MIXED = InputSpec(
    bands=(
        BandInput(name="red", mean=0.1, std=0.2),
        BandInput(name="VV", input="radar", unit="gamma0", transform="decibel", clip=(-30, 0), mean=-15, std=5),
        BandInput(name="rain", input="climate", unit="mm", transform="log1p", mean=6, std=2, optional=True),
        BandInput(name="latitude", input="location", unit="deg"),
    ),
    unit="reflectance", gsd=10, window=8, stride=8, clip=(0, 0.5), fill=-9.0,
)  # fmt: skip
MIXED_FACTS = [
    REFLECTANCE,
    LayerFacts("float32", -32768.0),
    LayerFacts("int16", -1, scale=2.0),
    LayerFacts("float32", float("nan")),
]


def mixed(red=4000, vv=0.1, rain=500, latitude=47.5):
    numbers = [np.full((8, 8), n, d) for n, d in ((red, "uint16"), (vv, "f4"), (rain, "int16"), (latitude, "f4"))]
    return Normaliser.of(MIXED, MIXED_FACTS), [numbers]


def filled(normaliser, layers, top=0, left=0):
    valid, x = np.empty((1, 8, 8), np.uint8), np.empty((1, 4, 8, 8), np.float32)
    normaliser.valid(layers, top, left, valid)
    normaliser.fill_input(layers, valid, top, left, x)
    return x[0], valid[0]


def test_each_band_has_its_own_transform_clip_and_scale():
    x, valid = filled(*mixed())
    assert valid.all()
    assert x[:, 0, 0] == pytest.approx([(0.3 - 0.1) / 0.2, (-10 + 15) / 5, (np.log1p(1000) - 6) / 2, 47.5], rel=1e-6)


def test_the_common_clip_is_not_that_of_bands_with_another_unit():
    x, _ = filled(*mixed(red=9000, vv=5.0, rain=30_000))
    assert x[:, 0, 0] == pytest.approx([(0.5 - 0.1) / 0.2, 3.0, (np.log1p(60_000) - 6) / 2, 47.5], rel=1e-6)


def test_no_decibel_is_taken_of_no_power_at_all():
    x, valid = filled(*mixed(vv=-0.001))
    assert valid.all() and x[1, 0, 0] == pytest.approx((-30 + 15) / 5)


def test_a_band_that_the_model_can_do_without_is_filled_and_takes_no_data_away():
    normaliser, layers = mixed()
    layers[0][2][3, 4] = -1
    x, valid = filled(normaliser, layers)
    assert valid.all()
    assert x[2, 3, 4] == -9 and (x[[0, 1, 3], 3, 4] != -9).all() and x[2, 3, 5] != -9


def test_a_band_that_it_needs_takes_the_data_of_all_away():
    normaliser, layers = mixed()
    layers[0][1][3, 4] = -32768
    x, valid = filled(normaliser, layers)
    assert valid.sum() == 63 and (x[:, 3, 4] == -9).all()


def test_where_a_model_can_do_without_any_band_one_is_enough_and_the_place_is_none():
    bands = tuple(band.model_copy(update={"optional": band.input != "location"}) for band in MIXED.bands)
    normaliser = Normaliser.of(MIXED.model_copy(update={"bands": bands}), MIXED_FACTS)
    _, layers = mixed()
    layers[0][0][0, :2] = 0
    layers[0][1][0, :2] = np.nan
    layers[0][2][0, 0] = -1
    x, valid = filled(normaliser, layers)
    assert valid[0, 0] == 0 and (x[:, 0, 0] == -9).all()
    assert valid[0, 1] == 1 and (x[:, 0, 1] == -9).tolist() == [True, True, False, False]


@pytest.mark.parametrize(("top", "left"), [(-3, 2), (4, -5), (-20, 0), (0, 30)])
def test_transformed_and_optional_bands_end_where_the_layers_end(top, left):
    x, valid = filled(*mixed(), top, left)
    rows, cols = np.arange(top, top + 8), np.arange(left, left + 8)
    inside = ((rows >= 0) & (rows < 8))[:, None] & ((cols >= 0) & (cols < 8))
    np.testing.assert_array_equal(valid, inside)
    for band in x:
        np.testing.assert_array_equal(band == -9, ~inside)
