"""Samples that are rows: read, checked, standardised; trees and networks that learn from them."""

from __future__ import annotations

from swath.training.tables.boosted import BoostedConfig, boost
from swath.training.tables.forest import ForestConfig, grow
from swath.training.tables.perceptrons import PerceptronConfig
from swath.training.tables.scaling import Scaling
from swath.training.tables.schema import TableSchema
from swath.training.tables.table import Table
from swath.training.tables.values import Estimates, ValueConfig, ValueModel, learn_values

__all__ = [
    "BoostedConfig",
    "Estimates",
    "ForestConfig",
    "PerceptronConfig",
    "Scaling",
    "Table",
    "TableSchema",
    "ValueConfig",
    "ValueModel",
    "boost",
    "grow",
    "learn_values",
]
