"""How good a map is: sums that workers add up, and figures made of them. A figure of nothing is None, never 0."""

from swath.training.metrics.bins import ValueBins
from swath.training.metrics.bootstrap import interval, interval_of
from swath.training.metrics.boyce import boyce
from swath.training.metrics.calibration import Reliability
from swath.training.metrics.classes import (
    MEASURES,
    Counts,
    Measure,
    balanced_accuracy,
    class_f1,
    class_figures,
    class_iou,
    class_recall,
    confusion,
    macro_f1,
    mean_iou,
    mean_rank_error,
    overall_accuracy,
)
from swath.training.metrics.comparison import (
    LOWER_IS_BETTER,
    Difference,
    compare,
    compare_sums,
    compare_units,
    compare_values,
)
from swath.training.metrics.distributions import (
    Distribution,
    DistributionSums,
    Laplace,
    LogNormal,
    Normal,
    Quantiles,
    check_levels,
    coverage,
    crps,
)
from swath.training.metrics.presence import PresenceRows, auc, average_precision, tss
from swath.training.metrics.ranks import RankSums, mean_over_species
from swath.training.metrics.values import VALUE_MEASURES, ValueMeasure, ValueSums
from swath.training.metrics.widened import Widened

__all__ = [
    "LOWER_IS_BETTER",
    "MEASURES",
    "VALUE_MEASURES",
    "Counts",
    "Difference",
    "Distribution",
    "DistributionSums",
    "Laplace",
    "LogNormal",
    "Measure",
    "Normal",
    "PresenceRows",
    "Quantiles",
    "RankSums",
    "Reliability",
    "ValueBins",
    "ValueMeasure",
    "ValueSums",
    "Widened",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "boyce",
    "check_levels",
    "class_f1",
    "class_figures",
    "class_iou",
    "class_recall",
    "compare",
    "compare_sums",
    "compare_units",
    "compare_values",
    "confusion",
    "coverage",
    "crps",
    "interval",
    "interval_of",
    "macro_f1",
    "mean_iou",
    "mean_over_species",
    "mean_rank_error",
    "overall_accuracy",
    "tss",
]
