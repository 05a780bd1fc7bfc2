"""Samples that are rows: read, checked, standardised; trees that learn from them."""

from __future__ import annotations

from swath.training.tables.boosted import BoostedConfig, boost
from swath.training.tables.forest import ForestConfig, grow
from swath.training.tables.scaling import Scaling
from swath.training.tables.schema import TableSchema
from swath.training.tables.table import Table

__all__ = ["BoostedConfig", "ForestConfig", "Scaling", "Table", "TableSchema", "boost", "grow"]
