"""Layers that say how sure a class is: entropy, margin, and the set of classes that are likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from swath.errors import ProductError
from swath.models.calibration import ClassCalibration, PredictionSets
from swath.models.spec import ModelSpec
from swath.products.layers import Layer, LayerKind
from swath.products.legend import Legend

ENTROPY, MARGIN, SET = "entropy", "margin", "set"
NO_SET = 0  #: no data of `set`: the likeliest class is always in a set, so that none is empty
MOST_CLASSES = 16  #: of a legend whose sets fit a uint16
UncertaintyLayer = Literal["entropy", "margin", "set"]


def sets_of(spec: ModelSpec) -> PredictionSets | None:
    """What is known of a model's prediction sets."""
    made = spec.calibration
    return made.sets if isinstance(made, ClassCalibration) else None


def check_sets(names: Sequence[str], spec: ModelSpec, legend: Legend, *, where: str) -> None:
    """Refuse layer `set` of a model that does not know it, or of a legend that does not fit.

    Raises:
        ProductError: See above.
    """
    if SET not in names:
        return
    if sets_of(spec) is None:
        raise ProductError(
            f"{where}: model {spec.name} has no prediction sets: it was not calibrated.",
            fix="Train it with `calibrate` and enough blocks held out, or leave `set` out of model.layers.",
            field="model.layers",
            value=SET,
        )
    if len(legend.classes) > MOST_CLASSES:
        raise ProductError(
            f"{where}: the legend has {len(legend.classes)} classes, and `set` has bits for {MOST_CLASSES}.",
            fix="Write probabilities instead, or merge classes by model.names.",
            field="model.layers",
            value=SET,
        )


def uncertainty_layer(name: str, spec: ModelSpec, legend: Legend, share: Layer) -> Layer:
    """One of the three layers.

    Args:
        name: Of the layer.
        spec: Of the model.
        legend: Of the product.
        share: A layer of a share from 0 to 1, whose dtype, scale and no-data entropy and margin have too.
    """
    if name == ENTROPY:
        return replace(
            share, name=name, title="Entropy of the classes' probabilities, 0: one class is certain, 1: all are alike"
        )
    if name == MARGIN:
        return replace(share, name=name, title="Probability of the likeliest class above that of the next")
    made = sets_of(spec)
    held = "" if made is None else f", which hold {made.level:.0%} of labels"
    return Layer(
        name=SET, kind=LayerKind.CODES, title=f"Set of the likely classes{held}: a bit a class",
        dtype="uint16", nodata=NO_SET, overviews="nearest", bits=tuple(c.name for c in legend.classes),
    )  # fmt: skip
