"""Cubes: scenes on a tile's lattice, harmonised, masked, reduced."""

from __future__ import annotations

from swath.cube.adjust import check_mix
from swath.cube.compose import DEFAULT_BUDGET, compose, composite_bytes
from swath.cube.composite import FEW, NONE, Composite
from swath.cube.gdal import gdal_env
from swath.cube.indices import (
    INDEX_FACTS,
    compute_index,
    index_bands,
    index_name,
    index_numbers,
    index_of_composite,
    index_of_dates,
    physical,
)
from swath.cube.layers import COUNT, DAY, FLAGS, LayerFacts, check, layer_facts, percentile_name
from swath.cube.load import load
from swath.cube.open import open_cube, use_ray_if_there
from swath.cube.spec import CubeSpec, Method, Resampling

#: Version of the code of this room that touches pixels: raised by hand when a composite's numbers change.
PIXELS = 2

__all__ = [
    "COUNT",
    "DAY",
    "DEFAULT_BUDGET",
    "FEW",
    "FLAGS",
    "INDEX_FACTS",
    "NONE",
    "PIXELS",
    "Composite",
    "CubeSpec",
    "LayerFacts",
    "Method",
    "Resampling",
    "check",
    "check_mix",
    "compose",
    "composite_bytes",
    "compute_index",
    "gdal_env",
    "index_bands",
    "index_name",
    "index_numbers",
    "index_of_composite",
    "index_of_dates",
    "layer_facts",
    "load",
    "open_cube",
    "percentile_name",
    "physical",
    "use_ray_if_there",
]
