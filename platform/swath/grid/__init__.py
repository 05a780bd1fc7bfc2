"""Where: areas, grids, tiles; and when: periods.

| Word | Here |
|---|---|
| area | `Area.parse`: bbox, file, name, one's own boundaries |
| grid | `Grid.named`: CRS rule, resolution, anchor, tile size; `grid.tiles(area)` is a stream |
| tile | `Tile`, `parse_tile`: a frozen value whose id parses back |
| zone | `owner_zone`: who counts a pixel |
| period | `Period.parse`: `2008/2013/P1Y`, END included |
"""

from swath.grid.areas import Area
from swath.grid.boundaries import CONTINENTS, boundary
from swath.grid.grids import Grid
from swath.grid.lattices import Lattice, lattice
from swath.grid.lonlat import BBox
from swath.grid.outlines import outline
from swath.grid.periods import Period, TimeStep
from swath.grid.tiles import Tile, parse_tile
from swath.grid.zones import owner_zone, zone_domain

__all__ = [
    "CONTINENTS",
    "Area",
    "BBox",
    "Grid",
    "Lattice",
    "Period",
    "Tile",
    "TimeStep",
    "boundary",
    "lattice",
    "outline",
    "owner_zone",
    "parse_tile",
    "zone_domain",
]
