"""Layers of where a model may be applied."""

from __future__ import annotations

from swath.models.applicability import Applicability
from swath.products.layers import Layer, LayerKind
from swath.products.model import APPLICABLE, DISSIMILARITY, ModelUse

INDEX_STEP = 0.01  #: value of one step of `dissimilarity`, which ends at 2.54
UNKNOWN = 255  #: no data of both layers


def applicability_layers(use: ModelUse) -> list[Layer]:
    """Those that a product asks for, in order; none without a package that knows."""
    told = None if use.bound is None else use.bound.spec.applicability
    return [] if told is None else [_layer(name, told) for name in use.applicability]


def _layer(name: str, told: Applicability) -> Layer:
    if name == DISSIMILARITY:
        return Layer(
            name=DISSIMILARITY, kind=LayerKind.CONTINUOUS, dtype="uint8", nodata=UNKNOWN, scale=INDEX_STEP,
            title=f"Distance to the nearest pixel of the training over the mean distance between such; the model is "
            f"applicable up to {told.threshold:.3f}",
        )  # fmt: skip
    return Layer(
        name=APPLICABLE, kind=LayerKind.CODES, dtype="uint8", nodata=UNKNOWN, overviews="mode",
        title=f"1 where the model is applicable (dissimilarity up to {told.threshold:.3f}), 0 where it is not",
    )  # fmt: skip
