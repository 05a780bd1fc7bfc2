"""Several inputs on one tile: composited each by itself, stacked in the model's order."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from swath.cube import CubeSpec, Method
from swath.cube.lattice import lonlat
from swath.cube.reader import tile_lattice
from swath.errors import ModelError, UnitError
from swath.models.cubes import model_tile, read_cube, read_series, series_bytes
from swath.models.series import Series
from swath.models.spec import BandInput, InputSpec
from swath.models.steps import Part, steps_of
from swath.sources import Band, BandKind, Collection

from .test_cubes import END, FACTS, START, TILE, Archive

HEIGHTS = Collection(
    key="heights", title="made", source="made in a test", verified=True, sensor="other", ids=("heights",),
    bands={"B01": Band(asset="B01", kind=BandKind.QUANTITY, dtype="uint16", nodata=0, gsd=10, unit="m")},
)  # fmt: skip
OPTICAL = (BandInput(name="B01"), BandInput(name="B02"))
HEIGHT = BandInput(name="B01", input="height", unit="m")
PLACE = (BandInput(name="latitude", input="location", unit="deg"), BandInput(name="longitude", input="location"))


def spec(*bands: BandInput, **more) -> InputSpec:
    return InputSpec(bands=bands, unit="reflectance", gsd=10, window=32, stride=16, margin=8, **more)


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


@pytest.fixture
def heights(tmp_path):
    (tmp_path / "h").mkdir()
    made = Archive(tmp_path / "h")
    made.add(START - timedelta(days=4000), seed=9)
    return made


def static(heights, steps, channels):
    parts = tuple(Part(tuple(heights.scenes), part.start, part.end) for part in steps_of([], START, END, steps))
    return Series(parts, CubeSpec(bands=()), HEIGHTS, channels, static=True)


def test_channels_stand_in_the_models_order_whichever_input_gives_them(archive, heights):
    archive.add(START)
    given = spec(PLACE[0], OPTICAL[0], HEIGHT, OPTICAL[1], PLACE[1])
    optical = Series(steps_of(archive.scenes, START, END, 1), CubeSpec(bands=()), FACTS, (1, 3))
    read = read_series([optical, static(heights, 1, (2,))], TILE, input=given)
    assert read.bands == ("location_latitude", "B01", "height_B01", "B02", "location_longitude")
    alone = read_cube(optical.parts, TILE, CubeSpec(bands=()), input=spec(*OPTICAL), collection=FACTS)
    for place, theirs in ((1, 0), (3, 1)):
        np.testing.assert_array_equal(read.cube.layers[0][place], alone.cube.layers[0][theirs])
        assert read.cube.facts[place] == alone.cube.facts[theirs]
    assert read.cube.facts[2].unit == "m" and read.cube.layers[0][2].dtype == np.uint16
    grown, origin, _ = model_tile(TILE, given)
    degrees = lonlat(tile_lattice(grown), origin)
    np.testing.assert_array_equal(read.cube.layers[0][0], degrees[1])
    np.testing.assert_array_equal(read.cube.layers[0][4], degrees[0])
    np.testing.assert_array_equal(read.count, alone.count)


def test_a_static_input_is_read_once_and_serves_every_step(archive, heights):
    for day in (1, 200):
        archive.add(START + timedelta(days=day), seed=day)
    given = spec(*OPTICAL, HEIGHT, steps=2, layout="NTCHW")
    optical = Series(steps_of(archive.scenes, START, END, 2), CubeSpec(bands=()), FACTS, (0, 1))
    read = read_series([optical, static(heights, 2, (2,))], TILE, input=given)
    assert read.cube.layers[0][2] is read.cube.layers[1][2]
    assert read.stats["files_opened"] == 5
    assert read.cube.days.tolist() == [92, 274] and (read.count == 2).all()


def test_an_input_without_scenes_has_no_data(archive):
    archive.add(START)
    optical = Series(steps_of(archive.scenes, START, END, 1), CubeSpec(bands=()), FACTS, (0, 1))
    nothing = Series(steps_of([], START, END, 1), CubeSpec(bands=()), HEIGHTS, (2,))
    read = read_series([optical, nothing], TILE, input=spec(*OPTICAL, HEIGHT))
    assert not read.cube.layers[0][2].any() and read.cube.layers[0][0].all()


NIGHT = (BandInput(name="B01", optional=True), BandInput(name="B02"))


def test_an_optional_band_is_composited_of_the_scenes_that_have_it(archive):
    day = archive.add(START + timedelta(days=1), seed=1)
    night = archive.add(START + timedelta(days=2), seed=2, bands=("B02",))
    parts = steps_of(archive.scenes, START, END, 1)
    how = CubeSpec(bands=(), method=Method.MEAN)
    read = read_cube(parts, TILE, how, input=spec(*NIGHT), collection=FACTS)
    cut = archive.margin - read.inner.top
    np.testing.assert_array_equal(read.cube.layers[0][0], day["B01"][cut:-cut, cut:-cut])
    both = (day["B02"].astype(int) + night["B02"])[cut:-cut, cut:-cut] / 2
    np.testing.assert_array_equal(read.cube.layers[0][1], np.rint(both))
    assert (read.count == 2).all()
    with pytest.raises(UnitError, match="s1#B01"):
        read_cube(parts, TILE, how, input=spec(*OPTICAL), collection=FACTS)


def test_a_night_has_no_data_in_the_bands_of_the_day(archive):
    archive.add(START, bands=("B02",))
    parts = steps_of(archive.scenes, START, END, 1)
    read = read_cube(parts, TILE, CubeSpec(bands=()), input=spec(*NIGHT), collection=FACTS)
    assert not read.cube.layers[0][0].any() and read.cube.layers[0][1].all() and (read.count == 1).all()


def test_as_long_as_no_scene_lacks_one_optional_bands_change_nothing(archive):
    archive.add(START, cloud=np.s_[100:110, 100:120])
    archive.add(START + timedelta(days=9), seed=4)
    parts, how = steps_of(archive.scenes, START, END, 1), CubeSpec(bands=(), masks=FACTS.masks)
    with_it = read_cube(parts, TILE, how, input=spec(*NIGHT), collection=FACTS)
    without = read_cube(parts, TILE, how, input=spec(*OPTICAL), collection=FACTS)
    for ours, theirs in zip(with_it.cube.layers[0], without.cube.layers[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_band_that_the_collection_lacks_is_nan_if_the_model_can_do_without(archive):
    archive.add(START)
    parts = steps_of(archive.scenes, START, END, 1)
    thermal = BandInput(name="B10", unit="K", optional=True)
    read = read_cube(parts, TILE, CubeSpec(bands=()), input=spec(*OPTICAL, thermal), collection=FACTS)
    assert np.isnan(read.cube.layers[0][2]).all() and read.cube.layers[0][0].all()
    needed = spec(*OPTICAL, thermal.model_copy(update={"optional": False}))
    with pytest.raises(ModelError, match="lacks bands that the model takes: B10"):
        read_cube(parts, TILE, CubeSpec(bands=()), input=needed, collection=FACTS)


def test_memory_grows_with_inputs_and_a_static_one_counts_once():
    given = spec(*OPTICAL, HEIGHT, steps=4, layout="NTCHW")
    optical = Series((), CubeSpec(bands=()), FACTS, (0, 1))
    height = Series((), CubeSpec(bands=()), HEIGHTS, (2,))
    fixed = Series((), CubeSpec(bands=()), HEIGHTS, (2,), static=True)

    def size(*more: Series) -> int:
        return series_bytes([(8, optical), *((8, one) for one in more)], TILE, input=given, budget_bytes=1 << 20)

    grown, _, _ = model_tile(TILE, given)
    a_step = 2 * grown.shape[0] * grown.shape[1]
    assert size() < size(fixed) < size(height)
    assert size(height) - size(fixed) == 3 * a_step
