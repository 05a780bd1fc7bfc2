"""Land cover and biomass as rows that peers learn from: real sets from files, and simulated ones of the same form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize
from rasterio.transform import from_origin
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree

from swath.synthetic import Window, World
from swath.synthetic.biomass import SATURATION, biomass
from swath.synthetic.granules import Granule
from swath.synthetic.habitat import sites
from swath.synthetic.labels import labels

Array = NDArray[Any]
FOLDS, MOST = 5, 60  # of blocks; pixels of a polygon
PLOTS, OPEN = 437, 35  # of biomass; so many in young stands
SIDE = {"landcover": (770, 1540), "biomass": (700, 700)}  # of a simulated set, pixels of 10 m


@dataclass(frozen=True)
class Rows:
    """Rows with a class or a value, in blocks that are held out whole.

    Attributes:
        name: Of the set.
        x: Features by name, (n, p) each: `pixel`, and where there are, `around`.
        y: (n,).
        block: Number of the block, (n,).
        fold: (n,).
        place: Metres, (n, 2).
        buffer_m: Training rows as near to held-out ones are dropped.
    """

    name: str
    x: dict[str, Array]
    y: Array
    block: Array
    fold: Array
    place: Array
    buffer_m: float

    def split(self, fold: int) -> tuple[Array, Array]:
        """(learn, test) row numbers."""
        test = np.flatnonzero(self.fold == fold)
        learn = np.flatnonzero(self.fold != fold)
        if self.buffer_m:
            near = cKDTree(self.place[test]).query(self.place[learn])[0] < self.buffer_m
            learn = learn[~near]
        return learn, test


def _blocks(place: Array, edge: float) -> tuple[Array, Array]:
    """Number of the square block of each place, and its fold, drawn with a fixed seed."""
    _, block = np.unique(np.floor(place / edge).astype(int), axis=0, return_inverse=True)
    order = np.random.default_rng(0).permutation(block.max() + 1)
    return block.ravel(), order[block.ravel()] % FOLDS


# --- land cover ---------------------------------------------------------------------------------------


def _around(bands: Array, pairs: list[tuple[int, int]]) -> dict[str, Array]:
    """Of (bands, rows, cols): bands and normalised differences; and with them their mean and deviation in 3x3, 7x7."""
    base = [*bands, *((bands[a] - bands[b]) / (bands[a] + bands[b] + 1e-6) for a, b in pairs)]
    more = list(base)
    for size in (3, 7):
        for values in base:
            mean = uniform_filter(values, size)
            more += [mean, np.sqrt((uniform_filter(values * values, size) - mean * mean).clip(0))]
    return {"pixel": np.stack(base).astype(np.float32), "around": np.stack(more).astype(np.float32)}


def _pixels(
    name: str, polygons: geopandas.GeoDataFrame, column: str, features: dict[str, Array], left: float, top: float
) -> Rows:
    """Rows of pixels inside polygons (shrunk by 10 m), at most `MOST` a polygon, whole polygons to blocks of 1 km."""
    shape = features["pixel"].shape[1:]
    random, rows, cols, owner = np.random.default_rng(0), [], [], []
    small = polygons.geometry.buffer(-10.0)
    small = small.where(~small.is_empty, polygons.geometry)
    for number, outline in enumerate(small):
        west, south, east, north = outline.bounds
        c0, r0 = max(math.floor((west - left) / 10), 0), max(math.floor((top - north) / 10), 0)
        c1, r1 = min(math.ceil((east - left) / 10), shape[1]), min(math.ceil((top - south) / 10), shape[0])
        if c1 <= c0 or r1 <= r0:
            continue
        corner = from_origin(left + 10 * c0, top - 10 * r0, 10, 10)
        r, c = np.nonzero(rasterize([outline], (r1 - r0, c1 - c0), transform=corner))
        keep = random.permutation(len(r))[:MOST]
        rows.append(r[keep] + r0)
        cols.append(c[keep] + c0)
        owner.append(np.full(len(keep), number))
    row, col, polygon = np.concatenate(rows), np.concatenate(cols), np.concatenate(owner)
    centre = np.stack([polygons.geometry.centroid.x, polygons.geometry.centroid.y], 1)
    block, fold = _blocks(centre, 1000.0)
    return Rows(
        name, {word: layer[:, row, col].T for word, layer in features.items()},
        np.unique(polygons[column].to_numpy(), return_inverse=True)[1][polygon], block[polygon], fold[polygon],
        np.stack([left + 10.0 * col, top - 10.0 * row], 1), 100.0,
    )  # fmt: skip


def real_landcover(data: Path) -> Rows:
    """The Sentinel-2 scene with OpenStreetMap's polygons."""
    (folder,) = (data / "sentinel-2-l1c").glob("S2A_*")
    bands = {}
    with rasterio.open(folder / "B04.tif") as file:
        left, top, shape, epsg = file.transform.c, file.transform.f, file.shape, file.crs.to_epsg()
    for path in sorted(folder.glob("B*.tif")):
        with rasterio.open(path) as file:
            times = round(file.transform.a / 10)
            fine = np.kron(file.read(1), np.ones((times, times), np.uint16))
            row, col = round((file.transform.f - top) / 10), round((left - file.transform.c) / 10)
        bands[path.stem] = fine[row:, col:][: shape[0], : shape[1]].astype(np.float64) / 1e4
    names = list(bands)
    pairs = [
        (names.index(a), names.index(b)) for a, b in (("B08", "B04"), ("B03", "B08"), ("B8A", "B11"), ("B11", "B12"))
    ]
    polygons = geopandas.read_file(data / "sentinel-2-l1c" / "osm_landuse_water.geojson").to_crs(epsg)
    return _pixels("scene", polygons, "fclass", _around(np.stack(list(bands.values())), pairs), left, top)


def lattice(window: Window, factor: int = 1) -> GeoBox:
    """A window as a geobox, pixels of `factor` x 10 m."""
    edge = 10.0 * factor
    return GeoBox((window.rows // factor, window.cols // factor),
                  from_origin(10.0 * window.left, 10.0 * window.top, edge, edge), f"EPSG:{window.epsg}")  # fmt: skip


def seen_on(world: World, window: Window, day: date) -> Array:
    """Reflectance of a day with a sensor's noise, float64 (7, rows, cols), the bands of 20 m as blocks."""
    fine = world.reflectance(lattice(window), day).astype(np.float64)
    coarse = world.reflectance(lattice(window, 2), day, ("B05", "B11", "B12"))
    for number, band in zip((3, 5, 6), coarse, strict=True):
        fine[number] = np.kron(band, np.ones((2, 2)))
    return fine + np.random.default_rng(world.seed).normal(0, 1, fine.shape) * (0.0015 + 0.006 * fine)


def simulated_landcover(seed: int) -> Rows:
    """A scene of the same size and noisy polygons; classes with ten polygons or more, at most 110 of each, as there."""
    world = World(seed, keep=1)
    rows, cols = SIDE["landcover"]
    window = Window(32633, 48000 + 2000 * (seed % 4), 560000 - 1500 * (seed % 3), rows, cols)
    found = labels(world, Granule("guard", window), 2017)
    drawn = pd.DataFrame(found).sample(frac=1.0, random_state=seed)
    count = drawn.groupby("class")["id"].transform("size")
    drawn = drawn[count >= 10].groupby("class").head(110).sort_index()
    polygons = geopandas.GeoDataFrame(drawn, geometry="geometry", crs=4326).to_crs(window.epsg)
    features = _around(seen_on(world, window, date(2017, 4, 20)), [(4, 2), (1, 4), (4, 5), (5, 6)])
    return _pixels(f"seed {seed}", polygons, "class", features, 10.0 * window.left, 10.0 * window.top)


# --- biomass ------------------------------------------------------------------------------------------

# tasselled cap of reflectance (Crist 1985) over B02, B03, B04, B08, B11, B12
_CAP = np.array([
    [0.2043, 0.4158, 0.5524, 0.5741, 0.3124, 0.2303], [-0.1603, -0.2819, -0.4934, 0.7940, -0.0002, -0.1446],
    [0.0315, 0.2021, 0.3102, 0.1594, -0.6806, -0.6109],
])  # fmt: skip


def real_biomass(data: Path) -> Rows:
    """Plots of the Bartlett forest, 2002: elevation, slope, tasselled cap of three seasons."""
    table = pd.read_csv(data / "biomass" / "bartlett_plots.csv")
    place = table[["x_m", "y_m"]].to_numpy(float)
    block, fold = _blocks(place, 750.0)
    names = [name for name in table if name in ("elevation", "slope") or "_tc" in name]
    y = table["agb_2002_mg_ha"].to_numpy(float)
    return Rows("bartlett", {"pixel": table[names].to_numpy(float)}, y, block, fold, place, 0.0)


def simulated_biomass(seed: int) -> Rows:
    """As many plots of 30 m with the same features, in an old forest with few openings, as the real one is.

    Old is where the structure has passed what sensors see; the place is the first of a fixed list with enough of it.
    """
    world = World(seed, keep=1)
    random = np.random.default_rng(seed)
    rows, cols = SIDE["biomass"]
    while True:
        window = Window(32633, int(random.integers(350, 650)) * 100, int(random.integers(4800, 5600)) * 100, rows, cols)
        ground = world.ground(window, 2023)
        mass = biomass(seed, window, ground, 2023)
        r, c = (
            v.ravel() for v in np.meshgrid(np.arange(10, rows - 10, 10), np.arange(10, cols - 10, 10), indexing="ij")
        )
        stand = uniform_filter(mass.structure, 3)[r, c]
        woody = np.isin(ground.cover[r, c], (10, 20))
        old, rest = stand > SATURATION, np.flatnonzero(woody & (stand < SATURATION / 3))
        if old.sum() >= PLOTS - OPEN and len(rest) >= OPEN:
            break
    keep = np.concatenate([random.permutation(np.flatnonzero(old))[: PLOTS - OPEN], random.permutation(rest)[:OPEN]])
    r, c = r[keep], c[keep]
    truth = uniform_filter(mass.agb, 3)[r, c]
    y = np.maximum(truth + random.normal(0, 1, len(truth)) * np.hypot(0.1 * truth, 1.5), 0.1)
    caps = []
    for day in (date(2022, 5, 5), date(2022, 7, 15), date(2022, 10, 5)):
        # plots and images lie some 10 m apart
        off = np.rint(random.normal(0, 0.7, (2, len(r)))).astype(int)
        seen = uniform_filter(seen_on(world, window, day)[[0, 1, 2, 4, 5, 6]], (1, 3, 3))[:, r + off[0], c + off[1]]
        seen = seen + random.normal(0, 1, seen.shape) * (0.004 + 0.03 * seen)  # numbers of 8 bits, haze, slopes
        caps.append(_CAP @ seen)
    lon, lat = window.degrees(1, centre=True)
    site = sites(seed, lon[r, c], lat[r, c])
    place = np.stack([10.0 * c, -10.0 * r], 1)
    block, fold = _blocks(place, 750.0)
    return Rows(f"seed {seed}", {"pixel": np.vstack([site.height, site.slope, *caps]).T}, y, block, fold, place, 0.0)


def real_heights(data: Path) -> Rows:
    """Norwegian inventory plots: biomass from canopy height and its square; domains are the blocks."""
    table = pd.read_csv(data / "biomass" / "norway_nfi_plots.csv")
    _, block = np.unique(table["domain"], return_inverse=True)
    fold = np.random.default_rng(0).permutation(block.max() + 1)[block] % FOLDS
    height = table["mean_canopy_height_dm"].to_numpy(float)
    x = np.stack([height, height**2], 1)
    return Rows("norway", {"pixel": x}, table["agb_mg_ha"].to_numpy(float), block, fold, np.zeros((len(table), 2)), 0.0)


def simulated_heights(seed: int) -> Rows:
    """As many forest plots in as many domains, each of 2 km; the height is what the real plots' curve gives."""
    world, random = World(seed, keep=1), np.random.default_rng(seed)
    height, y, block = [], [], []
    while len(block) < 14:
        window = Window(32633, int(random.integers(350, 650)) * 100, int(random.integers(4800, 5900)) * 100, 200, 200)
        ground = world.ground(window, 2023)
        mass = biomass(seed, window, ground, 2023)
        forest = np.argwhere(ground.cover[5:-5, 5:-5] == 10) + 5
        if len(forest) < 400:
            continue
        r, c = random.permutation(forest)[: 11 if len(block) < 5 else 10].T
        stand, truth = (uniform_filter(layer, 2)[r, c] for layer in (mass.structure, mass.agb))
        # 10 dm of mean canopy height by the curve 0.19 h2 + 9.9 h of the real plots
        metres = (np.sqrt(9.9**2 + 4 * 0.19 * stand) - 9.9) / (2 * 0.19)
        height.append(10 * metres * (1 + 0.1 * random.normal(0, 1, len(r))))
        y.append(np.maximum(truth + random.normal(0, 1, len(r)) * np.hypot(0.1 * truth, 1.5), 0.0))
        block.append(np.full(len(r), len(block)))
    dm, number = np.concatenate(height), np.concatenate(block)
    fold = np.random.default_rng(0).permutation(14)[number] % FOLDS
    x = np.stack([dm, dm**2], 1)
    return Rows(f"seed {seed}", {"pixel": x}, np.concatenate(y), number, fold, np.zeros((len(dm), 2)), 0.0)
