"""Biomass of forest only, by a definition of height, cover and area, through the command."""

import json

import numpy as np
import pytest
from scipy.ndimage import label

from support.several import OPTICAL, PRODUCT, mosaic_of, package

DEFINED = (
    PRODUCT.replace(
        "model: {kind: values}\n",
        "  - {name: canopy, collection: swath-simulated-optical, bands: [B08, B04]}\n"
        "  - {name: ground, collection: swath-simulated-elevation, bands: [elevation], static: timeless}\n"
        "model: {kind: values}\n",
    )
    + "forest: {height: {input: ground, least: LEAST}, cover: {input: canopy, band: nir, least: 0.3}, area_ha: 0.4}\n"
)

INPUTS = """
name: several
version: "1"
title: What the definition reads
inputs:
  - {collection: swath-simulated-optical, bands: [B08]}
  - {name: ground, collection: swath-simulated-elevation, bands: [elevation], static: timeless}
"""


@pytest.fixture(scope="module")
def made(several_world, tmp_path_factory):
    """The same map without a definition, and with it in tiles of two sizes."""
    folder = tmp_path_factory.mktemp("forest")
    model = package(folder / "model", OPTICAL)
    code, told = several_world.map(folder / "inputs", several_world.product(folder / "i", INPUTS), None)
    assert code == 0, told
    least = float(np.nanmedian(mosaic_of(folder / "inputs", "elevation")[0]))
    text = DEFINED.replace("LEAST", f"{least:g}")
    for name, product, more in (
        ("plain", PRODUCT, ()), ("small", text, ()), ("large", text, ("--tile-size", 384)),
    ):  # fmt: skip
        path = several_world.product(folder / f"p-{name}", product)
        code, told = several_world.map(folder / name, path, model, *more)
        assert code == 0, told
    return folder, float(f"{least:g}")


def test_the_layer_is_the_definition_written_out(made):
    folder, least = made
    height, cover = (mosaic_of(folder / "inputs", name)[0].astype(float) for name in ("elevation", "B08"))
    meets = (height >= least) & (cover >= 4000)
    groups, _ = label(meets, structure=np.ones((3, 3)))
    sizes = np.bincount(groups.ravel())
    rim = np.unique(np.concatenate([groups[0], groups[-1], groups[:, 0], groups[:, -1]]))
    forest, _ = mosaic_of(folder / "small", "forest")
    # of groups that leave the map only the map's own pixels are known here
    whole = meets & ~np.isin(groups, rim)
    assert (sizes[groups[whole]] < 40).any() and (sizes[groups[whole]] >= 40).any()
    np.testing.assert_array_equal(forest[whole], np.where(sizes[groups[whole]] >= 40, 1, 2))
    assert set(np.unique(forest[~meets])) <= {0, 2}


def test_tiles_of_another_size_give_the_same_forest(made):
    folder, _ = made
    small, at = mosaic_of(folder / "small", "forest")
    large, there = mosaic_of(folder / "large", "forest")
    col, row = (round(v) for v in ~there @ (at.c, at.f))
    np.testing.assert_array_equal(small, large[row : row + small.shape[0], col : col + small.shape[1]])


def test_values_are_those_of_the_model_in_forest_and_zero_elsewhere(made):
    folder, _ = made
    forest = mosaic_of(folder / "small", "forest")[0]
    for layer in ("agb", "agb_sd"):
        plain, cut = mosaic_of(folder / "plain", layer)[0], mosaic_of(folder / "small", layer)[0]
        np.testing.assert_array_equal(cut[forest == 1], plain[forest == 1])
        there = (forest == 2) & np.isfinite(plain)
        assert there.any() and (cut[there] == 0).all()
        assert np.isnan(cut[forest == 0]).all()


def test_the_collection_says_what_counts_as_forest(made):
    folder, least = made
    assets = json.loads((folder / "small/several/1/collection.json").read_text())["item_assets"]
    assert list(assets) == ["agb", "agb_sd", "forest", "count"]
    (is_forest, none) = assets["forest"]["classification:classes"]
    assert f"height of at least {least:g} m (Simulated Earth, surface model)" in is_forest["description"]
    assert "cover of at least 0.3" in is_forest["description"] and "0.4 ha or more" in is_forest["description"]
    assert "values are 0 here" in none["description"]
    assert "0 where no forest is" in assets["agb"]["title"]


def test_another_definition_is_another_map(several_world, made, tmp_path):
    folder, least = made
    other = several_world.product(tmp_path, DEFINED.replace("LEAST", f"{least:g}").replace("0.4}", "0.8}"))
    code, told = several_world.map(folder / "small", other, folder / "model")
    assert code == 2 and "forest.area_ha is 0.4, asked for is 0.8" in told["error"]["message"]
