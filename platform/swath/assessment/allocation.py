"""How many units each stratum gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from swath.errors import SampleError

LEAST = 2  #: units of a stratum: with one its variance is undefined


class Allocation(StrEnum):
    """By what."""

    EQUAL = "equal"
    PROPORTIONAL = "proportional"
    NEYMAN = "neyman"


def allocated(
    number: int,
    weights: NDArray[np.float64],
    how: Allocation | str,
    *,
    pixels: NDArray[np.int64],
    deviations: Sequence[float] | None = None,
    least: int = LEAST,
) -> NDArray[np.int64]:
    """Units by stratum; they sum to `number` unless strata have too few pixels.

    Args:
        number: Of units in all.
        weights: (S,) share of the area.
        how: `equal`, in proportion to area, or Neyman's: to area times the deviation of what is measured
            (Cochran 1977, equation 5.26).
        pixels: (S,) that a stratum has: it gives no more.
        deviations: (S,) for Neyman's; of a share p it is sqrt(p (1 - p)).
        least: Units of each stratum.

    Raises:
        SampleError: Fewer units than the strata need, or no deviations for Neyman's.
    """
    how, strata = Allocation(how), len(weights)
    if number < least * strata:
        raise SampleError(
            f"{number} units are too few for {strata} strata.",
            fix=f"Take {least * strata} or more: {least} of each, for without two a variance is undefined.",
        )
    if how is Allocation.NEYMAN and deviations is None:
        raise SampleError(
            "Neyman's allocation needs the deviation of each stratum.",
            fix="Give the accuracy that each class is expected to have, as --expected water=0.9; or take proportional.",
        )
    share = np.ones(strata) if how is Allocation.EQUAL else weights.astype(np.float64)
    if how is Allocation.NEYMAN:
        share = weights * np.asarray(deviations, np.float64)
        if not share.sum() > 0:
            raise SampleError(f"Deviations {list(deviations or ())} are all 0.", fix="Expect less than perfection.")
    most = np.minimum(pixels, number)
    units = np.minimum(np.full(strata, least), most)
    while (left := number - int(units.sum())) > 0 and (units < most).any():
        free = np.where(units < most, share, 0.0)
        if not free.sum() > 0:
            free = (units < most).astype(np.float64)
        want = (
            units + _rounded(free / free.sum() * left, left)
            if how is not Allocation.EQUAL
            else _level(units, most, left)
        )
        grown = np.minimum(want, most)
        if (grown == units).all():
            break
        units = grown
    return units.astype(np.int64)


def for_standard_error(wanted: float, weights: NDArray[np.float64], deviations: Sequence[float]) -> int:
    """Units of all strata that give the overall accuracy this standard error, allocated in proportion to area.

    Cochran 1977, equation 5.25 for large strata, as in Olofsson et al. 2014, equation 13: (sum W_i S_i / SE)^2.

    Args:
        wanted: Standard error, as 0.01.
        weights: (S,) share of the area.
        deviations: (S,) sqrt(p (1 - p)) of the accuracies that are expected.

    Raises:
        SampleError: It is not between 0 and 1.
    """
    if not 0 < wanted < 1:
        raise SampleError(f"A standard error of {wanted:g} cannot be met.", fix="Give a share, as 0.01.")
    return int(np.ceil((float(np.sum(weights * np.asarray(deviations))) / wanted) ** 2))


def deviations_of(strata: Sequence[str], expected: Mapping[str, float], *, usual: float = 0.8) -> list[float]:
    """sqrt(p (1 - p)) by stratum, from the user's accuracy that each is expected to have.

    Raises:
        SampleError: A stratum that there is not, or an accuracy that is no share.
    """
    unknown = sorted(set(expected) - set(strata))
    if unknown:
        raise SampleError(f"There is no stratum {unknown[0]!r}.", fix=f"There are {', '.join(strata)}.")
    wrong = {name: value for name, value in expected.items() if not 0 < value < 1}
    if wrong:
        raise SampleError(f"Expected accuracies {wrong} are no shares.", fix="Give numbers between 0 and 1.")
    shares = np.array([expected.get(name, usual) for name in strata])
    return list(np.sqrt(shares * (1 - shares)))


def _rounded(wanted: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers that sum to `total`, by largest remainder."""
    whole = np.floor(wanted).astype(np.int64)
    order = np.argsort(-(wanted - whole), kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole


def _level(units: NDArray[np.int64], most: NDArray[np.int64], left: int) -> NDArray[np.int64]:
    """The same number for all, as far as they have it."""
    open_ = np.flatnonzero(units < most)
    out = units.copy()
    extra = np.full(len(open_), left // len(open_))
    extra[: left % len(open_)] += 1
    out[open_] += extra
    return out
