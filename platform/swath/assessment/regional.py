"""From a map and a reference to means, totals and areas of the whole and of regions."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.estimates import plain
from swath.assessment.greg import MODEL, Assisted, RegionEstimate, greg
from swath.assessment.hybrid import Tracks, hybrid
from swath.assessment.interpreted import keep_units
from swath.assessment.measured import PREDICTION, VALUE, Measured, numbers_of
from swath.assessment.modelled import modelled
from swath.assessment.overlay import Overlay, overlay
from swath.assessment.places import Places, assessment_folder, kept_places
from swath.assessment.published import PublishedMap
from swath.assessment.sample import Sample
from swath.assessment.survey import Variance
from swath.assessment.surveys import PlotDesign, survey_of_places, survey_of_sample
from swath.assessment.totals import COMMON_CV
from swath.assessment.values import unit_of
from swath.assessment.zones import Zones
from swath.errors import SampleError
from swath.planning import Said

Array = NDArray[np.float64]
RESULT = "regions.json"
Seen = Literal["external", "cross-fitted"]
_AFTER = "the plots were drawn from this map, so that its model has not seen them"


@dataclass(frozen=True)
class Regional:
    """What a reference says of a map and its regions.

    Attributes:
        map: Its id.
        unit: Of means; `share` for classes.
        level: Of the intervals.
        estimates: Of the whole map first.
        units: Of the reference that count.
        dropped: Units that do not, by reason.
        unmapped_ha: Owned by the map's tiles and without data: no part of any estimate.
        notes: What the estimates take for granted.
        url: Where the result stands.
    """

    map: str
    unit: str
    level: float
    estimates: tuple[RegionEstimate, ...]
    units: int
    dropped: dict[str, int]
    unmapped_ha: float
    notes: tuple[str, ...]
    url: str = ""

    def of(self, region: str = "all", name: str = "", estimator: str | None = None) -> RegionEstimate:
        """One estimate.

        Raises:
            KeyError: There is none.
        """
        for one in self.estimates:
            if (one.region, one.of) == (region, name) and estimator in (None, one.estimator):
                return one
        raise KeyError((region, name, estimator))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; None where a figure has no meaning."""
        made = asdict(self) | {"title": self.estimates[0].title}
        made["estimates"] = [{name: plain(value) for name, value in asdict(one).items()} for one in self.estimates]
        return made

    def kept(self, map_: PublishedMap, key: str) -> Regional:
        """The same, written into the map's store."""
        made = Regional(**{**self.__dict__, "url": map_.store.url(key)})
        map_.store.put_bytes(key, json.dumps(made.to_dict(), indent=1).encode())
        return made


def assess_values(
    map_: PublishedMap, reference: str | os.PathLike[str], sample: Sample, *, column: str | None = None,
    regions: Zones | None = None, seen: Seen = "external", how: Variance = "simple", level: float = 0.95,
    say: Said = lambda _: None,
) -> Regional:  # fmt: skip
    """Model-assisted means and totals of a map of values, from plots of a sample that were measured.

    Args:
        map_: Of values.
        reference: Table of plots and values.
        sample: That the plots are of; its design names the layer.
        column: Of values.
        regions: Polygons.
        seen: `external`: the map's model has not seen the plots; `cross-fitted`: it has, and the table's column
            `prediction` tells what folds told that had not.
        how: The variance is computed.
        level: Of the intervals.
        say: Told of progress.

    Raises:
        SampleError: A reference that does not fit the sample.
    """
    if "layer" not in sample.design:
        raise SampleError(f"{sample.folder} is a sample of classes.", fix="Draw one of the map of values.")
    layer = str(sample.design["layer"])
    found = Measured.read(reference, sample, column=column)
    survey = survey_of_sample(sample, found.table)
    over = overlay(map_, found.table, layer=layer, regions=regions, say=say)
    told = _told(found.table, over.told, seen, reference)
    made = greg([_values(found.table, told, over)], over, over.region, survey, level=level, how=how)
    keep_units(sample, found.table.rename(columns={"value": "reference"}).assign(map=told))
    dropped = found.dropped | ({"drawn and not measured": len(found.missing)} if found.missing else {})
    note = _AFTER if seen == "external" else "residuals are of folds of the model that had not seen the plot"
    return _regional(map_, layer, made, level, len(survey), dropped, over, note).kept(map_, f"{sample.folder}/{RESULT}")


def areas_by_region(
    map_: PublishedMap, sample: Sample, joined: pd.DataFrame, regions: Zones, *, how: Variance = "simple",
    level: float = 0.95, say: Said = lambda _: None,
) -> Regional:  # fmt: skip
    """Hectares of each class in each region, from units that were interpreted.

    Args:
        map_: Of classes.
        sample: That they are of.
        joined: A row a unit: plot, tile, row, column, stratum, `map_class`, `reference`.
        regions: Polygons.
        how: The variance is computed.
        level: Of the intervals.
        say: Told of progress.
    """
    survey = survey_of_sample(sample, joined)
    over = overlay(map_, joined, regions=regions, say=say)
    made = greg(_classes(joined["reference"], over), over, over.region, survey, level=level, how=how)
    missing = len(sample.drawn) - len(joined)
    dropped = {"drawn and without a class": missing} if missing else {}
    return _regional(map_, None, made, level, len(survey), dropped, over, _AFTER).kept(
        map_, f"{sample.folder}/{RESULT}"
    )


def assess_plots(
    map_: PublishedMap, reference: str | os.PathLike[str], layer: str, *, design: PlotDesign | str,
    column: str | None = None, crs: str | None = None, regions: Zones | None = None, seen: Seen | None = None,
    how: Variance = "simple", drop: bool = False, common_cv: float = COMMON_CV, level: float = 0.95,
    say: Said = lambda _: None,
) -> Regional:  # fmt: skip
    """Means and totals of a map of values from plots that others drew, or gathered without a design.

    Args:
        map_: Of values.
        reference: Plots with places and values; with `stratum`, `cluster`, `inclusion_probability` as the design asks.
        layer: Of the values.
        design: By which they were drawn; `none` gives model-based estimates.
        column: Of values.
        crs: Of coordinates that are no degrees.
        regions: Polygons.
        seen: See `assess_values`; asked for.
        how: The variance is computed.
        drop: Leave plots out that lie outside the map or on no data, and count them; else they are refused.
        common_cv: Of what all plots share; for `none`.
        level: Of the intervals.
        say: Told of progress.

    Raises:
        SampleError: Plots that do not fit the map or the design.
    """
    design = PlotDesign(design)
    if seen is None:
        raise SampleError(
            "Has the map's model seen these plots? Residuals of plots that it was trained on are too small.",
            fix="Say --model external if it has not; if it has, --model cross-fitted and what folds told that had not "
            f"seen the plot in a column {PREDICTION!r}.",
        )
    placed = Places.read(reference, map_, crs=crs)
    name = column or next((name for name in VALUE if name in placed.table.columns), None)
    if name is None or name not in placed.table.columns:
        raise SampleError(
            f"{placed.file} has no column {name or VALUE[0]!r}.",
            fix=f"Name that of the values with --column. It has {', '.join(map(str, placed.table.columns[:-5]))}.",
        )
    over = overlay(map_, placed.table, layer=layer, regions=regions, say=say)
    values = numbers_of(placed.table, name, placed.file)
    keep, dropped = kept_places(placed, over.told, values.isna().to_numpy(), drop=drop)
    table = placed.table[keep].assign(value=values[keep])
    told = _told(table, over.told[keep], seen, reference)
    region = over.region[keep]
    if design is PlotDesign.NONE:
        plots = table.assign(told=told, region=region)
        made = modelled(map_, layer, over, plots, regions=regions, common_cv=common_cv, level=level)
        apart = float((plots["value"] - plots["told"]).mean())
        note = (
            f"the plots are no probability sample: the total is the map's, and does not know what is wrong with it on "
            f"average; at the plots the reference is {apart:+.1f} {unit_of(map_, layer)} from it"
        )
    else:
        area = float(over.hectares.sum())
        survey = survey_of_places(table, design, pixels=int(over.pixels.sum()), area=area, file=placed.file)
        made = greg([_values(table, told, over)], over, region, survey, level=level, how=how)
        note = f"plots are a {design} sample of the mapped area, as was said; {seen} model, as was said"
    key = f"{assessment_folder(map_, placed.file)}/{RESULT}"
    return _regional(map_, layer, made, level, len(table), dropped, over, note).kept(map_, key)


def assess_tracks(
    map_: PublishedMap, tracks: str | os.PathLike[str], layer: str, *, column: str | None = None,
    crs: str | None = None, regions: Zones | None = None, common_cv: float = COMMON_CV, level: float = 0.95,
    say: Said = lambda _: None,
) -> Regional:  # fmt: skip
    """Hybrid means and totals from satellite tracks over the mapped area, beside what the map says.

    Args:
        map_: Of values.
        tracks: Footprints, see `Tracks.read`.
        layer: Of the map's values.
        column: Of the footprints' values.
        crs: Of coordinates that are no degrees.
        regions: Polygons.
        common_cv: Of what all footprints share.
        level: Of the intervals.
        say: Told of progress.
    """
    found = Tracks.read(tracks, map_, column=column, crs=crs)
    over = overlay(map_, found.places, layer=layer, regions=regions, say=say)
    made = hybrid(found, over, over.region, common_cv=common_cv, level=level)
    note = f"tracks stand for the area that they cross; what all footprints share has a CV of {common_cv:g}"
    key = f"{assessment_folder(map_, tracks)}/{RESULT}"
    return _regional(map_, layer, made, level, len(found.values), found.dropped, over, note).kept(map_, key)


def _told(table: pd.DataFrame, told: Array, seen: Seen, file: object) -> Array:
    """What the map, or folds of its model, say at the plots."""
    if seen == "external":
        return told
    if PREDICTION not in table.columns or table[PREDICTION].isna().any():
        blank = int(table[PREDICTION].isna().sum()) if PREDICTION in table.columns else len(table)
        raise SampleError(
            f"{blank} of {len(table)} plots of {file} have no {PREDICTION!r}.",
            fix="Give what folds of the model told that had not seen the plot.", count=blank,
        )  # fmt: skip
    return pd.to_numeric(table[PREDICTION]).to_numpy(np.float64)


def _values(table: pd.DataFrame, told: Array, over: Overlay) -> Assisted:
    return Assisted("", table["value"].to_numpy(np.float64), told, over.sums)


def _classes(reference: pd.Series[str], over: Overlay) -> list[Assisted]:
    labels = reference.to_numpy()
    return [
        Assisted(name, (labels == name).astype(np.float64), (over.told == number).astype(np.float64), mapped)
        for number, (name, mapped) in enumerate(zip(over.classes, over.hectares.T, strict=True))
        if mapped.sum() > 0 or (labels == name).any()
    ]


def _regional(
    map_: PublishedMap, layer: str | None, made: list[RegionEstimate], level: float, units: int,
    dropped: dict[str, int], over: Overlay, *notes: str,
) -> Regional:  # fmt: skip
    lone = [name for name, row in zip(over.names, over.hectares[1:], strict=True) if not row.sum() > 0]
    if lone:
        notes = (*notes, f"{len(lone)} regions have no mapped pixel: {', '.join(lone[:5])}")
    if any(one.title == MODEL and one.estimator == "synthetic" for one in made):
        notes = (*notes, "synthetic: the map put right by all units, for regions with few of their own")
    unit = "share" if layer is None else unit_of(map_, layer)
    return Regional(map_.id, unit, level, tuple(made), units, dropped, float(over.unmapped.sum()), notes)
