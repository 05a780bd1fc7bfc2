"""One scene of a simulated archive: its files, its item, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine

from swath.synthetic import stac, stac_scenes
from swath.synthetic.clouds import Cloud, classes
from swath.synthetic.contents import SKY, Simulated
from swath.synthetic.faults import Fault, damage
from swath.synthetic.files import write
from swath.synthetic.granules import Granule
from swath.synthetic.interpreted import interpreted
from swath.synthetic.legend import GSD
from swath.synthetic.optical import blur
from swath.synthetic.orbits import Datatake
from swath.synthetic.sensor import Image
from swath.synthetic.sky import Sky
from swath.synthetic.speckle import NODATA
from swath.synthetic.spectra import PIXEL
from swath.synthetic.thermal import edges
from swath.synthetic.window import STEP
from swath.synthetic.world import World

_HALVES = np.array([0.5, 0.5], np.float32)


@dataclass(frozen=True)
class PublishedScene:
    """One item of the archive.

    Attributes:
        id: Of the item.
        granule: Where it lies.
        take: The pass.
        cloud_cover: Percent, as the provider says; 0 for radar.
        item: Path of the item file.
        lying: Its flags contradict its pixels.
        fault: What was broken on purpose.
        collection: Its collection's id.
    """

    id: str
    granule: Granule
    take: Datatake
    cloud_cover: float
    item: Path
    lying: bool
    fault: Fault | None
    collection: str = Simulated.OPTICAL.collection


@dataclass(frozen=True)
class Made:
    """A scene with the items that stand for it.

    Attributes:
        scene: What was written.
        item: Its item in the archive.
        truth: The item of the truth about its sky, None for radar.
        looked: Squares of it that people looked at; see `interpreted`.
    """

    scene: PublishedScene
    item: dict[str, Any]
    truth: dict[str, Any] | None
    looked: tuple[dict[str, Any], ...] = ()


def _name(granule: Granule, take: Datatake, end: str = "") -> str:
    return f"{take.platform}_{granule.id}_{take.date:%Y%m%d}_{take.orbit:03d}{end}"


def _folder(root: Path, part: str, collection: str, name: str) -> Path:
    folder = root / part / collection / name
    folder.mkdir(parents=True)
    return folder


def _sky(
    root: Path, name: str, granule: Granule, when: str, layers: Mapping[str, np.ndarray], factor: int,
    properties: Mapping[str, Any], place: tuple[int, Affine] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the truth about a scene's sky; returns its item."""
    folder = _folder(root, "truth", SKY, name)
    assets = {}
    for key, data in layers.items():
        nodata = int(Sky.NODATA if key == "sky" else Cloud.NODATA)
        total = write(folder / f"{key}.tif", data, granule.window, factor, nodata=nodata, smooth=False, place=place)
        assets[key] = stac.raster(f"{key}.tif", total, granule, factor, data_type="uint8", nodata=nodata)
        if place is not None:
            assets[key] |= {"proj:shape": list(data.shape), "proj:transform": list(place[1])[:6]}
    assets["clouds"]["classification:classes"] = stac_scenes.cloud_legend()
    more = {} if place is None else {"proj:code": f"EPSG:{place[0]}"}
    schemas = stac.extensions("projection/v2.0.0", "file/v2.1.0", "classification/v1.1.0")
    return stac.item(name, SKY, granule, when, {**properties, **more}, assets, schemas)


def optical(
    world: World, root: Path, granule: Granule, take: Datatake, wanted: frozenset[Simulated], fault: Fault | None,
    lying: float,
) -> list[Made]:  # fmt: skip
    """Write the scenes of one optical pass: at the surface, at the top of the atmosphere, or both."""
    image = world.observe(take, granule.window, overcast=fault is Fault.OVERCAST)
    snow = blur(world.white(granule.window, take.date)[None], _HALVES, 2, image.sky.shape)[0]
    truth = {"sky": image.sky, "clouds": classes(image.sky, snow)}
    writers: dict[Simulated, Callable[..., Made]] = {Simulated.OPTICAL: _surface, Simulated.L1C: _top}
    return [
        write_one(world, root, granule, take, image, truth, fault, lying)
        for sensor, write_one in writers.items()
        if sensor in wanted
    ]


def _surface(
    world: World, root: Path, granule: Granule, take: Datatake, image: Image, truth: Mapping[str, np.ndarray],
    fault: Fault | None, lying: float,
) -> Made:  # fmt: skip
    name = _name(granule, take)
    lies = take.draw("lies") < lying
    folder = _folder(root, "archive", Simulated.OPTICAL.collection, name)
    sums = {
        band: write(folder / f"{band}.tif", data, granule.window, GSD[band] // 10, nodata=0, smooth=True)
        for band, data in image.bands.items()
    }
    sums["SCL"] = write(folder / "SCL.tif", image.scl, granule.window, 2, nodata=0, smooth=False)
    entry = stac.scene(name, granule, take, image, sums, lying=lies)
    if fault is not None:
        damage(fault, folder, entry, granule)
    known = {
        "swath:shift_px": [round(v, 4) for v in take.shift], "swath:fault": fault.value if fault else None,
        "swath:lying": lies,
    }  # fmt: skip
    sky = _sky(root, name, granule, entry["properties"]["datetime"], truth, 2, known)
    scene = PublishedScene(name, granule, take, image.cloud_cover, folder / f"{name}.json", lies, fault)
    return Made(scene, entry, sky, _looked(granule, take, name, truth))


def _top(
    world: World, root: Path, granule: Granule, take: Datatake, image: Image, truth: Mapping[str, np.ndarray],
    fault: Fault | None, lying: float,
) -> Made:  # fmt: skip
    name = _name(granule, take, "_l1c")
    lies = take.draw("lies") < lying
    folder = _folder(root, "archive", Simulated.L1C.collection, name)
    overcast = fault is Fault.OVERCAST
    sums = {
        band: write(folder / f"{band}.tif", data, granule.window, PIXEL[band] // 10, nodata=0, smooth=True)
        for band, data in world.observe_l1c(take, granule.window, overcast=overcast).items()
    }
    entry = stac_scenes.l1c(name, granule, take, image, sums, lying=lies)
    known = {"swath:shift_px": [round(v, 4) for v in take.shift], "swath:lying": lies}
    sky = _sky(root, name, granule, entry["properties"]["datetime"], truth, 2, known)
    path = folder / f"{name}.json"
    scene = PublishedScene(name, granule, take, image.cloud_cover, path, lies, None, Simulated.L1C.collection)
    return Made(scene, entry, sky, _looked(granule, take, name, truth))


def _looked(granule: Granule, take: Datatake, name: str, truth: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], ...]:
    left, top = granule.window.left * float(STEP), granule.window.top * float(STEP)
    return tuple(interpreted(take, name, truth["clouds"], epsg=granule.window.epsg, left=left, top=top, edge=20))


def thermal(world: World, root: Path, granule: Granule, take: Datatake) -> Made:
    """Write the scene of one pass of a thermal fleet."""
    image = world.observe_thermal(take, granule.window)
    name = _name(granule, take, "_night" if image.night else "")
    left, top, rows, cols = edges(granule.window)
    squares = interpreted(take, name, image.clouds, epsg=granule.window.epsg, left=left, top=top, edge=30)
    epsg = granule.window.epsg
    if epsg > 32700:  # Landsat's southern scenes lie in the northern zones, with negative northings
        epsg, top = epsg - 100, top - 10_000_000.0
    place = (epsg, Affine(30.0, 0.0, left, 0.0, -30.0, top))
    folder = _folder(root, "archive", Simulated.THERMAL.collection, name)
    sums = {
        band: write(folder / f"{band}.tif", data, granule.window, 3, nodata=0, smooth=True, place=place)
        for band, data in image.bands.items()
    }
    sums["qa_pixel"] = write(
        folder / "qa_pixel.tif", image.qa_pixel, granule.window, 3, nodata=1, smooth=False, place=place
    )
    entry = stac_scenes.thermal(name, granule, take, image, sums, (rows, cols), place)
    truth = {"sky": image.sky, "clouds": image.clouds}
    known = {"swath:shift_px": [round(v, 4) for v in take.shift]}
    sky = _sky(root, name, granule, entry["properties"]["datetime"], truth, 3, known, place)
    path = folder / f"{name}.json"
    scene = PublishedScene(name, granule, take, image.cloud_cover, path, False, None, Simulated.THERMAL.collection)
    return Made(scene, entry, sky, tuple(squares))


def radar(world: World, root: Path, granule: Granule, take: Datatake) -> Made:
    """Write the scene of one pass of a radar fleet."""
    image = world.observe_radar(take, granule.window)
    name = _name(granule, take)
    folder = _folder(root, "archive", Simulated.RADAR.collection, name)
    sums = {
        band: write(folder / f"{band}.tif", data, granule.window, 1, nodata=NODATA, smooth=True)
        for band, data in image.power.items()
    }
    sums["mask"] = write(folder / "mask.tif", image.mask, granule.window, 1, nodata=255, smooth=False)
    entry = stac_scenes.radar(name, granule, take, image, sums)
    path = folder / f"{name}.json"
    return Made(PublishedScene(name, granule, take, 0.0, path, False, None, Simulated.RADAR.collection), entry, None)
