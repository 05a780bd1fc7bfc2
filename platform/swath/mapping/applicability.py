"""Dissimilarity of pixels to the layers of a product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.models.applicability import Applicability
from swath.products.applicability import UNKNOWN
from swath.products.layers import Layer
from swath.products.model import APPLICABLE, DISSIMILARITY


def share_index(
    index: NDArray[np.float32],
    told: Applicability,
    made: Mapping[str, NDArray[Any]],
    layers: Mapping[str, Layer],
    row: int,
) -> None:
    """Write rows of the dissimilarity index into layers.

    Args:
        index: (rows, columns), NaN where there is no data.
        told: Of the model.
        made: `dissimilarity` and `applicable`, whichever are written, each (H, W).
        layers: The facts of their files.
        row: First row.
    """
    part = slice(row, row + len(index))
    if DISSIMILARITY in made:
        made[DISSIMILARITY][part] = layers[DISSIMILARITY].encode(index, nodata=float("nan"))
    if APPLICABLE in made:
        inside = (index <= np.float32(told.threshold)).astype(np.uint8)
        made[APPLICABLE][part] = np.where(np.isnan(index), np.uint8(UNKNOWN), inside)
