"""A simulated archive on disk: scenes in one STAC catalog, the truth about them in another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date as Date
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from swath.errors import AreaError, NoItemsError, RequestError, StoreError
from swath.grid.periods import Period
from swath.synthetic import stac
from swath.synthetic.faults import Fault, damage
from swath.synthetic.files import write
from swath.synthetic.granules import AreaLike, Granule, granules
from swath.synthetic.labels import labels, write_labels
from swath.synthetic.legend import BANDS, GSD
from swath.synthetic.noise import number
from swath.synthetic.optical import HALO, reflectance
from swath.synthetic.orbits import REVISIT, Datatake
from swath.synthetic.sky import Sky
from swath.synthetic.world import World

SKY, COVER, CLEAR = "truth-sky", "truth-land-cover", "truth-reflectance"  #: collections of the truth


@dataclass(frozen=True)
class PublishedScene:
    """One item of the archive.

    Attributes:
        id: Of the item.
        granule: Where it lies.
        take: The pass.
        cloud_cover: Percent, as the provider says.
        item: Path of the item file.
        lying: Its flags contradict its pixels.
        fault: What was broken on purpose.
    """

    id: str
    granule: Granule
    take: Datatake
    cloud_cover: float
    item: Path
    lying: bool
    fault: Fault | None


@dataclass(frozen=True)
class Published:
    """What `publish` wrote.

    Attributes:
        catalog: Path of the archive's catalog.json.
        truth: Path of the truth's catalog.json.
        labels: Noisy training polygons (GeoPackage), EPSG:4326, column `class`.
        world: For the truth at any place and day.
        granules: By id order of zone, row, column.
        scenes: By time, then granule.
    """

    catalog: Path
    truth: Path
    labels: Path
    world: World
    granules: tuple[Granule, ...]
    scenes: tuple[PublishedScene, ...]


def publish(
    folder: str | os.PathLike[str],
    *,
    area: AreaLike,
    period: Period | str,
    seed: int = 0,
    granule_px: int = 1098,
    overlap_px: int | None = None,
    every_days: int = REVISIT,
    corrupt: Sequence[Fault | str] = (),
    lying: float = 0.15,
    workers: int = 0,
    most_granules: int = 64,
) -> Published:
    """Simulate an archive over an area and a period.

    `<folder>/archive/catalog.json` holds scenes in the collection `swath-simulated-optical`, and
    `<folder>/archive/labels.gpkg` noisy polygons; `<folder>/truth/` holds what no map may be made from: masks of the
    sky by scene, land cover by year, the mean clear reflectance of the days seen, the polygons' true classes.
    The same arguments give the same bytes.

    Args:
        folder: Must not hold an archive yet.
        area: (west, south, east, north) in degrees, a shapely geometry in degrees or a `swath.grid.Area`.
        period: As `2023-05/2023-07`; its steps do not matter.
        seed: Names the world.
        granule_px: Edge of a granule in pixels of 10 m; a multiple of 6.
        overlap_px: Shared by neighbouring granules; a multiple of 6. By default a tenth.
        every_days: Days between passes over one orbit; overlapping orbits add their own.
        corrupt: One scene each is broken in these ways; see `Fault`.
        lying: Share of the datatakes whose items contradict their pixels.
        workers: Threads; 0 means one a core.
        most_granules: More than these are refused: an archive of a country would take days and terabytes.

    Raises:
        AreaError, GridError, PeriodError: The area, the granules or the period cannot be.
        NoItemsError: No satellite passes in that period.
        RequestError: An unknown fault, or more faults than scenes.
        StoreError: The folder holds an archive already.
    """
    faults = [_fault(word) for word in corrupt]
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
    threads = workers or os.cpu_count() or 1
    world = World(seed, keep=2 * len({day.year for day in days}))
    plan = [
        (square, take) for square in squares for day in days for take in world.passes(square.window, day, every_days)
    ]
    if not plan:
        raise NoItemsError(f"No satellite passes in {span.text}.", fix=f"Ask for {every_days} days or more.")
    if len(faults) > len(plan):
        raise RequestError(
            f"{len(faults)} faults do not fit into {len(plan)} scenes.", fix="Ask for fewer, or a longer period."
        )
    # drawn, so that neither one granule nor one date loses all
    drawn = sorted(range(len(plan)), key=lambda n: number(seed, "fault", n))
    broken = dict(zip(drawn, faults, strict=False))
    years = sorted({day.year for day in days})
    made: list[_Made] = []
    truths: list[tuple[list[dict[str, Any]], dict[str, Any]]] = []
    polygons: list[dict[str, Any]] = []
    with ThreadPoolExecutor(threads) as pool:
        for square in squares:  # one after the other: memory does not grow with the area
            # the ground first, so that threads do not draw the same ground twice
            list(pool.map(partial(world.ground, square.window.grown(HALO)), years))
            mine = [(n, take) for n, (other, take) in enumerate(plan) if other is square]
            futures = [pool.submit(_scene, world, root, square, t, broken.get(n), lying) for n, t in mine]
            if not mine:
                continue
            truths.append(_truth(world, root, square, [t.date for _, t in mine], years))
            polygons += labels(world, square, years[-1])
            made += [future.result() for future in futures]
    made.sort(key=lambda pair: (pair[0].take.time, pair[0].id))
    says = (
        "Simulated optical scenes. Surface reflectance of a world that does not exist, as Sentinel-2 would deliver it."
    )
    catalog = stac.catalog(root / "archive", "Simulated Earth", says, {stac.COLLECTION: (says, [m[1] for m in made])})
    sky = "Truth about the sky. Codes: " + ", ".join(f"{code.value} {code.name.lower()}" for code in Sky)
    cover = "Truth about land cover. The class of most of a pixel's ground at 2.5 m."
    clear = "Truth about reflectance. Mean of the days seen, without clouds."
    known = {
        SKY: (sky, [m[2] for m in made]),
        COVER: (cover, [entry for covers, _ in truths for entry in covers]),
        CLEAR: (clear, [entry for _, entry in truths]),
    }
    warning = "What is known of it; no map may be made from this."
    truth = stac.catalog(root / "truth", "Truth of the simulated Earth", warning, known)
    drawn_at = root / "archive" / "labels.gpkg"
    write_labels(polygons, drawn_at, root / "truth" / "labels.gpkg")
    return Published(catalog, truth, drawn_at, world, tuple(squares), tuple(m[0] for m in made))


_Made = tuple[PublishedScene, dict[str, Any], dict[str, Any]]


def _fault(word: Fault | str) -> Fault:
    try:
        return Fault(word)
    except ValueError as error:
        raise RequestError(f"No fault is called {word!r}.", fix=f"Choose among {', '.join(Fault)}.") from error


def _scene(world: World, root: Path, granule: Granule, take: Datatake, fault: Fault | None, lying: float) -> _Made:
    """Write one scene's files; returns it, its item and the truth's item."""
    name = f"{take.platform}_{granule.id}_{take.date:%Y%m%d}_{take.orbit:03d}"
    lies = take.draw("lies") < lying
    image = world.observe(take, granule.window, overcast=fault is Fault.OVERCAST)
    folder = root / "archive" / stac.COLLECTION / name
    folder.mkdir(parents=True)
    sums = {
        band: write(folder / f"{band}.tif", data, granule.window, GSD[band] // 10, nodata=0, smooth=True)
        for band, data in image.bands.items()
    }
    sums["SCL"] = write(folder / "SCL.tif", image.scl, granule.window, 2, nodata=0, smooth=False)
    entry = stac.scene(name, granule, take, image, sums, lying=lies)
    if fault is not None:
        damage(fault, folder, entry, granule)
    below = root / "truth" / SKY / name
    below.mkdir(parents=True)
    total = write(below / "sky.tif", image.sky, granule.window, 2, nodata=int(Sky.NODATA), smooth=False)
    sky = stac.item(
        name, SKY, granule, entry["properties"]["datetime"],
        {
            "swath:shift_px": [round(v, 4) for v in take.shift],
            "swath:fault": fault.value if fault else None,
            "swath:lying": lies,
        },
        {"sky": stac.raster("sky.tif", total, granule, 2, data_type="uint8", nodata=int(Sky.NODATA))},
        stac.extensions("projection/v2.0.0", "file/v2.1.0"),
    )  # fmt: skip
    scene = PublishedScene(name, granule, take, image.cloud_cover, folder / f"{name}.json", lies, fault)
    return scene, entry, sky


def _truth(
    world: World, root: Path, granule: Granule, days: list[Date], years: list[int]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Write a granule's land cover by year and mean clear reflectance; returns their items."""
    schemas = stac.extensions("projection/v2.0.0", "file/v2.1.0", "classification/v1.1.0")
    wide = granule.window.grown(HALO)
    inner = slice(HALO, -HALO)
    covers = []
    for year in years:
        name = f"{granule.id}_{year}"
        folder = root / "truth" / COVER / name
        folder.mkdir(parents=True)
        cover = np.ascontiguousarray(world.ground(wide, year).cover[inner, inner])
        total = write(folder / "land_cover.tif", cover, granule.window, 1, nodata=0, smooth=False)
        asset = stac.raster("land_cover.tif", total, granule, 1, data_type="uint8", nodata=0)
        asset["classification:classes"] = stac.legend()
        covers.append(stac.item(name, COVER, granule, f"{year}-07-01T00:00:00Z", {}, {"land_cover": asset}, schemas))
    seen = sorted(set(days))
    mean = np.zeros((len(BANDS), granule.window.rows, granule.window.cols), np.float32)
    for day in seen:
        mean += reflectance(world.seed, wide, world.ground(wide, day.year), day)[:, inner, inner]
    numbers = np.round(mean * np.float32(10000.0 / len(seen)) + 1000).astype(np.uint16)
    name = f"{granule.id}_mean"
    folder = root / "truth" / CLEAR / name
    folder.mkdir(parents=True)
    total = write(folder / "reflectance.tif", numbers, granule.window, 1, nodata=0, smooth=True, names=BANDS)
    asset = stac.raster("reflectance.tif", total, granule, 1, data_type="uint16", nodata=0)
    asset |= {"bands": [{"name": band} for band in BANDS], "raster:scale": 0.0001, "raster:offset": -0.1}
    first, last = (f"{day:%Y-%m-%d}T00:00:00Z" for day in (seen[0], seen[-1]))
    span = {"start_datetime": first, "end_datetime": last}
    clear = stac.item(
        name, CLEAR, granule, first, span, {"reflectance": asset}, [*schemas, *stac.extensions("raster/v2.0.0")]
    )
    return covers, clear
