"""Probabilities of classes made true: by temperature or, where blocks left out gain by it, by vector scaling.

Guo et al. 2017 (arXiv:1706.04599). Losses that weigh classes, and samples drawn by class, leave a network that takes
rare classes for commoner than they are: the biases of vector scaling undo it (Alexandari et al. 2020,
arXiv:1901.06852).
What they may do is bounded by how many blocks speak for it: the fit is the mode of a posterior in which each block
counts as one observation, biases are normal about 0, and logarithms of scales normal about a common one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from scipy import special
from scipy.optimize import minimize

from swath.models.calibration import ClassCalibration, PredictionSets
from swath.training.calibration.blocks import Floats, aimed_level, covered, left_out, pooled_quantile, shares_of
from swath.training.calibration.held import ClassRows, chosen_rows
from swath.training.metrics import Reliability

Method = Literal["none", "temperature", "vector"]
METHODS: tuple[Method, ...] = ("none", "temperature", "vector")  #: the simplest first
CV_GROUPS = 5  #: of blocks
BIAS_SD, LOG_SCALE_SD = 2.0, 0.25  #: of the prior


def calibrate_classes(rows: ClassRows, *, level: float) -> tuple[ClassCalibration, dict[str, Any]]:
    """Fit on labels that the network has not seen.

    Args:
        rows: Of two blocks or more.
        level: Of prediction sets.

    Returns:
        The calibration, and how it was chosen: method, negative log likelihood of blocks left out by method.
    """
    each = {name: np.zeros(len(rows.truth)) for name in METHODS}
    for out in left_out(rows.block, groups=CV_GROUPS):
        for name in METHODS:
            scaling = scaling_of(chosen_rows(rows, ~out), name)
            each[name][out] = _losses(chosen_rows(rows, out), *scaling)
    method = METHODS[0]
    for name in METHODS[1:]:
        if _is_better(each[method] - each[name], rows):
            method = name
    told = {name: float(each[name] @ rows.weight / rows.weight.sum()) for name in METHODS}
    scale, bias = scaling_of(rows, method)
    made = ClassCalibration(
        scale=tuple(scale.tolist()), bias=tuple(bias.tolist()), sets=sets_of(rows, scale, bias, level=level)
    )
    return made, {"method": method, "nll_of_blocks_left_out": told}


def _is_better(gain: Floats, rows: ClassRows) -> bool:
    """Whether blocks gain by more than the standard error of that gain: else the simpler way stays."""
    _, number = np.unique(rows.block, return_inverse=True)
    of_block = np.bincount(number, weights=gain * rows.weight)
    return bool(of_block.sum() > of_block.std(ddof=1) * np.sqrt(len(of_block)))


def scaling_of(rows: ClassRows, method: Method) -> tuple[Floats, Floats]:
    """Scale and bias by class, (K,) each."""
    classes = rows.scores.shape[1]
    if method == "none":
        return np.ones(classes), np.zeros(classes)
    unpack: Callable[[Floats], tuple[Floats, Floats]]
    if method == "temperature":
        start = np.zeros(1)

        def unpack(given: Floats) -> tuple[Floats, Floats]:
            return np.repeat(np.exp(given), classes), np.zeros(classes)
    else:
        start = np.zeros(1 + 2 * classes)

        def unpack(given: Floats) -> tuple[Floats, Floats]:
            return np.exp(given[0] + given[1 : 1 + classes]), given[1 + classes :]

    blocks, share = len(np.unique(rows.block)), rows.weight / rows.weight.sum()
    wanted = np.zeros_like(rows.scores)
    wanted[np.arange(len(rows.truth)), rows.truth] = 1

    def posterior(given: Floats) -> tuple[float, Floats]:
        scale, bias = unpack(given)
        lines = rows.scores * scale + bias
        logs = special.log_softmax(lines, axis=1)
        off = (np.exp(logs) - wanted) * share[:, None]
        to_scale, to_bias = (off * rows.scores).sum(0) * scale, off.sum(0)
        value = -float(share @ logs[np.arange(len(rows.truth)), rows.truth]) * blocks
        if method == "temperature":
            return value, blocks * to_scale.sum(keepdims=True)
        apart, shift = given[1 : 1 + classes] / LOG_SCALE_SD, given[1 + classes :] / BIAS_SD
        gradient = blocks * np.concatenate([to_scale.sum(keepdims=True), to_scale, to_bias])
        gradient[1:] += np.concatenate([apart / LOG_SCALE_SD, shift / BIAS_SD])
        return value + 0.5 * float(apart @ apart + shift @ shift), gradient

    bounds = [(-3.0, 3.0)] + [(None, None)] * (len(start) - 1)  # a temperature of 20 tells no class from another
    found = minimize(posterior, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return unpack(found.x)


def sets_of(rows: ClassRows, scale: Floats, bias: Floats, *, level: float) -> PredictionSets:
    """Least ambiguous sets that hold a share of labels (Sadinle, Lei and Wasserman 2019), blocks counting alike.

    The likeliest class is always in a set: an empty one would say nothing to a reader of a map. Where it alone is right
    more often than `level`, sets hold more than they promise.
    """
    held = _held(rows, scale, bias)
    shares = shares_of(rows.block, rows.weight)

    def threshold(which: Any, aim: float) -> float:
        return -pooled_quantile(-held[which], shares[which], aim)

    aim = aimed_level(rows.block, rows.weight, level, lambda which, aim: held >= threshold(which, aim))
    return PredictionSets(level=level, threshold=float(np.clip(threshold(slice(None), aim), 1e-6, 1)))


def class_truth(rows: ClassRows, made: ClassCalibration | None) -> dict[str, Any]:
    """How true the probabilities are: `ece`, `nll`, and of sets `coverage` (each block alike), `size`; JSON-ready."""
    classes = rows.scores.shape[1]
    scale, bias = (np.ones(classes), np.zeros(classes)) if made is None else (np.array(made.scale), np.array(made.bias))
    shares = special.softmax(rows.scores * scale + bias, axis=1)
    found = shares.argmax(1)
    weight = rows.weight / rows.weight.sum()
    told: dict[str, Any] = {
        "ece": Reliability.of(shares.max(1), found == rows.truth, rows.weight).error,
        "nll": float(_losses(rows, scale, bias) @ weight),
        "overall_accuracy": float((found == rows.truth) @ weight),
    }
    if made is not None and made.sets is not None:
        inside = _held(rows, scale, bias) >= made.sets.threshold
        told["set_coverage"] = float(covered(inside, rows.block, rows.weight).mean())
        sizes = np.maximum((shares >= made.sets.threshold).sum(1), 1)
        told["set_size"] = float(sizes @ weight)
    return told


def _losses(rows: ClassRows, scale: Floats, bias: Floats) -> Floats:
    logs = special.log_softmax(rows.scores * scale + bias, axis=1)
    return np.asarray(-logs[np.arange(len(rows.truth)), rows.truth])


def _held(rows: ClassRows, scale: Floats, bias: Floats) -> Floats:
    """The largest threshold at which a set holds the label: its probability, or 1 where it is the likeliest."""
    shares = special.softmax(rows.scores * scale + bias, axis=1)
    own = shares[np.arange(len(rows.truth)), rows.truth]
    return np.where(shares.argmax(1) == rows.truth, 1.0, own)
