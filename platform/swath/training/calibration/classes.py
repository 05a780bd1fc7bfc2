"""Probabilities of classes made true: by temperature or, where blocks left out gain by it, by vector scaling.

Guo et al. 2017 (arXiv:1706.04599). Losses that weigh classes, and samples drawn by class, leave a network that takes
rare classes for commoner than they are: the biases of vector scaling undo it (Alexandari et al. 2020,
arXiv:1901.06852). What they may do is bounded by how many blocks speak for it: the fit is the mode of a posterior in
which each block counts as one observation, biases are normal about 0, and logarithms of scales normal about a common
one.

Labels may be wrong: then a label is the truth, or with a small chance any label, drawn as labels are (Mnih and Hinton
2012, ICML). What is calibrated is the probability of the truth. Without this, wrong labels make a network look too
sure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import special
from scipy.optimize import minimize

from swath.models.calibration import ClassCalibration, PredictionSets
from swath.training.calibration.blocks import Floats, covered, left_out, shares_of
from swath.training.calibration.held import ClassRows, chosen_rows
from swath.training.metrics import Reliability

Method = Literal["none", "temperature", "vector"]
METHODS: tuple[Method, ...] = ("none", "temperature", "vector")  #: the simplest first
CV_GROUPS = 5  #: of blocks
BIAS_SD, LOG_SCALE_SD = 2.0, 0.25  #: of the prior
MOST_WRONG = 0.5  #: of labels, where the share is estimated
_HALVINGS = 25  #: of the search for a threshold


@dataclass(frozen=True)
class Scaling:
    """How scores become probabilities of the truth, and these those of labels.

    Attributes:
        scale: (K,).
        bias: (K,).
        wrong: Share of labels that are drawn at random.
        drawn: (K,) from which distribution.
    """

    scale: Floats
    bias: Floats
    wrong: float
    drawn: Floats

    def shares(self, rows: ClassRows) -> Floats:
        """Probabilities of the truth, (n, K)."""
        return np.asarray(special.softmax(rows.scores * self.scale + self.bias, axis=1))

    def of_labels(self, rows: ClassRows) -> Floats:
        """Probabilities of the label, (n, K)."""
        return (1 - self.wrong) * self.shares(rows) + self.wrong * self.drawn

    def losses(self, rows: ClassRows) -> Floats:
        """Minus logarithm of the probability of each label, (n,)."""
        return -np.log(np.maximum(self.of_labels(rows)[np.arange(len(rows.truth)), rows.truth], 1e-12))


def calibrate_classes(
    rows: ClassRows, *, level: float, wrong: float | None = 0.0, biases: bool = True
) -> tuple[ClassCalibration, dict[str, Any]]:
    """Fit on labels that the network has not seen.

    Args:
        rows: Of two blocks or more.
        level: Of prediction sets.
        wrong: Share of labels that are wrong by chance; None: it is estimated.
        biases: Whether vector scaling may be chosen, which changes what class is the likeliest.

    Returns:
        The calibration, and how it was chosen: method, negative log likelihood of blocks left out by method, and what
        labels are taken to be.
    """
    each = {name: np.zeros(len(rows.truth)) for name in METHODS}
    for out in left_out(rows.block, groups=CV_GROUPS):
        for name in METHODS:
            each[name][out] = scaling_of(chosen_rows(rows, ~out), name, wrong).losses(chosen_rows(rows, out))
    method: Method = "none"
    if _gain(each["none"] - each["temperature"], rows)[0] > 0:
        method = "temperature"
    gain, error = _gain(each[method] - each["vector"], rows)
    if biases and gain > error:  # a class may change by it, which takes more than luck
        method = "vector"
    made = scaling_of(rows, method, wrong)
    shares = shares_of(rows.block, rows.weight)
    told = {
        "method": method,
        "nll_of_blocks_left_out": {name: float(each[name] @ shares) for name in METHODS},
        "wrong_labels": made.wrong,
        "drawn": made.drawn.tolist(),
    }
    sets = PredictionSets(level=level, threshold=threshold_of(rows, made, level=level))
    return ClassCalibration(scale=tuple(made.scale.tolist()), bias=tuple(made.bias.tolist()), sets=sets), told


def scaling_of(rows: ClassRows, method: Method, wrong: float | None = 0.0) -> Scaling:
    """The scaling under which labels are likeliest; each block counts alike.

    Args:
        rows: Of the labels.
        method: `none` leaves scores as they are, and takes all labels for right unless `wrong` says otherwise.
        wrong: See `calibrate_classes`.
    """
    classes, number = rows.scores.shape[1], np.arange(len(rows.truth))
    share, blocks = shares_of(rows.block, rows.weight), len(np.unique(rows.block))
    drawn = np.bincount(rows.truth, weights=share, minlength=classes).astype(np.float64)
    if method == "none":
        return Scaling(np.ones(classes), np.zeros(classes), wrong or 0.0, drawn)
    vector = method == "vector"
    if vector and wrong is None:  # biases fit some wrong labels as well, and would leave none to be found
        wrong = scaling_of(rows, "temperature", None).wrong
    wanted = np.zeros_like(rows.scores)
    wanted[number, rows.truth] = 1

    def unpacked(given: Floats) -> Scaling:
        apart, bias = np.split(given[2:], [classes])
        told = float(special.expit(given[1])) if wrong is None else wrong
        return Scaling(np.exp(given[0] + apart), bias, told, drawn)

    def posterior(given: Floats) -> tuple[float, Floats]:
        made = unpacked(given)
        shares = made.shares(rows)
        right = (1 - made.wrong) * shares[number, rows.truth]
        both = np.maximum(right + made.wrong * drawn[rows.truth], 1e-12)
        off = (shares - wanted) * (share * right / both)[:, None]
        to_scale, to_bias = (off * rows.scores).sum(0) * made.scale, off.sum(0)
        to_wrong = -(share * (drawn[rows.truth] - shares[number, rows.truth]) / both).sum()
        apart, shift = given[2 : 2 + classes] / LOG_SCALE_SD, given[2 + classes :] / BIAS_SD
        value = -float(share @ np.log(both)) * blocks + 0.5 * float(apart @ apart + shift @ shift)
        first = [to_scale.sum(), to_wrong * made.wrong * (1 - made.wrong) * (wrong is None)]
        rest = np.concatenate([blocks * to_scale + apart / LOG_SCALE_SD, blocks * to_bias + shift / BIAS_SD])
        return value, np.concatenate([blocks * np.array(first), rest * vector])

    start = np.zeros(2 + 2 * classes)
    start[1] = -2.0
    # a temperature of 20 tells no class from another
    bounds = [(-3.0, 3.0), (-7.0, float(special.logit(MOST_WRONG)))] + [(None, None)] * (2 * classes)
    return unpacked(minimize(posterior, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def threshold_of(rows: ClassRows, made: Scaling, *, level: float) -> float:
    """The largest threshold whose sets hold a share of truths (Sadinle et al. 2019, least ambiguous sets).

    Blocks count alike. The likeliest class is always in a set: an empty one would say nothing to a reader of a map.
    Where it alone is right more often than `level`, sets hold more than they promise. Of labels that are drawn at
    random a set holds what it would hold by chance, which is taken off (Sesia et al. 2023, arXiv:2309.05092).
    """
    shares, weight = made.shares(rows), shares_of(rows.block, rows.weight)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        held = _sets(shares, middle)
        right = weight @ held[np.arange(len(held)), rows.truth] - made.wrong * float(weight @ (held @ made.drawn))
        low, high = (middle, high) if right >= level * (1 - made.wrong) else (low, middle)
    return float(np.clip(low, 1e-6, 1))


def class_truth(rows: ClassRows, made: ClassCalibration | None, told: dict[str, Any] | None = None) -> dict[str, Any]:
    """How true the probabilities are, JSON-ready.

    ece, nll: Of the published probabilities, against labels as they stand.
    ece_of_labels, nll_of_labels: Of what they say of labels of which a share is wrong; where such a share is known.
    set_coverage: Share of labels in their sets, each block alike; set_size: classes in a set.

    Args:
        rows: Of the labels.
        made: None: as the network has it.
        told: Of `calibrate_classes`.
    """
    classes = rows.scores.shape[1]
    scale, bias = (np.ones(classes), np.zeros(classes)) if made is None else (np.array(made.scale), np.array(made.bias))
    wrong, drawn = (0.0, np.full(classes, 1 / classes)) if told is None else (told["wrong_labels"], told["drawn"])
    plain = Scaling(scale, bias, 0.0, np.array(drawn))
    shares, weight = plain.shares(rows), rows.weight / rows.weight.sum()
    found = shares.argmax(1)
    out: dict[str, Any] = {
        "ece": Reliability.of(shares.max(1), found == rows.truth, rows.weight).error,
        "nll": float(plain.losses(rows) @ weight),
        "overall_accuracy": float((found == rows.truth) @ weight),
    }
    if wrong:
        noisy = Scaling(scale, bias, wrong, np.array(drawn))
        sure = np.take_along_axis(noisy.of_labels(rows), found[:, None], 1)[:, 0]
        out["ece_of_labels"] = Reliability.of(sure, found == rows.truth, rows.weight).error
        out["nll_of_labels"] = float(noisy.losses(rows) @ weight)
    if made is not None and made.sets is not None:
        held = _sets(shares, made.sets.threshold)
        inside = held[np.arange(len(held)), rows.truth]
        out["set_coverage"] = float(covered(inside, rows.block, rows.weight).mean())
        out["set_size"] = float(held.sum(1) @ weight)
    return out


def _sets(shares: Floats, threshold: float) -> Any:
    """(n, K) bool."""
    held = shares >= threshold
    held[np.arange(len(held)), shares.argmax(1)] = True
    return held


def _gain(gain: Floats, rows: ClassRows) -> tuple[float, float]:
    """Mean over blocks, and its standard error."""
    of_block = covered(gain, rows.block, rows.weight)
    return float(of_block.mean()), float(of_block.std(ddof=1) / np.sqrt(len(of_block)))
