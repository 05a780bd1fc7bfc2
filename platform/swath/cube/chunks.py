"""Into which windows a tile is cut, so that each source block is decoded once and memory stays bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from swath.cube.files import Header
from swath.cube.lattice import Lattice, Window, fit
from swath.errors import OutOfMemoryError

#: Edges of windows lie on multiples of this many pixels where blocks leave the choice: 20 and 60 m bands align.
_STEP = 6


def block_lattice(headers: Sequence[Header], tile: Lattice) -> tuple[int, int, int, int]:
    """(rows, columns, first row, first column) of the source blocks that most files share, in tile pixels.

    Files off the tile's lattice have no say. Without any, a quarter of the tile.
    """
    votes: Counter[tuple[int, int, int, int]] = Counter()
    for header in headers:
        lies = fit(header.lattice, tile)
        if lies is None or lies.fine != 1:
            continue
        rows, cols = header.block
        # a file of strips, or smaller than a block, sets no lattice worth following
        if rows < 16 or rows >= header.lattice.rows:
            rows = header.lattice.rows if rows >= header.lattice.rows else 256
        cols = min(cols, header.lattice.cols)
        votes[rows, cols, (-lies.row) % rows, (-lies.col) % cols] += 1
    if not votes:
        edge = max(_STEP, -(-max(tile.rows, tile.cols) // 4))
        return edge, edge, 0, 0
    return min(votes.items(), key=lambda vote: (-vote[1], vote[0]))[0]


def _cuts(size: int, block: int, first: int, most: int) -> list[int]:
    """Edges from 0 to size: at block edges where the pieces are at most `most`, else inside blocks too."""
    edges = [0]
    while edges[-1] < size:
        here = edges[-1]
        end = min(size, here + max(1, most))
        if end < size:
            at_block = end - (end - first) % block
            inside = end - end % _STEP
            end = next((edge for edge in (at_block, inside) if edge > here), end)
        edges.append(end)
    return edges


def chunks(tile: Lattice, block: tuple[int, int, int, int], *, pixel_bytes: int, budget_bytes: int) -> list[Window]:
    """Windows of the tile, row by row.

    By choice: full-width strips of a row of blocks, two of which fit the budget (one is read while the other is
    reduced); columns of blocks, two of which fit; one of these alone; parts of blocks, which are then decoded more than
    once.

    Args:
        tile: Its lattice.
        block: See `block_lattice`.
        pixel_bytes: Memory that one pixel of a window takes, over all dates and bands.
        budget_bytes: For the windows in flight.

    Raises:
        OutOfMemoryError: Not even a window of 6 x 6 pixels fits.
    """
    most = budget_bytes // max(1, pixel_bytes)
    if most < _STEP * _STEP:
        needed = _STEP * _STEP * pixel_bytes
        raise OutOfMemoryError(
            f"A window of {_STEP} x {_STEP} pixels over all dates and bands needs {needed} bytes, "
            f"{budget_bytes} are allowed.",
            fix="Allow more memory, or fewer dates or bands.",
            needed=needed,
            available=budget_bytes,
            fitting_tile_size=0,
        )
    rows, cols, first_row, first_col = block
    deep, wide = min(rows, tile.rows), min(cols, tile.cols)
    for pixels in (most // 2, most):
        if deep * wide <= pixels:
            # as many columns of blocks as fit
            height, width = deep, min(tile.cols, max(wide, pixels // deep))
            break
    else:
        width = wide if wide * min(_STEP, tile.rows) <= most else most // _STEP
        height = max(1, most // width)
    row_edges = _cuts(tile.rows, rows, first_row, height)
    col_edges = [0, tile.cols] if width >= tile.cols else _cuts(tile.cols, cols, first_col, width)
    return [
        Window(top, bottom, left, right) for top, bottom in pairwise(row_edges) for left, right in pairwise(col_edges)
    ]
