"""A digital elevation model as a radar mission makes it: the surface with crowns and roofs on it, of one year."""

from __future__ import annotations

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.land import Ground
from swath.synthetic.noise import hash3, key, unit
from swath.synthetic.relief import relief
from swath.synthetic.window import Window

YEAR = 2013  #: of the crowns and roofs that the model stands on
PIXEL = 3  #: edge, pixels of 10 m
NODATA = -32768.0


@kernel
def _stand(ground, kinds, shares, stand, seed, first, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill coarse pixels with the mean of ground, canopy and roofs of 9 fine ones, and noise."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = 0.0
            for p in range(3):
                for q in range(3):
                    r, c = 3 * i + p, 3 * j + q
                    trees, roofs = 0.0, 0.0
                    for n in range(4):
                        k = kinds[r, c, n]
                        if k == 1 or k == 2:
                            trees += shares[r, c, n] / 255.0
                        elif k == 9:
                            roofs += shares[r, c, n] / 255.0
                    high = 6.5 * roofs
                    if trees > 0.0:
                        # the wave stops some metres inside the crowns
                        high += 0.75 * trees * 2.35 * (stand[r, c] / max(trees, 0.25)) ** 0.46
                    total += ground[r, c] + high
            h = hash3(seed, first[0] + i, first[1] + j, 6)
            dice = unit(h, 0) + unit(h, 1) + unit(h, 2) + unit(h, 3) - 2.0  # standard deviation 0.577
            out[i, j] = total / 9.0 + 1.4 * dice


def surface(seed: int, window: Window, ground: Ground) -> np.ndarray:
    """Metres above the sea of what a radar takes for the surface, float32 (rows / 3, cols / 3) at 30 m.

    Args:
        seed: Of the world.
        window: Edges at multiples of 30 m.
        ground: Of that window in `YEAR`, with its structure.
    """
    shape = relief(seed, window)
    assert ground.structure is not None
    out = np.empty((window.rows // PIXEL, window.cols // PIXEL), np.float32)
    first = (-window.top // PIXEL, window.left // PIXEL)
    fine = shape.at(shape.height, window)
    _stand(fine, ground.kinds, ground.shares, ground.structure, key(seed, "elevation"), first, out)
    return out
