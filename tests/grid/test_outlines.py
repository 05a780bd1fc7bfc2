"""Many tiles at once answer as each alone."""

from __future__ import annotations

from itertools import islice

import pytest

from swath.grid import Area, Grid, outline, parse_tile


@pytest.mark.parametrize(
    ("grid", "area"),
    [
        ("utm", "13.0,-1.0,30.2,1.0"),  # three zones, both hemispheres, tiles at the zones' edges
        ("utm", "176,-18,-178,-16"),  # over the antimeridian
        ("utm", "8.5,78,10,79"),  # zones that are wider than six degrees
        ("landsat", "29.5,-4.5,31,-2.3"),
        ("EPSG:6933", "178,-60,180,-59"),
        ("EPSG:6931", "-180,88,180,90"),  # round the pole
    ],
)
def test_outlines_are_those_of_each_tile_alone(grid, area):
    size = {"utm": 1536, "landsat": 512}.get(grid, 1000)
    tiles = list(islice(Grid.named(grid, tile_size=size).tiles(Area.parse(area)), 400))
    assert len(tiles) > 10
    outline(tiles)
    kept = 0
    for tile in tiles:
        kept += "footprint" in vars(tile)
        alone = parse_tile(tile.id)
        assert tile.footprint.equals_exact(alone.footprint, 0.0)
        assert tile.bbox == alone.bbox
        assert tile.km2 == alone.km2
    assert kept > len(tiles) / 2 or "180" in area


def test_no_tiles_have_no_outlines():
    outline([])
