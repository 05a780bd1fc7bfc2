"""Training: labels, splits, chips; and a network fitted to them (`swath.training.fit`, which needs torch)."""

from __future__ import annotations

from swath.training.chip_plan import ChipPlan, ChipSettings
from swath.training.chips import ChipsResult, cut_chips
from swath.training.chipset import ChipSet, HeldOut
from swath.training.dropped import Dropped, Reason
from swath.training.label_columns import LabelColumns
from swath.training.label_rasters import CodeLabels, band_labels, raster_labels
from swath.training.label_set import Labels
from swath.training.labels import read_labels
from swath.training.source import IGNORED, ChipFacts, Chips, ChipSource, Part
from swath.training.splits import SplitSpec
from swath.training.statistics import Statistics
from swath.training.value_rasters import ValueRaster, value_raster

__all__ = [
    "IGNORED",
    "ChipFacts",
    "ChipPlan",
    "ChipSet",
    "ChipSettings",
    "ChipSource",
    "Chips",
    "ChipsResult",
    "CodeLabels",
    "Dropped",
    "HeldOut",
    "LabelColumns",
    "Labels",
    "Part",
    "Reason",
    "SplitSpec",
    "Statistics",
    "ValueRaster",
    "band_labels",
    "cut_chips",
    "raster_labels",
    "read_labels",
    "value_raster",
]
