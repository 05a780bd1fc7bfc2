"""Products: what is mapped, in one YAML file each, validated before any work."""

from __future__ import annotations

from swath.products.forest import FOREST, ForestDefinition, Threshold
from swath.products.inputs import Composite, Input, Mask
from swath.products.layers import Compression, Layer, LayerKind, LayerRule
from swath.products.legend import Legend, LegendClass
from swath.products.model import BoundModel, ModelUse
from swath.products.output import GridChoice, Output, Provider
from swath.products.product import Product, products
from swath.products.template import check, template

__all__ = [
    "FOREST",
    "BoundModel",
    "Composite",
    "Compression",
    "ForestDefinition",
    "GridChoice",
    "Input",
    "Layer",
    "LayerKind",
    "LayerRule",
    "Legend",
    "LegendClass",
    "Mask",
    "ModelUse",
    "Output",
    "Product",
    "Provider",
    "Threshold",
    "check",
    "products",
    "template",
]
