"""Intervals of values that hold what they promise: widened by a factor that depends on the prediction.

Conformalised quantiles (Romano et al. 2019, arXiv:1905.03222), scaled about the middle as Kivaranovic et al. 2020
(arXiv:1905.10634) have it, apart for bins of the prediction (Mondrian, Vovk et al. 2003), with blocks for units.
Between the bins' medians the factor runs straight, and all factors together are scaled so that the whole is held.

A label is not the truth, and no label tells of a single pixel. Held against labels as they stand, intervals are wide
enough for both. Where errors of labels are taken off, the interval is held against the label with its error added in
quadrature; published errors explain all there is where little stands, so that such a fit never makes it narrower.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.models.calibration import LEAST_FACTOR, MOST_FACTOR, ValueCalibration
from swath.training.calibration.blocks import Floats, aimed_level, covered, pooled_quantile, shares_of
from swath.training.calibration.held import ValueRows

LEVEL = 0.9  #: of q05 and q95
MOST_BINS = 6


def calibrate_values(
    rows: ValueRows, *, least_blocks: int, errors: Literal["kept", "taken off"] = "kept"
) -> tuple[ValueCalibration, dict[str, Any]]:
    """Fit on labels that the network has not seen.

    Args:
        rows: Of the labels.
        least_blocks: Of a bin of predictions.
        errors: Of labels, where they are known.

    Returns:
        The calibration, and what it rests on: bins with their blocks, the level that was aimed at.
    """
    off = errors == "taken off" and bool((rows.noise > 0).any())
    needed, least = needed_of(rows if off else _without_noise(rows)), 1.0 if off else LEAST_FACTOR
    bins = bins_of(rows, least_blocks)

    def covers(which: NDArray[np.bool_], aim: float) -> NDArray[np.bool_]:
        knots, factors = _factors(rows, needed, bins, which, aim, least)
        return np.asarray(needed <= np.interp(rows.middle, knots, factors))

    aim = aimed_level(rows.block, rows.weight, LEVEL, covers)
    knots, factors = _factors(rows, needed, bins, np.ones(len(needed), bool), aim, least)
    clipped = np.clip(factors, least, MOST_FACTOR)
    made = ValueCalibration(level=LEVEL, knots=tuple(knots.tolist()), factors=tuple(clipped.tolist()))
    told = [
        {"labels": int((bins == one).sum()), "blocks": len(np.unique(rows.block[bins == one]))}
        for one in range(bins.max() + 1)
    ]
    return made, {
        "method": "widening by bins of the prediction",
        "bins": told,
        "errors_of_labels": "taken off" if off else "kept",
        "aimed_level": aim,
        "factors_at_their_bounds": int((clipped != factors).sum()),
    }


def needed_of(rows: ValueRows) -> Floats:
    """The least factor with which the interval holds each label, its own error added; (n,)."""
    off = rows.truth - rows.middle
    half = np.where(off < 0, rows.middle - rows.low, rows.high - rows.middle)
    left = np.sqrt(np.maximum(off**2 - rows.noise**2, 0))
    return np.where(left > 0, left / np.maximum(half, 1e-9), 0.0)


def bins_of(rows: ValueRows, least_blocks: int) -> NDArray[np.int64]:
    """Bin of each prediction: as many of like size as have enough blocks each, one at least."""
    for number in range(MOST_BINS, 1, -1):
        edges = np.unique(np.quantile(rows.middle, np.linspace(0, 1, number + 1)[1:-1]))
        bins = np.searchsorted(edges, rows.middle)
        if all(len(np.unique(rows.block[bins == one])) >= least_blocks for one in range(len(edges) + 1)):
            return bins.astype(np.int64)
    return np.zeros(len(rows.middle), np.int64)


def value_truth(rows: ValueRows, made: ValueCalibration | None) -> dict[str, Any]:
    """How true the intervals are; JSON-ready. Coverages are means over blocks, each counting alike.

    coverage_90: Of labels, by the map's own interval.
    coverage_90_label: Of labels, by the interval that their errors widen; the same where no error is known.
    width_90: Mean over labels.
    """
    factor = np.ones(len(rows.middle)) if made is None else made.factor(rows.middle)
    shares = shares_of(rows.block, rows.weight)
    inside = {
        "coverage_90": needed_of(_without_noise(rows)) <= factor,
        "coverage_90_label": needed_of(rows) <= factor,
    }
    told: dict[str, Any] = {name: float(covered(one, rows.block, rows.weight).mean()) for name, one in inside.items()}
    told["width_90"] = float((factor * (rows.high - rows.low)) @ shares)
    return told


def _without_noise(rows: ValueRows) -> ValueRows:
    return ValueRows(rows.truth, rows.middle, rows.low, rows.high, 0 * rows.noise, rows.weight, rows.block)


def _factors(
    rows: ValueRows, needed: Floats, bins: NDArray[np.int64], which: NDArray[np.bool_], level: float, least: float
) -> tuple[Floats, Floats]:
    """Knots and factors by the labels of `which`."""
    at, found = [], []
    for one in np.unique(bins[which]):
        here = which & (bins == one)
        shares = shares_of(rows.block[here], rows.weight[here])
        at.append(pooled_quantile(rows.middle[here], shares, 0.5))
        found.append(pooled_quantile(needed[here], shares, level))
    knots, first = np.unique(at, return_index=True)  # bins in which nearly all predictions are alike
    # a bin of which the labels' errors explain everything would take all width away, and the scaling with it
    factors = np.maximum(np.array(found)[first], least)
    left = needed[which] / np.interp(rows.middle[which], knots, factors)
    whole = pooled_quantile(left, shares_of(rows.block[which], rows.weight[which]), level)
    return knots, factors * whole
