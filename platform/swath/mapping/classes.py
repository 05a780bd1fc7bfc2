"""Scores of a model's classes to the classes of a product: code, confidence, probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.mapping.doubts import share_doubts
from swath.products.model import CLASS, CONFIDENCE, NO_CLASS, NO_SHARE, SHARE_STEP, ModelUse, probability_name
from swath.products.uncertainty import ENTROPY, MARGIN, SET, sets_of

Array = NDArray[Any]
#: Pixels worked on at a time: their sums of a dozen classes stay in a core's nearest cache.
BLOCK = 256


@dataclass(frozen=True)
class Shares:
    """How the classes of a model become those of a legend.

    Attributes:
        rows: Row of the legend for each class of the model, -1 where it is left out, (K,) int64.
        codes: Of the legend, (L,) uint8.
        known: Whether any class of the model becomes this one, (L,) bool.
        wanted: Row of the legend and layer of each probability that is written.
        threshold: Least probability of a class in a set; 1 where none is written.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.uint8]
    known: NDArray[np.bool_]
    wanted: tuple[tuple[int, str], ...]
    threshold: float = 1.0

    @classmethod
    def of(cls, use: ModelUse, *, where: str) -> Shares:
        """As a product with its model says."""
        rows = use.classes(where=where)
        assert use.legend is not None
        classes, sets = use.legend.classes, None if use.bound is None else sets_of(use.bound.spec)
        row_of = {c.code: row for row, c in enumerate(classes)}
        return cls(
            rows,
            np.array([c.code for c in classes], np.uint8),
            np.isin(np.arange(len(classes)), rows),
            tuple((row_of[c.code], probability_name(c.name)) for c in use.wanted(where=where)),
            1.0 if sets is None else sets.threshold,
        )


def share_classes(strip: NDArray[np.float32], shares: Shares, layers: Mapping[str, Array], row: int) -> None:
    """Write a strip of probabilities into layers.

    Probabilities of classes that become one are added. The class is the likeliest; of two alike the one that the legend
    lists first. A pixel without data has no class, no confidence, no probability.

    Args:
        strip: (K, rows, columns), NaN where there is no data.
        shares: How classes become others.
        layers: `class`, `confidence`, probabilities, `entropy` and `margin`, whichever are written, each (H, W) uint8;
            `set` uint16.
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
    if layers.keys() & {ENTROPY, MARGIN, SET}:
        share_doubts(
            strip, shares.rows, shares.known, np.float32(shares.threshold), np.float32(1 / SHARE_STEP),
            layers[ENTROPY][part] if ENTROPY in layers else none,
            layers[MARGIN][part] if MARGIN in layers else none,
            layers[SET][part] if SET in layers else none.astype(np.uint16),
        )  # fmt: skip


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
    sums = np.empty((codes.size, BLOCK), np.float32)
    most = np.empty(BLOCK, np.float32)
    likeliest = np.empty(BLOCK, np.int32)
    low, high = np.float32(0.0), np.float32(1.0)
    no_class, no_share = np.int32(NO_CLASS), np.float32(NO_SHARE)
    for y in range(strip.shape[1]):
        for start in range(0, strip.shape[2], BLOCK):
            size = min(BLOCK, strip.shape[2] - start)
            sums[:] = low
            for k in range(rows.size):
                if rows[k] >= 0:
                    line, given = sums[rows[k]], strip[k, y, start : start + size]
                    for j in range(size):
                        line[j] += given[j]
            most[:] = -np.inf
            for c in range(codes.size):
                if known[c]:
                    line, code = sums[c], np.int32(codes[c])
                    for j in range(size):
                        above = line[j] > most[j]
                        most[j] = line[j] if above else most[j]
                        likeliest[j] = code if above else likeliest[j]
            there = strip[0, y, start : start + size]
            if classes.size:
                out = classes[y, start : start + size]
                for j in range(size):
                    out[j] = np.uint8(likeliest[j] if there[j] == there[j] else no_class)
            if confidence.size:
                out = confidence[y, start : start + size]
                for j in range(size):
                    share = np.rint(min(max(most[j], low), high) * steps)
                    out[j] = np.uint8(np.int32(share if there[j] == there[j] else no_share))
            for n in range(wanted.size):
                line, out = sums[wanted[n]], probabilities[n, y, start : start + size]
                for j in range(size):
                    share = np.rint(min(max(line[j], low), high) * steps)
                    out[j] = np.uint8(np.int32(share if there[j] == there[j] else no_share))
