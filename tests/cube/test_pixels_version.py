"""Golden bytes: numbers of a composite do not change without `swath.cube.PIXELS` being raised.

`PIXELS` is a part of every unit's resume key. If numbers change and it does not, maps are mixed of old and new tiles
and nobody can tell. Cases whose last digit rests on floating point (GDAL's warper, the geometric median) are held by
some of their numbers, to one step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from swath.cube import PIXELS, CubeSpec, Method, compose, index_numbers, index_of_composite
from swath.sources import collection
from swath.sources.facts import Band, BandKind, MaskRule

SHAPE = (24, 30)
BANDS = ("B02", "B04", "B08")

#: The `PIXELS` for which the numbers below were recorded.
RECORDED = 2
DIGESTS = {
    "median": "99d631c89ce2058e79e9ddc1",
    "mean": "34a693d16f0cda10e6cdb084",
    "percentile": "9f5cbcdd48dd91122c0faa06",
    "best": "e05b81058c4cfcf2cfa07b14",
    "first": "897ce4f04a19f8633d278eba",
    "unmasked": "b2795722c44278d4a8fd07a7",
    "dilated": "94a862aff1ba128c7cea5ac6",
    "index": "2f0b698ecd9ed1e31f8c1304",
    "coarsened": "6c2d3222a6b0b1be334071a3",
    "refined": "3097b20046271373e1da08be",
    "tie": "5bfc48fa82f783fc7c726f11",
    "another zone": "8b6a3ea91b5846a01435682a",
    "bits and coefficients": "92bca17f2240a583736d3449",
    "signed and floats, median": "09d320a32e0b7ae2a0df5371",
    "signed and floats, mean": "d3145b8d6fca9fe4876407b4",
}
NUMBERS = {
    "geomedian": [1089, 2035, 0, 0, 4149, 6666, 0, 4694, 3867, 6200, 0, 3440],
    "bilinear": [1089, 2035, 0, 0, 4466, 5709, 0, 4230, 4004, 6231, 0, 3615],
    "cubic": [3032, 3665, 3649, 2419, 4833, 0, 3624, 3524, 3847, 3205, 5229, 5653],
    "average": [3060, 3297, 3191, 4024, 4075, 4157, 3661, 3757, 4624, 4013, 3086, 3066],
}

CHANGED = """The pixels of {names} are not those recorded for PIXELS = {recorded}.
Not meant? Then the last change of the code (or of a pinned package) broke them: undo it.
Meant? Then raise PIXELS in platform/swath/cube/__init__.py by one, so that tiles made before count as older, say in
CHANGELOG.md what changed, and record here: RECORDED = {pixels}, and
{new}"""


def pattern(seed: int, low: int, high: int, shape=SHAPE) -> np.ndarray:
    """Numbers that look random and depend on no library: multiplicative hashing (Knuth, TAOCP 3, 6.4)."""
    place = np.arange(shape[0] * shape[1], dtype=np.uint64) + np.uint64(seed * 1_000_003)
    mixed = (place * np.uint64(0x9E3779B97F4A7C15)) ^ (place * np.uint64(0xC2B2AE3D27D4EB4F) >> np.uint64(29))
    return (low + (mixed >> np.uint64(33)) % np.uint64(high - low)).reshape(shape).astype(np.uint16)


def dates(maker, count: int = 6, *, resolution: float = 10, origin=(600_000.0, 5_800_000.0), shape=SHAPE, epsg=32633):
    """Scenes with gaps, saturated pixels, coarser classes, both baselines, and a pass of two granules."""
    rows, cols = -(-shape[0] // 2), -(-shape[1] // 2)
    for n in range(count):
        files = {}
        for b, band in enumerate(BANDS):
            values = pattern(10 * n + b, 900, 6000, shape)
            values[pattern(500 + 10 * n + b, 0, 10, shape) == 0] = 0
            values[pattern(900 + 10 * n + b, 0, 25, shape) == 0] = 65535
            files[band] = maker.file(f"{n}-{band}", values, resolution=resolution, origin=origin, epsg=epsg)
        classes = np.array([4, 5, 6, 8, 9, 3, 0, 11], np.uint8)[pattern(700 + n, 0, 8, (rows, cols))]
        files["SCL"] = maker.file(f"{n}-SCL", classes, resolution=2 * resolution, origin=origin, epsg=epsg)
        maker.scene(files, day=n, observation=f"pass-{n // 2 if n < 2 else n}", dn_shift=1000 * (n % 2), epsg=epsg)
    return maker.scenes


@pytest.fixture
def facts(make_collection, make_band):
    names = {"B02": "blue", "B04": "red", "B08": "nir"}
    extra = {n: make_band(n, offset=-0.1, saturated=65535, common_name=c) for n, c in names.items()}
    return make_collection(extra=extra)


def methods(maker, facts, make_tile) -> dict[str, dict[str, np.ndarray]]:
    scenes, tile = dates(maker), make_tile()
    spec = CubeSpec(bands=BANDS, masks=facts.masks, min_obs=3)
    cases = {
        "median": spec,
        "mean": replace(spec, method=Method.MEAN),
        "percentile": replace(spec, method=Method.PERCENTILE, percentiles=(0, 10, 62.5)),
        "best": replace(spec, method=Method.BEST, score="ndvi_max"),
        "first": replace(spec, method=Method.FIRST),
        "unmasked": replace(spec, masks=()),
        "dilated": replace(spec, masks=(MaskRule(band="SCL", drop=(9,)),), dilate_m=20),
    }
    made = {name: compose(scenes, tile, case, collection=facts) for name, case in cases.items()}
    found = {name: dict(composite.layers) for name, composite in made.items()}
    median = made["median"]
    found["index"] = {"NDVI": index_numbers(index_of_composite("NDVI", median.layers, median.facts, facts))}
    return found


def lattices(maker, facts, make_tile) -> dict[str, dict[str, np.ndarray]]:
    spec = CubeSpec(bands=BANDS, masks=facts.masks)
    where = {
        "coarsened": (make_tile((12, 15), resolution=20), {}),
        "refined": (make_tile((48, 60), resolution=5), {}),
        "tie": (make_tile(), {"origin": (599_995.0, 5_800_005.0)}),
        "another zone": (make_tile(), {"epsg": 32634, "origin": (191_200.0, 5_808_700.0), "shape": (40, 40)}),
    }
    found = {}
    for name, (tile, place) in where.items():
        maker.scenes.clear()
        found[name] = dict(compose(dates(maker, 4, **place), tile, spec, collection=facts).layers)
    return found


def bits(maker, facts, make_tile) -> dict[str, dict[str, np.ndarray]]:
    landsat = collection("usgs-landsat-c2-l2-sr")
    for n, platform in enumerate(("landsat-7", "landsat-8", "landsat-5")):
        files = {band: maker.file(f"{n}-{band}", pattern(n + b, 7000, 43000), resolution=30)
                 for b, band in enumerate(("red", "nir08"))}  # fmt: skip
        clouds = np.where(pattern(50 + n, 0, 30) == 0, 1 << 3, 1 << 6).astype(np.uint16)
        full = np.where(pattern(80 + n, 0, 20) == 0, 1 << 2, 0).astype(np.uint16)
        files["qa_pixel"] = maker.file(f"{n}-qa", clouds, resolution=30, nodata=1)
        files["qa_radsat"] = maker.file(f"{n}-sat", full, resolution=30, nodata=None)
        maker.scenes.append(replace(maker.scene(files, day=n), platform=platform))
        del maker.scenes[-2]
    spec = CubeSpec(bands=("red", "nir08"), masks=landsat.masks, adjust="roy-2016", dilate_m=30)
    made = compose(maker.scenes, make_tile(resolution=30), spec, collection=landsat)
    return {"bits and coefficients": dict(made.layers)}


def signed(maker, facts, make_tile) -> dict[str, dict[str, np.ndarray]]:
    band = Band(asset="b", kind=BandKind.REFLECTANCE, dtype="int16", nodata=-9999, gsd=30, saturated=16000)
    power = Band(asset="vv", kind=BandKind.BACKSCATTER, dtype="float32", gsd=30)
    toy = facts.model_copy(update={"bands": {**facts.bands, "b": band, "vv": power}, "masks": ()})
    found = {}
    for method in (Method.MEDIAN, Method.MEAN):
        maker.scenes.clear()
        for n in range(5):
            values = pattern(n, 0, 18_000).astype(np.int16) - 2000
            values[pattern(60 + n, 0, 5) == 0] = -9999
            float_values = np.where(values == -9999, np.nan, values / 4).astype(np.float32)
            files = {
                "b": maker.file(f"{n}-b", values, nodata=-9999),
                "vv": maker.file(f"{n}-vv", float_values, nodata=None),
            }
            maker.scene(files)
        spec = CubeSpec(bands=("b", "vv"), method=method)
        found[f"signed and floats, {method}"] = dict(compose(maker.scenes, make_tile(), spec, collection=toy).layers)
    return found


def digest(layers: dict[str, np.ndarray]) -> str:
    whole = hashlib.sha256()
    for name, values in sorted(layers.items()):
        whole.update(f"{name} {values.dtype.str} {values.shape}".encode())
        whole.update(np.ascontiguousarray(values).tobytes())
    return whole.hexdigest()[:24]


def changed(names: list[str], new: str) -> str:
    return CHANGED.format(names=", ".join(names), recorded=RECORDED, pixels=max(PIXELS, RECORDED + 1), new=new)


@pytest.mark.parametrize("make", [methods, lattices, bits, signed], ids=lambda make: make.__name__)
def test_pixels_stand_as_long_as_their_version_does(maker, facts, make_tile, make: Callable):
    found = {name: digest(layers) for name, layers in make(maker, facts, make_tile).items()}
    wrong = [name for name, value in found.items() if DIGESTS.get(name) != value]
    assert not wrong, changed(wrong, "\n".join(f'    "{name}": "{found[name]}",' for name in wrong))


def test_numbers_of_floating_point_stand_to_one_step(maker, facts, make_tile):
    spec = CubeSpec(bands=BANDS, masks=facts.masks)
    cases = {
        "geomedian": (replace(spec, method=Method.GEOMEDIAN), make_tile(), {}),
        "bilinear": (replace(spec, resampling="bilinear"), make_tile((48, 60), resolution=5), {}),
        "cubic": (
            replace(spec, resampling="cubic"),
            make_tile(),
            {"epsg": 32634, "origin": (191_200.0, 5_808_700.0), "shape": (40, 40)},
        ),
        "average": (replace(spec), make_tile((9, 11), resolution=25), {"origin": (599_993.0, 5_800_004.0)}),
    }
    found = {}
    for name, (case, tile, place) in cases.items():
        maker.scenes.clear()
        layer = compose(dates(maker, 4, **place), tile, case, collection=facts).layers["B04"]
        found[name] = [int(value) for value in layer.ravel()[:: layer.size // 12][:12]]
    wrong = [
        name
        for name, values in found.items()
        if name not in NUMBERS or np.abs(np.subtract(values, NUMBERS[name])).max() > 1
    ]
    assert not wrong, changed(wrong, "\n".join(f'    "{name}": {found[name]},' for name in wrong))


def test_the_numbers_were_recorded_for_this_version():
    assert PIXELS == RECORDED, changed(["no case at all"], "    the new digests, after a look at why they changed")
