"""What training makes small: means over labels only.

Each loss is a function of (scores, target, *, weight, objects, …settings) that gives a scalar; those of values also
take `error`, the standard error of each label. `weight`, `objects` and `error` are a batch's; None leaves them aside.
"""

from swath.training.losses.logspace import Correction, Log, LogResiduals
from swath.training.losses.ordinal import ordinal_loss, ordinal_probabilities
from swath.training.losses.presence import (
    assume_negative_loss,
    site_loss,
    species_weights,
    weighted_logistic_loss,
)
from swath.training.losses.regression import gaussian_loss, laplace_loss, quantile_loss, regression_loss
from swath.training.losses.segmentation import dice, focal_loss, segmentation_loss
from swath.training.losses.support import LOG_SCALE, Form, Pairs, pairs_of

__all__ = [
    "LOG_SCALE",
    "Correction",
    "Form",
    "Log",
    "LogResiduals",
    "Pairs",
    "assume_negative_loss",
    "dice",
    "focal_loss",
    "gaussian_loss",
    "laplace_loss",
    "ordinal_loss",
    "ordinal_probabilities",
    "pairs_of",
    "quantile_loss",
    "regression_loss",
    "segmentation_loss",
    "site_loss",
    "species_weights",
    "weighted_logistic_loss",
]
