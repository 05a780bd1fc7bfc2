"""Scores of a model's classes to the classes of a product: code, confidence, probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.products.model import CLASS, CONFIDENCE, NO_CLASS, NO_SHARE, SHARE_STEP, ModelUse, probability_name

Array = NDArray[Any]


@dataclass(frozen=True)
class Shares:
    """How the classes of a model become those of a legend.

    Attributes:
        rows: Row of the legend for each class of the model, -1 where it is left out, (K,) int64.
        codes: Of the legend, (L,) uint8.
        known: Whether any class of the model becomes this one, (L,) bool.
        wanted: Row of the legend and layer of each probability that is written.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.uint8]
    known: NDArray[np.bool_]
    wanted: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, use: ModelUse, *, where: str) -> Shares:
        """As a product with its model says."""
        rows = use.classes(where=where)
        assert use.legend is not None
        classes = use.legend.classes
        row_of = {c.code: row for row, c in enumerate(classes)}
        return cls(
            rows,
            np.array([c.code for c in classes], np.uint8),
            np.isin(np.arange(len(classes)), rows),
            tuple((row_of[c.code], probability_name(c.name)) for c in use.wanted(where=where)),
        )


def share_classes(strip: NDArray[np.float32], shares: Shares, layers: Mapping[str, Array], row: int) -> None:
    """Write a strip of probabilities into layers.

    Probabilities of classes that become one are added. The class is the likeliest; of two alike the one that the legend
    lists first. A pixel without data has no class, no confidence, no probability.

    Args:
        strip: (K, rows, columns), NaN where there is no data.
        shares: How classes become others.
        layers: `class`, `confidence` and probabilities, whichever are written, each (H, W) uint8.
        row: First row of the strip in the layers.
    """
    height, width = strip.shape[1:]
    none = np.empty((0, 0), np.uint8)
    part = slice(row, row + height)
    names = [name for _, name in shares.wanted]
    out = np.empty((len(names), height, width), np.uint8)
    _share(
        strip, shares.rows, shares.codes, shares.known, np.array([r for r, _ in shares.wanted], np.int64),
        layers[CLASS][part] if CLASS in layers else none,
        layers[CONFIDENCE][part] if CONFIDENCE in layers else none,
        out, np.float32(1 / SHARE_STEP),
    )  # fmt: skip
    for name, numbers in zip(names, out, strict=True):
        layers[name][part] = numbers


@compiled
def _share(
    strip: Array,
    rows: Array,
    codes: Array,
    known: Array,
    wanted: Array,
    classes: Array,
    confidence: Array,
    probabilities: Array,
    steps: Any,
) -> None:
    sums = np.empty(codes.size, np.float32)
    for y in range(strip.shape[1]):
        for x in range(strip.shape[2]):
            if np.isnan(strip[0, y, x]):
                if classes.size:
                    classes[y, x] = NO_CLASS
                if confidence.size:
                    confidence[y, x] = NO_SHARE
                for n in range(wanted.size):
                    probabilities[n, y, x] = NO_SHARE
                continue
            sums[:] = np.float32(0.0)
            for k in range(rows.size):
                if rows[k] >= 0:
                    sums[rows[k]] += strip[k, y, x]
            best = -1
            for c in range(codes.size):
                if known[c] and (best < 0 or sums[c] > sums[best]):
                    best = c
            if classes.size:
                classes[y, x] = codes[best]
            if confidence.size:
                confidence[y, x] = np.uint8(np.rint(min(max(sums[best], np.float32(0.0)), np.float32(1.0)) * steps))
            for n in range(wanted.size):
                share = min(max(sums[wanted[n]], np.float32(0.0)), np.float32(1.0))
                probabilities[n, y, x] = np.uint8(np.rint(share * steps))
