"""Two maps of the same tiles: where they differ, by how much, and which is worse against a reference.

Counts of difference are not areas of change. Each map errs, and errors of two maps look like change: an area of change
needs a reference sample with a buffer stratum around it (Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015).
"""

from __future__ import annotations

from swath.assessment.compare.classes import ClassesCompared, compare_classes
from swath.assessment.compare.common import NOTE
from swath.assessment.compare.difference import Difference
from swath.assessment.compare.judged import Judged, judge
from swath.assessment.compare.values import ValuesCompared, compare_values, value_layer

__all__ = [
    "NOTE",
    "ClassesCompared",
    "Difference",
    "Judged",
    "ValuesCompared",
    "compare_classes",
    "compare_values",
    "judge",
    "value_layer",
]
