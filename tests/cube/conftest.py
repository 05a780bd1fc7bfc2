from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.transform import array_bounds
from rasterio.warp import transform_bounds

from swath.grid.tiles import Tile
from swath.sources.facts import Band, BandKind, Collection, MaskRule
from swath.sources.scenes import Asset, Scene

ORIGIN = (600_000.0, 5_800_000.0)
DROP = (0, 1, 3, 8, 9, 10)


def reflectance(name: str, **more: Any) -> Band:
    known = {"asset": name, "kind": BandKind.REFLECTANCE, "dtype": "uint16", "nodata": 0, "gsd": 10, "scale": 0.0001}
    return Band(**{**known, **more})


def sentinel(**more: Any) -> Collection:
    bands = {
        "B02": reflectance("B02", offset=-0.1, common_name="blue", wavelength=0.49),
        "B04": reflectance("B04", offset=-0.1, common_name="red", wavelength=0.665),
        "B08": reflectance("B08", offset=-0.1, common_name="nir", wavelength=0.842),
        "B11": reflectance("B11", offset=-0.1, common_name="swir16", wavelength=1.61, gsd=20),
        "SCL": Band(asset="SCL", kind=BandKind.CLASSES, dtype="uint8", nodata=0, gsd=20),
        **more.pop("extra", {}),
    }
    known = {
        "key": "test-optical",
        "title": "test",
        "source": "made in a test",
        "verified": True,
        "sensor": "other",
        "ids": ("test",),
        "bands": bands,
        "masks": (MaskRule(band="SCL", drop=DROP),),
    }
    return Collection(**{**known, **more})


def tile(shape: tuple[int, int] = (24, 30), *, resolution: float = 10, epsg: int = 32633, origin=ORIGIN) -> Tile:
    return Tile("test", f"EPSG:{epsg}", Affine(resolution, 0, origin[0], 0, -resolution, origin[1]), shape)


@dataclass
class Maker:
    """Writes small files and the scenes over them."""

    folder: Path
    scenes: list[Scene] = field(default_factory=list)

    def file(
        self,
        name: str,
        values: np.ndarray,
        *,
        resolution: float = 10,
        origin: tuple[float, float] = ORIGIN,
        epsg: int | None = 32633,
        block: int | None = None,
        nodata: float | None = 0,
    ) -> Path:
        path = self.folder / f"{name}.tif"
        bands = values if values.ndim == 3 else values[None]
        profile: dict[str, Any] = {
            "driver": "GTiff",
            "count": bands.shape[0],
            "dtype": bands.dtype,
            "height": bands.shape[1],
            "width": bands.shape[2],
            "nodata": nodata,
            "compress": "deflate",
            "transform": Affine(resolution, 0, origin[0], 0, -resolution, origin[1]),
        }
        if epsg is not None:
            profile["crs"] = f"EPSG:{epsg}"
        if block:
            profile |= {"tiled": True, "blockxsize": block, "blockysize": block}
        with rasterio.open(path, "w", **profile) as target:
            target.write(bands)
        return path

    def scene(
        self,
        files: dict[str, Path | str],
        *,
        day: int | None = None,
        observation: str | None = None,
        epsg: int | None = 32633,
        dn_shift: int = 0,
        id: str | None = None,
    ) -> Scene:
        n = len(self.scenes)
        day = n if day is None else day
        made = Scene(
            row=n,
            id=id or f"scene-{n:03}",
            collection="test-optical",
            platform="test-1",
            datetime=datetime(2023, 5, 1, 10, tzinfo=UTC) + timedelta(days=day),
            observation=observation or f"test-1-{day:03}",
            epsg=epsg,
            bbox=transform_bounds(
                "EPSG:32633",
                "EPSG:4326",
                *array_bounds(400, 400, Affine(10, 0, *[ORIGIN[0] - 500], 0, -10, ORIGIN[1] + 500)),
            ),
            dn_shift=dn_shift,
            assets={band: Asset(str(path)) for band, path in files.items()},
        )
        self.scenes.append(made)
        return made

    def dates(
        self,
        count: int,
        *,
        bands: tuple[str, ...] = ("B04", "B08"),
        shape=(24, 30),
        seed: int = 0,
        block: int | None = None,
    ) -> dict[str, np.ndarray]:
        """`count` scenes on the tile's lattice with gaps and classes; gives back the arrays, (T, H, W)."""
        rng = np.random.default_rng(seed)
        stacks: dict[str, list[np.ndarray]] = {}
        for date in range(count):
            files: dict[str, Path | str] = {}
            for band in bands:
                values = rng.integers(900, 6000, shape).astype(np.uint16)
                values[rng.random(shape) < 0.1] = 0
                stacks.setdefault(band, []).append(values)
                files[band] = self.file(f"{date}-{band}-{seed}", values, block=block)
            classes = rng.choice(np.array([4, 5, 6, 8, 9, 3], np.uint8), (-(-shape[0] // 2), -(-shape[1] // 2)))
            stacks.setdefault("SCL", []).append(np.kron(classes, np.ones((2, 2), np.uint8))[: shape[0], : shape[1]])
            files["SCL"] = self.file(f"{date}-SCL-{seed}", classes, resolution=20)
            self.scene(files)
        return {name: np.stack(values) for name, values in stacks.items()}


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


@pytest.fixture
def optical() -> Collection:
    return sentinel()


@pytest.fixture
def make_tile():
    return tile


@pytest.fixture
def make_collection():
    return sentinel


@pytest.fixture
def make_band():
    return reflectance
