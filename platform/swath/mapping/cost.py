"""What a unit will cost: bytes to read and seconds, before anything is read.

Rates are assumptions until a run has been measured; `Rates.source` says which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.cube import CubeSpec
from swath.grid import Tile
from swath.sources import Collection


@dataclass(frozen=True)
class Rates:
    """Rates that turn samples into bytes and seconds.

    Attributes:
        bytes_a_sample: Compressed size of a decoded sample.
        samples_a_second: Decoded, masked and composited on one core.
        block: Edge of a source block, pixels: a tile decodes each block that it touches whole.
        source: Where the rates come from.
    """

    bytes_a_sample: float = 1.1
    samples_a_second: float = 50e6
    block: int = 1024
    source: str = "assumed: Sentinel-2 COGs with deflate, one core"


@dataclass(frozen=True)
class Cost:
    """Of one unit: decoded samples, bytes read, seconds on one core."""

    samples: int
    bytes: int
    seconds: float

    def __add__(self, other: Cost) -> Cost:
        """Of both together."""
        return Cost(self.samples + other.samples, self.bytes + other.bytes, self.seconds + other.seconds)


class CostModel:
    """Costs of units of one product and collection.

    Args:
        spec: The cube; its bands and mask bands are read.
        collection: Facts, for sampling distances.
        rates: Of reading.
    """

    def __init__(self, spec: CubeSpec, collection: Collection, rates: Rates | None = None) -> None:
        self.rates = rates or Rates()
        self.bands = tuple(dict.fromkeys((*spec.bands, *(rule.band for rule in spec.masks))))
        self._gsd = np.array([collection.bands[name].gsd for name in self.bands])
        self._whole: dict[tuple[tuple[int, int], float], tuple[float, float]] = {}

    def cost(self, tile: Tile, covered: float) -> Cost:
        """Cost of a tile.

        Args:
            tile: Its window in each source is widened to whole blocks.
            covered: Sum over the scenes of the share of the tile that each covers.
        """
        size = (tile.shape, tile.resolution)
        if size not in self._whole:
            self._whole[size] = self._samples(*size)
        once, widened = self._whole[size]
        samples = once * covered
        read = min(widened * covered, samples * 6)
        return Cost(round(samples), round(read * self.rates.bytes_a_sample), read / self.rates.samples_a_second)

    def _samples(self, shape: tuple[int, int], resolution: float) -> tuple[float, float]:
        """Samples of one scene that covers a tile whole: those of the tile, and those of the blocks that it touches."""
        edge = np.array(shape)[:, None] * resolution / self._gsd[None]
        # a window of e pixels at any offset touches on average (e + block) pixels along each edge
        block = self.rates.block
        return float((edge[0] * edge[1]).sum()), float(((edge[0] + block) * (edge[1] + block)).sum())


def coverage(tile: tuple[float, float, float, float], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of a tile's bbox that each box covers, shape (n,).

    Args:
        tile: (west, south, east, north), degrees.
        boxes: Of footprints, shape (n, 4), degrees, unwrapped as the tile's.
    """
    west, south, east, north = tile
    wide = np.minimum(boxes[:, 2], east) - np.maximum(boxes[:, 0], west)
    high = np.minimum(boxes[:, 3], north) - np.maximum(boxes[:, 1], south)
    area = max((east - west) * (north - south), 1e-12)
    return np.clip(wide, 0, None) * np.clip(high, 0, None) / area
