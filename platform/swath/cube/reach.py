"""Which part of a tile a file can reach."""

from __future__ import annotations

import math

from rasterio.warp import transform_bounds

from swath.cube.lattice import Lattice, Window


def reach(file: Lattice, tile: Lattice) -> Window:
    """The window of the tile that the file's pixels can fall into, a little more rather than less.

    Args:
        file: Its lattice.
        tile: The tile's.

    Returns:
        Within the tile; empty if they do not meet.
    """
    a = file.affine
    corners = [a @ (col, row) for col in (0, file.cols) for row in (0, file.rows)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    bounds = (min(xs), min(ys), max(xs), max(ys))
    margin = 0
    if file.crs != tile.crs:
        bounds = transform_bounds(file.crs, tile.crs, *bounds, densify_pts=21)
        margin = 3
        if not all(math.isfinite(edge) for edge in bounds):
            return tile.all
    left, bottom, right, top = bounds
    t = tile.affine
    window = Window(
        math.floor((top - t.f) / t.e),
        math.ceil((bottom - t.f) / t.e),
        math.floor((left - t.c) / t.a),
        math.ceil((right - t.c) / t.a),
    )
    return window.grown(margin).within(tile.all)
