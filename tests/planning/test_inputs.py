"""Which items and collections each input of a product reads."""

import numpy as np
import pytest

from swath.planning.inputs import Inputs, inputs_of, items_of
from swath.planning.searching import Found, _chosen, likely
from swath.products import Product
from swath.sources import FrozenItems, SearchResult, collection, freeze
from swath.sources.selection import marked

OPTICAL, RADAR, HEIGHT, CLIMATE = (
    collection(f"swath-simulated-{name}") for name in ("optical", "radar", "elevation", "climate")
)
PRODUCT = Product.parse(
    """
name: several
version: "1"
title: Several
inputs:
  - {bands: [red]}
  - {name: up, bands: [vv], where: {sat:orbit_state: [ascending]}}
  - {name: down, bands: [vv], where: {sat:orbit_state: descending, sat:relative_orbit: 7}}
  - {name: height, bands: [all], static: timeless, collection: swath-simulated-elevation}
  - {name: climate, bands: [all], static: true}
""",
    where="several",
)


def item(name, facts, **properties):
    asset = next(iter(facts.bands.values())).asset
    raw = {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "collection": facts.ids[0], "links": [],
        "bbox": [12.0, 47.0, 13.0, 48.0], "geometry": {"type": "Polygon", "coordinates": [
            [[12.0, 47.0], [13.0, 47.0], [13.0, 48.0], [12.0, 48.0], [12.0, 47.0]]]},
        "properties": {"datetime": "2023-06-03T10:00:00Z", "platform": "sim-1a", **properties},
        "assets": {asset: {"href": f"/data/{name}.tif"}},
    }  # fmt: skip
    return marked(raw, facts, 0)


UP = item("up", RADAR, **{"sat:orbit_state": "ascending", "sat:relative_orbit": 7})
DOWN = item("down", RADAR, **{"sat:orbit_state": "descending", "sat:relative_orbit": 7})
OTHER = item("other", RADAR, **{"sat:orbit_state": "descending", "sat:relative_orbit": 8})
MUTE = item("mute", RADAR)
RED = item("red", OPTICAL)


def found(facts, *items, number=1, chosen=True):
    return Found(facts, _chosen(SearchResult(list(items)), PRODUCT.inputs[number]), chosen)


def test_items_are_chosen_by_their_properties_and_those_that_do_not_say_them_are_listed():
    up, down = (found(RADAR, UP, DOWN, OTHER, MUTE, number=n).result for n in (1, 2))
    assert [one["id"] for one in up.items] == ["up"] and [one["id"] for one in down.items] == ["down"]
    assert up.left_out == [("mute", "does not say sat:orbit_state")]
    assert down.left_out == [("mute", "does not say sat:orbit_state, sat:relative_orbit")]


def frozen(each, folder):
    freeze(items_of(each), folder / "items.parquet")
    return FrozenItems.open(folder / "items.parquet")


def test_rows_of_each_input_are_found_again_in_the_frozen_table(tmp_path):
    each = [
        found(OPTICAL, RED, number=0, chosen=False), found(RADAR, UP, DOWN, number=1),
        found(RADAR, UP, DOWN, OTHER, number=2), None,
    ]  # fmt: skip
    items, inputs = frozen(each, tmp_path), inputs_of(each)
    assert len(items) == 3 and inputs.first is OPTICAL
    assert inputs.ids == (None, frozenset({"up"}), frozenset({"down"}), None)
    names = {scene.row: scene.id for scene in items.scenes(range(3))}
    rows = [None if mine is None else [names[row] for row in np.flatnonzero(mine)] for mine in inputs.members(items)]
    assert rows == [["red"], ["up"], ["down"], None]


def test_an_item_that_two_inputs_read_is_frozen_once(tmp_path):
    each = [found(RADAR, UP, DOWN, number=0, chosen=False), found(RADAR, UP, DOWN, number=1)]
    items, inputs = frozen(each, tmp_path), inputs_of(each)
    assert len(items) == 2
    assert [int(mine.sum()) for mine in inputs.members(items)] == [2, 1]


def test_an_input_without_items_has_no_row(tmp_path):
    each = [found(OPTICAL, RED, number=0, chosen=False), found(RADAR, number=1)]
    assert inputs_of(each).members(frozen(each, tmp_path))[1].tolist() == [False]


def test_what_was_left_out_is_told_once():
    both = inputs_of([found(RADAR, UP, MUTE, number=1), found(RADAR, UP, MUTE, number=1)])
    assert both.left_out == [("mute", "does not say sat:orbit_state")]


def test_one_input_reads_every_row(tmp_path):
    each = [found(OPTICAL, RED, number=0, chosen=False)]
    assert Inputs((OPTICAL,), (None,), [], []).members(frozen(each, tmp_path))[0].tolist() == [True]


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, [OPTICAL]), (1, [RADAR]), (4, [CLIMATE, OPTICAL, RADAR]), (3, [CLIMATE, OPTICAL, RADAR])],
)
def test_a_collection_is_likely_if_it_has_the_bands_and_no_other_input_names_it(number, expected):
    product = PRODUCT.with_overrides(["inputs.3.collection=auto"] if number == 3 else [])
    if number == 3:
        product = product.with_overrides(["inputs.4.collection=swath-simulated-elevation"])
    assert likely(product, [CLIMATE, HEIGHT, OPTICAL, RADAR], number) == expected
