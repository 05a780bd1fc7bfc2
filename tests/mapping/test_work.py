"""The work of a unit as the runner sees it."""

import pickle
from types import SimpleNamespace

import pytest

from swath.grid import parse_tile
from swath.mapping.work import MapWork

from .published import COLLECTION, PRODUCT, Recipe, unit_of

UNIT = unit_of(parse_tile("utm33n-10m-1536-x21-y379"))


@pytest.fixture
def work():
    work = MapWork("/nowhere", "mosaic/1.0", "0123456789ab", threads=2, strip_bytes=64 * 2**20)
    # as `plan` would open it from the store
    work.__dict__["plan"] = SimpleNamespace(
        product=PRODUCT, layers=Recipe().layers, specs=(PRODUCT.cube_spec(COLLECTION),), collections=(COLLECTION,)
    )
    return work


def test_it_travels_as_a_few_strings(work):
    data = pickle.dumps(work)
    assert len(data) < 400
    assert "plan" not in pickle.loads(data).__dict__


def test_its_size_grows_with_the_tile_and_is_bounded_by_the_strip(work):
    small = work.size(unit_of(parse_tile("utm33n-10m-768-x21-y379")))
    assert small < work.size(UNIT) < 64 * 2**20 + 40 * 1536 * 1536


def test_a_tile_that_fits_is_named(work):
    needed = work.size(UNIT)
    assert work.fitting_tile_size(UNIT, needed) == 1536
    assert work.fitting_tile_size(UNIT, needed - 1) == 768
    assert work.fitting_tile_size(UNIT, 1000) is None
