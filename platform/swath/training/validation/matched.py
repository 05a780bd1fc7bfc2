"""A split whose folds are matched to labels and a map."""

from __future__ import annotations

from typing import Any

from swath.errors import LabelError
from swath.grid import Area
from swath.training.label_set import Labels
from swath.training.places import random_places
from swath.training.splits import SplitSpec
from swath.training.validation.knndm import POINTS, knndm


def matched(split: SplitSpec, labels: Any, area: Area) -> SplitSpec:
    """A split by `knndm` with its folds; any other as it is.

    Args:
        split: As a person writes it.
        labels: That are split, with places of their own.
        area: Of the training; that of the map where the split names none.

    Raises:
        LabelError: Labels that are pixels, or too few.
        AreaError: An area that cannot be read.
    """
    if split.by != "knndm":
        return split
    if not isinstance(labels, Labels):
        raise LabelError(
            f"{labels.source} is a raster: its pixels are no labels with places that could be matched to a map.",
            fix="Take folds by block, year or region.",
        )
    mapped = area if split.mapped is None else Area.parse(split.mapped)
    points = random_places(mapped, POINTS, seed=split.seed)
    codes = labels.codes if labels.classes else None
    found = knndm(labels.places, points, folds=split.folds, seed=split.seed, codes=codes)
    return split.model_copy(update={"matching": found})
