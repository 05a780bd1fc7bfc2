"""Training: labels, splits, chips; and a network fitted to them (`swath.training.fit`, which needs torch)."""

from __future__ import annotations

from swath.training.chip_plan import ChipPlan, ChipSettings
from swath.training.chips import ChipsResult, cut_chips
from swath.training.chipset import ChipSet, HeldOut
from swath.training.dropped import Dropped, Reason
from swath.training.label_rasters import CodeLabels, band_labels, raster_labels
from swath.training.labels import Labels, read_labels
from swath.training.source import IGNORED, ChipFacts, Chips, ChipSource, Part
from swath.training.splits import SplitSpec
from swath.training.statistics import Statistics

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
    "Labels",
    "Part",
    "Reason",
    "SplitSpec",
    "Statistics",
    "band_labels",
    "cut_chips",
    "raster_labels",
    "read_labels",
]
