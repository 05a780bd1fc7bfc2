"""A simulated archive on disk: scenes in one STAC catalog, the truth about them in another."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from swath.errors import AreaError, NoItemsError, RequestError, StoreError
from swath.grid.periods import Period
from swath.synthetic import scenes, stac
from swath.synthetic.contents import BIOMASS, CLEAR, COVER, SAYS, SKY, SPECIES, Labels, Simulated
from swath.synthetic.elevation import YEAR
from swath.synthetic.faults import Fault
from swath.synthetic.granules import AreaLike, Granule, granules
from swath.synthetic.label_sets import LabelSets
from swath.synthetic.noise import number
from swath.synthetic.optical import HALO
from swath.synthetic.orbits import OPTICAL, RADAR_DOWN, RADAR_UP, REVISIT, THERMAL_DAY, THERMAL_NIGHT, Datatake, Fleet
from swath.synthetic.scenes import Made, PublishedScene
from swath.synthetic.statics import write_climate, write_elevation
from swath.synthetic.truths import write_biomass, write_clear, write_cover, write_species
from swath.synthetic.world import World

_FLEETS: dict[Simulated, tuple[Fleet, ...]] = {
    Simulated.OPTICAL: (OPTICAL,), Simulated.L1C: (OPTICAL,), Simulated.THERMAL: (THERMAL_DAY, THERMAL_NIGHT),
    Simulated.RADAR: (RADAR_UP, RADAR_DOWN),
}  # fmt: skip
_SKIES = (Simulated.OPTICAL, Simulated.L1C, Simulated.THERMAL)  # whose scenes have clouds to be named
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True)
class Published:
    """What `publish` wrote.

    Attributes:
        catalog: Path of the archive's catalog.json.
        truth: Path of the truth's catalog.json.
        labels: Noisy training polygons (GeoPackage), EPSG:4326, column `class`.
        world: For the truth at any place and day.
        granules: By id order of zone, row, column.
        scenes: By time, then id; of all collections asked for.
        files: Of labels, by kind; what is true of them stands in files of the same names beside the truth.
    """

    catalog: Path
    truth: Path
    labels: Path
    world: World
    granules: tuple[Granule, ...]
    scenes: tuple[PublishedScene, ...]
    files: Mapping[Labels, Path] = field(default_factory=dict)


def publish(
    folder: str | os.PathLike[str],
    *,
    area: AreaLike,
    period: Period | str,
    seed: int = 0,
    collections: Sequence[Simulated | str] = (Simulated.OPTICAL,),
    labels: Sequence[Labels | str] = (Labels.LANDCOVER,),
    granule_px: int = 1098,
    overlap_px: int | None = None,
    every_days: int | Mapping[Simulated, int] = REVISIT,
    corrupt: Sequence[Fault | str] = (),
    lying: float = 0.15,
    workers: int = 0,
    most_granules: int = 64,
) -> Published:
    """Simulate an archive over an area and a period.

    `<folder>/archive/catalog.json` holds scenes in collections named `swath-simulated-<name>`, and files of labels
    beside it; `<folder>/truth/` holds what no map may be made from: masks of the sky by scene, land cover (and biomass)
    by year, the mean clear reflectance of the days seen, what is true of the labels. The same arguments give the same
    bytes, and a scene is the same whatever is asked for beside it.

    Args:
        folder: Must not hold an archive yet.
        area: (west, south, east, north) in degrees, a shapely geometry in degrees or a `swath.grid.Area`.
        period: As `2023-05/2023-07`; its steps do not matter.
        seed: Names the world.
        collections: Of the archive: `optical`, `l1c`, `thermal`, `radar`, `elevation`, `climate`.
        labels: `landcover`, `clouds`, `footprints`, `plots`, `occurrences`, `survey`; the truth about biomass or
            species is written with those of them.
        granule_px: Edge of a granule in pixels of 10 m; a multiple of 6.
        overlap_px: Shared by neighbouring granules; a multiple of 6. By default a tenth.
        every_days: Days between passes over one orbit of the optical fleet, or of the fleets of several collections;
            overlapping orbits add their own.
        corrupt: One optical scene each is broken in these ways; see `Fault`.
        lying: Share of the optical datatakes whose items contradict their pixels.
        workers: Threads; 0 means one a core.
        most_granules: More than these are refused: an archive of a country would take days and terabytes.

    Raises:
        AreaError, GridError, PeriodError: The area, the granules or the period cannot be.
        NoItemsError: No satellite passes in that period.
        RequestError: An unknown fault, collection or kind of labels, or more faults than scenes.
        StoreError: The folder holds an archive already.
    """
    faults = [_known(word, Fault, "fault") for word in corrupt]
    wanted = frozenset(_known(word, Simulated, "simulated collection") for word in collections)
    kinds = frozenset(_known(word, Labels, "kind of labels") for word in labels)
    if not wanted:
        raise RequestError("No collection is asked for.", fix=f"Choose among {', '.join(Simulated)}.")
    if Labels.CLOUDS in kinds and not wanted & set(_SKIES):
        raise RequestError(
            f"Nobody can name clouds on {', '.join(sorted(wanted))} scenes.", fix=f"Add one of {', '.join(_SKIES)}."
        )
    span = Period.parse(period) if isinstance(period, str) else period
    if overlap_px is None:
        overlap_px = granule_px // 60 * 6
    squares = granules(area, granule_px, overlap_px)
    if len(squares) > most_granules:
        raise AreaError(
            f"The area takes {len(squares)} granules of {granule_px / 100:.0f} km.",
            fix=f"Simulate at most {most_granules}: a smaller area, or larger granules.",
            granules=len(squares),
        )
    root = Path(folder)
    if (root / "archive").exists() or (root / "truth").exists():
        raise StoreError(f"{root} holds a simulated archive already.", fix="Name another folder, or remove this one.")
    days = [span.start.date() + timedelta(days=n) for n in range((span.end - span.start).days)]
    years = sorted({day.year for day in days})
    threads = workers or os.cpu_count() or 1
    world = World(seed, keep=2 * len(years) + 2)
    fleets = sorted({fleet for sensor in wanted for fleet in _FLEETS.get(sensor, ())}, key=lambda fleet: fleet.name)
    told = {Simulated.OPTICAL: every_days} if isinstance(every_days, int) else every_days
    turns = {fleet: fleet.revisit for fleet in fleets} | {
        fleet: days for sensor, days in told.items() for fleet in _FLEETS.get(sensor, ())
    }
    plan = [
        (square, take)
        for square in squares
        for day in days
        for fleet in fleets
        for take in world.passes(square.window, day, turns[fleet], fleet)
    ]
    if fleets and not plan:
        longest = max(turns[fleet] for fleet in fleets)
        raise NoItemsError(f"No satellite passes in {span.text}.", fix=f"Ask for {longest} days or more.")
    can_break = [n for n, (_, take) in enumerate(plan) if take.fleet == OPTICAL and Simulated.OPTICAL in wanted]
    if len(faults) > len(can_break):
        raise RequestError(
            f"{len(faults)} faults do not fit into {len(can_break)} scenes.", fix="Ask for fewer, or a longer period."
        )
    # drawn, so that neither one granule nor one date loses all
    drawn = sorted(can_break, key=lambda n: number(seed, "fault", n))
    broken = dict(zip(drawn, faults, strict=False))
    made: list[Made] = []
    items: dict[str, list[dict[str, Any]]] = defaultdict(list)
    sets = LabelSets(world, kinds, days)
    with ThreadPoolExecutor(threads) as pool:
        for square in squares:  # one after the other: memory does not grow with the area
            mine = [(n, take) for n, (other, take) in enumerate(plan) if other is square]
            if fleets and not mine:
                continue
            # the ground first, so that threads do not draw the same ground twice
            needed = [*years, *([YEAR] if Simulated.ELEVATION in wanted else [])]
            list(pool.map(partial(world.ground, square.window.grown(HALO)), sorted(set(needed))))
            futures = [pool.submit(_scene, world, root, square, t, wanted, broken.get(n), lying) for n, t in mine]
            items[COVER] += [write_cover(world, root, square, year) for year in years]
            seen = [take.date for _, take in mine if take.fleet == OPTICAL]
            if seen:
                items[CLEAR].append(write_clear(world, root, square, seen))
            if kinds & {Labels.FOOTPRINTS, Labels.PLOTS}:
                items[BIOMASS] += [write_biomass(world, root, square, year) for year in years]
            if kinds & {Labels.OCCURRENCES, Labels.SURVEY}:
                items[SPECIES].append(write_species(world, root, square, years[-1]))
            if Simulated.ELEVATION in wanted:
                items[Simulated.ELEVATION.collection].append(write_elevation(world, root, square))
            sets.add(square)
            made += [one for future in futures for one in future.result()]
    if Simulated.CLIMATE in wanted:
        items[Simulated.CLIMATE.collection] = write_climate(world, root, squares)
    made.sort(key=lambda one: (one.scene.take.time, one.scene.id))
    for one in made:
        items[one.scene.collection].append(one.item)
        if one.truth is not None:
            items[SKY].append(one.truth)
    names = [sensor.collection for sensor in Simulated]
    says = "What satellites would deliver of a world that does not exist."
    catalog = stac.catalog(root / "archive", "Simulated Earth", says, _held(items, names))
    warning = "What is known of it; no map may be made from this."
    known = _held(items, (SKY, COVER, CLEAR, BIOMASS, SPECIES))
    truth = stac.catalog(root / "truth", "Truth of the simulated Earth", warning, known)
    looked = [
        (sensor.value, [square for one in made if one.scene.collection == sensor.collection for square in one.looked])
        for sensor in Simulated
        if sensor in wanted and sensor in _SKIES
    ]
    files = sets.write(root / "archive", root / "truth", looked)
    drawn_at = root / "archive" / Labels.LANDCOVER.file
    scenes_made = tuple(one.scene for one in made)
    return Published(catalog, truth, drawn_at, world, tuple(squares), scenes_made, files)


def _held(
    items: dict[str, list[dict[str, Any]]], names: Iterable[str]
) -> dict[str, tuple[str, list[dict[str, Any]]]]:  # fmt: skip
    """Those collections that hold an item, with what they say of themselves."""
    return {name: (SAYS[name], items[name]) for name in names if items.get(name)}


def _known(word: _Word | str, choices: type[_Word], what: str) -> _Word:
    try:
        return choices(word)
    except ValueError as error:
        raise RequestError(f"No {what} is called {word!r}.", fix=f"Choose among {', '.join(choices)}.") from error


def _scene(
    world: World, root: Path, granule: Granule, take: Datatake, wanted: frozenset[Simulated], fault: Fault | None,
    lying: float,
) -> list[Made]:  # fmt: skip
    """Write what one pass delivers of a granule."""
    if take.fleet == OPTICAL:
        return scenes.optical(world, root, granule, take, wanted, fault, lying)
    writer: Callable[..., Made] = scenes.thermal if take.fleet in _FLEETS[Simulated.THERMAL] else scenes.radar
    return [writer(world, root, granule, take)]
