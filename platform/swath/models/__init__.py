"""Encoders, heads, packages and the predictor."""

from __future__ import annotations

from swath.models.card import card_template
from swath.models.cubes import ModelCube
from swath.models.import_onnx import import_onnx
from swath.models.inputs import match_bands
from swath.models.package import Package
from swath.models.predictor import Predictor
from swath.models.provenance import Provenance
from swath.models.spec import ClassesOutput, InputSpec, ModelSpec, ValuesOutput

#: Version of the code of this room that touches pixels (normalisation, windows, blending, sampling): raised by hand.
PIXELS = 1

__all__ = [
    "PIXELS",
    "ClassesOutput",
    "InputSpec",
    "ModelCube",
    "ModelSpec",
    "Package",
    "Predictor",
    "Provenance",
    "ValuesOutput",
    "card_template",
    "import_onnx",
    "match_bands",
]
