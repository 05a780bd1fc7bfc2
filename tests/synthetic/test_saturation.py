"""How the optical bands see biomass: less and less, and nothing beyond about 150 Mg/ha."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from swath.synthetic import BANDS, Surface
from swath.synthetic.optical import reflectance

JULY = date(2023, 7, 10)


@pytest.fixture(scope="module")
def curve(world, site):
    """Mean reflectance of closed forest by the stands' structure, (bands,) a biomass."""
    ground = world.ground(site, 2023)
    forest = np.isin(ground.kinds[..., 0], (Surface.BROADLEAF, Surface.CONIFER)) & (ground.shares[..., 0] == 255)
    means = {}
    for mass in (0, 50, 100, 150, 250, 400):
        stands = replace(ground, structure=np.full(forest.shape, mass, np.float32))
        means[mass] = reflectance(world.seed, site, stands, JULY)[:, forest].mean(axis=1)
    return means


@pytest.mark.parametrize("band", ["B04", "B08", "B11", "B12"])
def test_forest_darkens_with_biomass_and_saturates_near_150(curve, band):
    n = BANDS.index(band)
    fall = {mass: (curve[0][n] - value[n]) / (curve[0][n] - curve[400][n]) for mass, value in curve.items()}
    assert curve[400][n] < 0.8 * curve[0][n]
    assert fall[50] < 0.75 and fall[100] < 0.92  # a radar's is above 0.93 there
    assert 0.90 < fall[150] < 0.98
    assert abs(curve[250][n] - curve[400][n]) < 0.002  # under the noise of a pixel


def test_no_band_sees_the_part_of_biomass_that_has_no_structure(world, site):
    ground = world.ground(site, 2023)
    assert ground.structure is not None
    seen = reflectance(world.seed, site, ground, JULY)
    bare = replace(ground, structure=None)
    assert np.array_equal(seen, reflectance(world.seed, site, bare, JULY))
