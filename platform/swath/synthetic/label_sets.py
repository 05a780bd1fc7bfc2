"""The files of labels beside an archive, each with what is true of it in a file of the same name beside the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date as Date
from pathlib import Path
from typing import Any

from swath.synthetic import footprints, occurrences, plots, survey
from swath.synthetic.contents import Labels
from swath.synthetic.granules import Granule
from swath.synthetic.interpreted import write_interpreted
from swath.synthetic.labels import labels, write_labels
from swath.synthetic.world import World

YEARS = 10  #: of records of species, up to the last of the archive
VISITS = 60.0  #: a square kilometre in these years, of a group: an archive some ten kilometres wide has enough records


class LabelSets:
    """Labels of the kinds asked for, granule by granule.

    Args:
        world: The truth.
        kinds: Which.
        days: Of the archive, in order.
    """

    def __init__(self, world: World, kinds: frozenset[Labels], days: Sequence[Date]) -> None:
        self._world, self._kinds, self._days = world, kinds, days
        self._polygons: list[dict[str, Any]] = []
        self._beams: list[footprints.Footprints] = []
        self._plots: list[plots.Plot] = []
        self._records: list[occurrences.Occurrences] = []
        self._surveys: list[survey.Survey] = []

    def add(self, granule: Granule) -> None:
        """Make the labels of a granule."""
        world, window, first, last = self._world, granule.window, self._days[0], self._days[-1]
        if Labels.LANDCOVER in self._kinds:
            self._polygons += labels(world, granule, last.year)
        if Labels.FOOTPRINTS in self._kinds:
            self._beams.append(footprints.footprints(world, window, first, last))
        if Labels.PLOTS in self._kinds:
            self._plots += plots.plots(world, window, last.year)
        if Labels.OCCURRENCES in self._kinds:
            since = Date(last.year - YEARS + 1, 1, 1)
            found = occurrences.occurrences(world, window, since, Date(last.year, 12, 31), density=VISITS)
            self._records.append(found)
        if Labels.SURVEY in self._kinds:
            self._surveys.append(survey.survey(world, window, Date(last.year, 1, 1), Date(last.year, 12, 31)))

    def write(
        self, public: Path, secret: Path, looked: Iterable[tuple[str, list[dict[str, Any]]]]
    ) -> dict[Labels, Path]:
        """Write the files; returns where those for everyone lie.

        Args:
            public: Folder of the archive.
            secret: Folder of the truth.
            looked: Squares that people looked at, by the sensor's name.
        """
        files = {kind: public / kind.file for kind in Labels if kind in self._kinds}
        known = {kind: secret / kind.file for kind in files}
        for kind, path in files.items():
            if kind is Labels.LANDCOVER:
                write_labels(self._polygons, path, known[kind])
            elif kind is Labels.CLOUDS:
                for layer, squares in looked:
                    write_interpreted(squares, layer, path, known[kind])
            elif kind is Labels.FOOTPRINTS:
                footprints.write_footprints(footprints.merge(self._beams), path, known[kind])
            elif kind is Labels.PLOTS:
                plots.write_plots(self._plots, path, known[kind])
            elif kind is Labels.OCCURRENCES:
                occurrences.write_occurrences(occurrences.merge(self._records), path, known[kind])
            else:
                survey.write_survey(survey.merge(self._surveys), path, known[kind])
        return files
