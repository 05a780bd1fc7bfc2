"""How units were drawn, as the estimators need it: of a sample by `swath sample`, or of plots that others drew."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.overlay import ALL
from swath.assessment.places import plane
from swath.assessment.sample import Sample
from swath.assessment.survey import Survey
from swath.errors import SampleError

Array = NDArray[np.float64]
PROBABILITY, STRATUM, CLUSTER = "inclusion_probability", "stratum", "cluster"


class PlotDesign(StrEnum):
    """How plots were drawn that do not come from `swath sample`."""

    SIMPLE = "simple"
    SYSTEMATIC = "systematic"
    STRATIFIED = "stratified"
    NONE = "none"


def survey_of_sample(sample: Sample, units: pd.DataFrame) -> Survey:
    """The survey of a sample's units that have a reference.

    Those without one are taken as missing at random within their stratum.

    Args:
        sample: As drawn.
        units: A row a unit with a reference: plot, stratum and more.

    Raises:
        SampleError: A stratum has fewer than two units, or its probabilities do not add up to its pixels.
    """
    check_probabilities(sample)
    areas = np.array([one["area_ha"] for one in sample.design["strata"]], np.float64)
    pixels = np.array([one["pixels"] for one in sample.design["strata"]], np.float64)
    strata = _numbered(units[STRATUM], sample.strata)
    n = np.bincount(strata, minlength=len(areas)).astype(np.float64)
    for name, number in zip(sample.strata, n.tolist(), strict=True):
        if number < 2:
            raise SampleError(
                f"Stratum {name!r} has {number:.0f} unit{'' if number == 1 else 's'}: its variance is undefined.",
                fix="Take two or more units of each stratum, or join it to another one.", stratum=name,
                units=int(number),
            )  # fmt: skip
    lon, lat = sample.places()
    at = pd.Series(np.arange(len(sample.drawn)), index=sample.drawn["plot"].to_numpy())[units["plot"]].to_numpy()
    east, north = plane(lon[at], lat[at])
    return Survey((areas / n)[strata], strata, sample.strata, 1 - n / pixels, x=east, y=north)


def check_probabilities(sample: Sample) -> None:
    """Refuse a sample whose units do not stand for all pixels of their stratum.

    Raises:
        SampleError: With both numbers.
    """
    drawn = sample.drawn
    wrong = ~((drawn[PROBABILITY] > 0) & (drawn[PROBABILITY] <= 1))
    if wrong.any():
        raise _no_probabilities(drawn.loc[wrong, PROBABILITY], len(drawn), sample.folder)
    stands = (1 / drawn[PROBABILITY]).groupby(drawn[STRATUM]).sum()
    for one in sample.design["strata"]:
        found = float(stands.get(one["name"], 0.0))
        if abs(found - one["pixels"]) > 1e-6 * one["pixels"]:
            raise SampleError(
                f"Inclusion probabilities of stratum {one['name']!r} do not add up: its units stand for {found:,.0f} "
                f"pixels, it has {one['pixels']:,}.",
                fix="Take the sample as swath sample drew it.", stratum=one["name"],
            )  # fmt: skip


def survey_of_places(table: pd.DataFrame, design: PlotDesign, *, pixels: int, area: float, file: object) -> Survey:
    """The survey of plots that others drew.

    Args:
        table: A row a plot on the map: `east`, `north`, and as the design has them `inclusion_probability` (of the
            pixel), `stratum`, `cluster`.
        design: By which they were drawn; not `none`.
        pixels: Mapped, of the whole map.
        area: Mapped hectares.
        file: They come from, for messages.

    Raises:
        SampleError: What the design needs is missing, or the probabilities do not add up to the map.
    """
    n = len(table)
    clusters = pd.factorize(table[CLUSTER])[0].astype(np.int64) if CLUSTER in table.columns else None
    if PROBABILITY in table.columns:
        chance = pd.to_numeric(table[PROBABILITY], errors="coerce")
        wrong = ~((chance > 0) & (chance <= 1))
        if wrong.any():
            raise _no_probabilities(table.loc[wrong, PROBABILITY], n, file)
        stands = 1 / chance.to_numpy(np.float64)
        # what a sample stands for varies by its draws where its chances differ: three of its standard errors
        slack = max(0.1, 3 * float(stands.std()) * n**0.5 / float(stands.sum()))
        if abs(stands.sum() / pixels - 1) > slack:
            raise SampleError(
                f"Inclusion probabilities do not add up: {n} plots of {file} stand for {stands.sum():,.0f} pixels, the "
                f"map has {pixels:,}.",
                fix="Give the probability that the plot's pixel was drawn, and all plots of the map.", count=n,
            )  # fmt: skip
    elif design is PlotDesign.STRATIFIED:
        raise SampleError(
            f"{file} has no column {PROBABILITY!r}: plots of strata have different ones.",
            fix="Give the probability that the plot's pixel was drawn.",
        )
    else:
        stands = np.full(n, pixels / n)
    if design is PlotDesign.STRATIFIED and STRATUM not in table.columns:
        raise SampleError(f"{file} has no column {STRATUM!r}.", fix="Say which stratum each plot was drawn from.")
    names: tuple[str, ...] = (ALL,)
    strata = np.zeros(n, np.int64)
    if design is PlotDesign.STRATIFIED:
        labels = table[STRATUM].astype(str)
        names = tuple(sorted(set(labels)))
        strata = _numbered(labels, names)
    count = np.bincount(strata, minlength=len(names))
    left = 1 - np.minimum(1, count / np.bincount(strata, stands, len(names)))
    x, y = (table[name].to_numpy(np.float64) for name in ("east", "north"))
    return Survey(stands * area / pixels, strata, names, left, clusters, x, y)


def _numbered(values: pd.Series[str], names: Iterable[str]) -> NDArray[np.int64]:
    return values.map({name: number for number, name in enumerate(names)}).to_numpy(np.int64)


def _no_probabilities(wrong: pd.Series[float], number: int, where: object) -> SampleError:
    return SampleError(
        f"{len(wrong)} of {number} inclusion probabilities of {where} are none, as {wrong.iloc[0]}.",
        fix="They are above 0 and at most 1.", count=len(wrong),
    )  # fmt: skip
