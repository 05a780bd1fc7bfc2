"""From a map to a sample of it, and from what interpreters found to accuracy and areas."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swath.assessment.allocation import Allocation, allocated, deviations_of, for_standard_error
from swath.assessment.drawing import Design, draw, draw_simple, draw_systematic
from swath.assessment.effects import effects_of
from swath.assessment.estimates import Accuracy, accuracy
from swath.assessment.frame import frame_of
from swath.assessment.interpreted import keep_units
from swath.assessment.published import PublishedMap
from swath.assessment.reference import Reference
from swath.assessment.sample import Sample, sample_folders, write_sample
from swath.assessment.survey import Variance
from swath.assessment.surveys import check_probabilities
from swath.assessment.values import BinnedMap, edges_of, spreads_of, unit_of, value_layer
from swath.assessment.zones import Zones
from swath.errors import SampleError
from swath.planning import Said

UNITS = 500  #: of a sample, unless it is told otherwise
RESULT = "accuracy.json"


def draw_sample(
    map_: PublishedMap,
    *,
    design: Design | str = "stratified",
    number: int | None = None,
    standard_error: float | None = None,
    allocation: Allocation | str = Allocation.PROPORTIONAL,
    least: int = 30,
    expected: Mapping[str, float] | None = None,
    zones: Zones | None = None,
    seed: int = 0,
    name: str | None = None,
    layer: str | None = None,
    edges: tuple[float, ...] | None = None,
    say: Said = lambda _: None,
) -> Sample:
    """Draw a probability sample of the owned and mapped pixels of a map, and write it into the map's store.

    Args:
        map_: Of classes, or of values.
        design: `stratified` by map class or by bins of the map's values, `simple`, or `systematic` on an equal-area
            lattice.
        number: Of units; 500 by default.
        standard_error: Instead: of the overall accuracy.
        allocation: Of units to strata.
        least: Units of each stratum, as far as it has so many.
        expected: User's accuracy of classes, for Neyman's allocation and for a standard error; 0.8 where none is told.
        zones: Polygons that make strata of their own.
        seed: Of the draws.
        name: Of the sample.
        layer: Of values; by default the map's first one where it has no classes.
        edges: Between bins of values that are strata; by default five bins by the cumulative root of frequency.
        say: Told what is being done.

    Raises:
        SampleError: Options that contradict each other, or a map that is too small.
    """
    if number is not None and standard_error is not None:
        raise SampleError("Units and a standard error are both given.", fix="Give one of them.")
    if zones is not None and design != "stratified":
        raise SampleError(f"A {design} design has no strata.", fix="Leave zones out, or stratify.")
    values = value_layer(map_, layer)
    more: dict[str, Any] = {}
    if values is not None:
        if standard_error is not None or expected:
            raise SampleError(
                f"{values!r} of {map_.root} has values, not classes: no accuracy of them can be expected.",
                fix="Give --units.",
            )
        chosen: tuple[float, ...] = ()
        if design == "stratified":
            chosen = edges_of(map_, values, seed=seed) if edges is None else edges
        map_ = BinnedMap(map_, values, chosen)
        more = {"layer": values, "unit": unit_of(map_, values), "edges": list(chosen)}
    elif edges is not None:
        raise SampleError("Edges are given for a map of classes.", fix="Leave them out: strata are its classes.")
    frame = frame_of(map_, zones, say=say)
    if not frame.strata:
        raise SampleError(f"{map_.id} has no mapped pixel.", fix="Map something first.")
    weights = frame.total_ha / frame.total_ha.sum()
    if isinstance(map_, BinnedMap) and zones is None:
        deviations = spreads_of(map_, frame.strata, seed=seed)
        given: list[float] | None = deviations
    else:
        deviations = deviations_of(frame.strata, expected or {})
        given = deviations if expected or allocation != Allocation.NEYMAN else None
    units = number or UNITS
    if standard_error is not None:
        units = for_standard_error(standard_error, weights, deviations)
    more |= {"allocation": None, "standard_error": standard_error, "expected": dict(expected or {})}
    if design == "simple":
        drawn = draw_simple(frame, units, seed=seed)
    elif design == "systematic":
        drawn = draw_systematic(frame, units, seed=seed)
        more["variance"] = "that of a simple random sample, which is conservative"
    else:
        most = max(2, min(least, units // len(frame.strata)))
        sizes = allocated(units, weights, allocation, pixels=frame.total_pixels, deviations=given, least=most)
        drawn = draw(frame, sizes, seed=seed, zones=zones)
        more["allocation"] = str(Allocation(allocation))
    return write_sample(frame, drawn, name=name or f"{design}-{seed}", design=str(design), seed=seed, more=more)


@dataclass(frozen=True)
class Assessed:
    """A map with what its sample says of it.

    Attributes:
        sample: That was interpreted.
        accuracy: Estimates.
        reference: What interpreters found.
        url: Where the result stands.
    """

    sample: Sample
    accuracy: Accuracy
    reference: Reference
    url: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        design = self.sample.design
        return {
            **self.accuracy.to_dict(),
            "map": design["map"], "sample": design["name"], "design": design["design"],
            "unmapped_ha": design["unmapped_ha"], "without_label": len(self.reference.missing), "result": self.url,
        }  # fmt: skip


def assess_map(
    map_: PublishedMap,
    reference: str | os.PathLike[str],
    *,
    sample: str | None = None,
    column: str | None = None,
    level: float = 0.95,
    how: Variance = "simple",
) -> Assessed:
    """Estimate accuracy and areas from what interpreters found; the result is kept beside the sample.

    Args:
        map_: Of classes.
        reference: Table of plots and classes.
        sample: Name of the sample; needed where the map has several.
        column: Of the class.
        level: Of the intervals.
        how: Their variance is computed: `simple`, or `local` for a systematic sample.

    Raises:
        SampleError: No such sample, or a reference that does not fit it.
    """
    chosen = chosen_sample(map_, sample)
    if "layer" in chosen.design:
        raise SampleError(f"{chosen.folder} is a sample of values.", fix="Assess the layer that it is of.")
    found = Reference.read(reference, chosen, column=column)
    check_probabilities(chosen)
    tally = found.tally(chosen)
    effects = None if how == "simple" else effects_of(tally, chosen, found.joined(chosen))
    result = accuracy(tally, level=level, effects=effects)
    key = f"{chosen.folder}/{RESULT}"
    assessed = Assessed(chosen, result, found, map_.store.url(key))
    keep_units(chosen, found.joined(chosen).rename(columns={"map_class": "map"}))
    map_.store.put_bytes(key, json.dumps(assessed.to_dict(), indent=1).encode())
    return assessed


def chosen_sample(map_: PublishedMap, sample: str | None = None) -> Sample:
    """The sample of a map that is meant.

    Raises:
        SampleError: No such sample, several to choose from, or one of the map as it was before.
    """
    folders = {folder.rpartition("/")[2]: folder for folder in sample_folders(map_.store, map_.root)}
    if (sample is None and len(folders) != 1) or (sample is not None and sample not in folders):
        raise SampleError(
            f"{map_.root} has {len(folders)} samples{': ' + ', '.join(folders) if folders else ''}.",
            fix="Name one with --sample."
            if folders
            else "Draw one with swath sample; plots that others drew need their "
            "--design, `none` if they are no probability sample.",
        )
    chosen = Sample.open(map_.store, folders[sample or next(iter(folders))])
    if chosen.design["map"] != map_.id:
        raise SampleError(
            f"The sample is of {chosen.design['map']!r}, the map has become {map_.id!r}.",
            fix="Draw plots of the map as it is now.",
        )
    return chosen
