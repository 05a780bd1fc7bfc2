"""Accuracy and areas of a map of classes from plots that others drew, or gathered without a design."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.assess import RESULT
from swath.assessment.estimates import TITLE, Accuracy, accuracy
from swath.assessment.greg import MODEL
from swath.assessment.overlay import ALL, Overlay, overlay
from swath.assessment.places import Places, assessment_folder, kept_places
from swath.assessment.published import PublishedMap
from swath.assessment.reference import CLASS_COLUMNS, labels_of
from swath.assessment.surveys import CLUSTER, STRATUM, PlotDesign, survey_of_places
from swath.assessment.tally import Tally
from swath.errors import SampleError
from swath.planning import Said


@dataclass(frozen=True)
class Plotted:
    """What plots say of a map of classes.

    Attributes:
        map: Its id.
        accuracy: Estimates, with their title.
        dropped: Plots that do not count, by reason.
        notes: What the estimates take for granted.
        url: Where the result stands.
    """

    map: str
    accuracy: Accuracy
    dropped: dict[str, int]
    notes: tuple[str, ...]
    url: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        told = {"map": self.map, "dropped": self.dropped, "notes": list(self.notes), "result": self.url}
        return {**self.accuracy.to_dict(), **told}


def assess_class_plots(
    map_: PublishedMap, reference: str | os.PathLike[str], *, design: PlotDesign | str, column: str | None = None,
    crs: str | None = None, drop: bool = False, level: float = 0.95, say: Said = lambda _: None,
) -> Plotted:  # fmt: skip
    """Estimate accuracy and areas from plots that lie somewhere on the map.

    Without a design they are taken to stand for their map class, which nothing but the user's word makes true: the
    estimates are titled `model-based`.

    Args:
        map_: Of classes.
        reference: Plots with places and classes; with `stratum` and `inclusion_probability` for a stratified design.
        design: By which they were drawn.
        column: Of classes.
        crs: Of coordinates that are no degrees.
        drop: Leave plots out that lie outside the map or on no data, and count them; else they are refused.
        level: Of the intervals.
        say: Told of progress.

    Raises:
        SampleError: Plots that do not fit the map or the design.
    """
    design = PlotDesign(design)
    placed = Places.read(reference, map_, crs=crs)
    name = column or next((name for name in CLASS_COLUMNS if name in placed.table.columns), None)
    if name is None or name not in placed.table.columns:
        raise SampleError(
            f"{placed.file} has no column {name or 'class'!r}.", fix="Name that of classes with --column."
        )
    labels, blank = labels_of(placed.table[name], tuple(map_.legend.values()), placed.file)
    over = overlay(map_, placed.table, say=say)
    keep, dropped = kept_places(placed, over.told, blank.to_numpy(bool), drop=drop)
    classes = over.classes
    true = labels[keep].map({name: number for number, name in enumerate(classes)}).to_numpy(np.int64)
    told, table = over.told[keep].astype(np.int64), placed.table[keep]
    if design is PlotDesign.NONE:
        tally, note = _by_class(told, true, over)
    else:
        tally, note = _drawn(table, told, true, over, design, placed.file)
    title = MODEL if design is PlotDesign.NONE else TITLE
    key = f"{assessment_folder(map_, placed.file)}/{RESULT}"
    made = Plotted(map_.id, accuracy(tally, level=level, title=title), dropped, (note,), map_.store.url(key))
    map_.store.put_bytes(key, json.dumps(made.to_dict(), indent=1).encode())
    return made


def _by_class(told: NDArray[np.int64], true: NDArray[np.int64], over: Overlay) -> tuple[Tally, str]:
    """Plots as if each map class were sampled evenly; as if the map were, where a class has fewer than two."""
    mapped = over.hectares.sum(axis=0)
    used = np.flatnonzero((mapped > 0) | (np.bincount(true, minlength=len(mapped)) > 0))
    place = np.full(len(mapped), -1)
    place[used] = np.arange(len(used))
    names = tuple(over.classes[number] for number in used.tolist())
    matrix = np.zeros((len(used), len(used)), np.int64)
    np.add.at(matrix, (place[told], place[true]), 1)
    note = "the plots are no probability sample: they are taken to stand for "
    if (matrix.sum(axis=1)[mapped[used] > 0] >= 2).all():
        return Tally.by_map_class(matrix, mapped[used].tolist(), names), note + "their map class"
    return Tally(matrix[None], mapped.sum(keepdims=True), names, (ALL,)), note + "the whole map"


def _drawn(
    table: pd.DataFrame, told: NDArray[np.int64], true: NDArray[np.int64], over: Overlay, design: PlotDesign,
    file: object,
) -> tuple[Tally, str]:  # fmt: skip
    if CLUSTER in table.columns and table[CLUSTER].duplicated().any():
        raise SampleError(
            f"Plots of {file} come in {table[CLUSTER].nunique()} clusters: accuracy of classes from clusters is not "
            "known here.",
            fix="Give one plot of each cluster.",
        )
    area = float(over.hectares.sum())
    survey = survey_of_places(table, design, pixels=int(over.pixels.sum()), area=area, file=file)
    number = len(survey.names)
    stands = np.bincount(survey.strata, survey.weights, number)
    even = stands[survey.strata] / np.bincount(survey.strata, minlength=number)[survey.strata]
    uneven = int((np.abs(survey.weights / even - 1) > 1e-6).sum())
    if uneven:
        raise SampleError(
            f"{uneven} plots of {file} have another inclusion probability than others of their stratum.",
            fix=f"Give strata of equal probabilities in {STRATUM!r}, with --design stratified.", count=uneven,
        )  # fmt: skip
    counts = np.zeros((number, len(over.classes), len(over.classes)), np.int64)
    np.add.at(counts, (survey.strata, told, true), 1)
    seen = np.flatnonzero((counts.sum(axis=(0, 1)) > 0) | (counts.sum(axis=(0, 2)) > 0) | (over.hectares.sum(0) > 0))
    names = tuple(over.classes[at] for at in seen.tolist())
    tally = Tally(counts[:, seen][:, :, seen], stands * area / stands.sum(), names, survey.names)
    return tally, f"plots are a {design} sample of the mapped area, as was said"
