"""Painted labels of a tile cut into chips: their tensors, and what the index tells of each chip."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.grid import Tile
from swath.training.chip_plan import AnyLabels, ChipPlan
from swath.training.label_set import Labels
from swath.training.rasterise import Painted, lattice_place
from swath.training.source import IGNORED


def labelled_places(painted: Painted, size: int, least: int) -> NDArray[np.int64]:
    """Chips with enough labelled pixels, as (row, column) counted in chips, (n, 2)."""
    rows, cols = (n // size for n in painted.fold.shape)
    labelled = painted.labelled.reshape(rows, size, cols, size).sum(axis=(1, 3))
    return np.argwhere(labelled >= least)


def label_tensors(
    painted: Painted, labels: AnyLabels, places: NDArray[np.int64], *, size: int, margin: int
) -> dict[str, NDArray[Any]]:
    """y, fold, near of some chips, and number, weight and error of the label where labels have them.

    Args:
        painted: Of a tile.
        labels: That were painted.
        places: Chips, (n, 2).
        size: Edge of a chip without its margin, pixels.
        margin: In which nothing is labelled.

    Returns:
        Each (n, size + 2 margin, size + 2 margin).
    """
    tensors = {
        name: _framed(cut(array, places, size, size), margin, empty)
        for name, (array, empty) in _arrays(painted, labels).items()
    }
    if "object" in tensors:
        tensors["object"] = _numbered(tensors["object"])
    return tensors


def tensor_names(labels: AnyLabels) -> list[str]:
    """Names of the tensors that tell of labels in every shard."""
    names = ["y", "fold", "near"]
    if isinstance(labels, Labels):
        names.append("object")
        names += [name for name, given in (("weight", labels.weights), ("error", labels.errors)) if given is not None]
    return names


def _arrays(painted: Painted, labels: AnyLabels) -> dict[str, tuple[NDArray[Any], float]]:
    """Arrays of a tile, and what stands in each where there is no label."""
    found: dict[str, tuple[NDArray[Any], float]] = {
        "y": (painted.y, IGNORED if painted.y.dtype == np.uint8 else np.nan),
        "fold": (painted.fold, IGNORED),
        "near": (painted.near, 0),
    }
    which = painted.which
    if isinstance(labels, Labels) and which is not None:
        found["object"] = (which + 1, 0)
        for name, numbers in (("weight", labels.weights), ("error", labels.errors)):
            if numbers is not None:
                found[name] = (np.where(which >= 0, numbers[which], np.float32(0)), 0)
    return found


def chip_facts(
    tensors: dict[str, NDArray[Any]], places: NDArray[np.int64], tile: Tile, plan: ChipPlan
) -> list[dict[str, Any]]:
    """Of each chip its place on the lattice and in the CRS, labelled pixels by fold and class, and mean of values."""
    size, margin = plan.settings.size, plan.settings.margin
    first_row, first_col = lattice_place(tile)
    folds, classes = plan.settings.split.number, len(plan.labels.output.channels)
    chips = []
    for number, (r, c) in enumerate(places.tolist()):
        # the last row is of those that are never held out
        pixels = np.zeros((folds + 1, classes), np.int64)
        here = tensors["fold"][number] != IGNORED
        y = tensors["y"][number][here]
        np.add.at(pixels, (np.minimum(tensors["fold"][number][here], folds), y if plan.labels.classes else 0), 1)
        chip = {
            "top": first_row + r * size - margin, "left": first_col + c * size - margin,
            "x": tile.affine.c + (c * size - margin) * tile.resolution,
            "y": tile.affine.f - (r * size - margin) * tile.resolution,
            "pixels": pixels.ravel().tolist(),
        }  # fmt: skip
        if not plan.labels.classes:
            chip["mean"] = float(y.mean(dtype=np.float64)) if len(y) else None
        chips.append(chip)
    return chips


def cut(array: NDArray[Any], places: NDArray[np.int64], size: int, edge: int) -> NDArray[Any]:
    """Squares of `edge` pixels that begin every `size`, (n, ..., edge, edge) of (..., H, W)."""
    if not len(places):
        return np.empty((0, *array.shape[:-2], edge, edge), array.dtype)
    return np.stack([array[..., r * size : r * size + edge, c * size : c * size + edge] for r, c in places.tolist()])


def _numbered(objects: NDArray[np.int32]) -> NDArray[Any]:
    """Labels of each chip numbered from 1, 0 where there is none; uint16, or uint32 where a chip has very many."""
    out = np.zeros(objects.shape, np.uint32)
    for chip, found in zip(out, objects, strict=True):
        numbers = np.unique(found[found > 0])
        chip[found > 0] = np.searchsorted(numbers, found[found > 0]) + 1
    return out.astype(np.uint16) if out.max(initial=0) <= np.iinfo(np.uint16).max else out


def _framed(array: NDArray[Any], margin: int, value: float) -> NDArray[Any]:
    """Chips with a margin round each, in which nothing is labelled."""
    return np.pad(array, ((0, 0), (margin, margin), (margin, margin)), constant_values=value)
