"""A product of five inputs with a small model, over a simulated Earth that has them all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from support.command import swath
from support.tiny_models import write_onnx
from swath.models import Package, Provenance
from swath.models.spec import BandInput, InputSpec, ModelSpec, ValueOutput, ValuesOutput
from swath.synthetic import publish

PRODUCT = """
name: several
version: "1"
title: Several inputs
inputs:
  - collection: swath-simulated-optical
    bands: [model]
  - {name: up, bands: [model], where: {sat:orbit_state: ascending}, composite: {method: mean}}
  - {name: down, bands: [model], where: {sat:orbit_state: descending}, composite: {method: mean}}
  - {name: height, bands: [model], static: timeless, resampling: bilinear}
  - {name: climate, bands: [model], static: true, resampling: bilinear}
model: {kind: values}
"""
OPTICAL = (
    BandInput(name="B04", common_name="red", mean=0.1, std=0.1),
    BandInput(name="B08", common_name="nir", mean=0.3, std=0.1),
)
POWER: dict[str, Any] = {"unit": "gamma0", "transform": "decibel", "clip": (-30, 5), "mean": -12, "std": 4}
RADAR = tuple(BandInput(name=name, input=way, **POWER) for way in ("up", "down") for name in ("vv", "vh"))
STATIC = (
    BandInput(name="elevation", input="height", unit="m", mean=500, std=200),
    BandInput(name="bio12", input="climate", unit="mm", transform="log1p", mean=7),
)
PLACE = (
    BandInput(name="longitude", input="location", unit="deg", mean=12.5, std=0.01),
    BandInput(name="latitude", input="location", unit="deg", mean=47.7, std=0.01),
)
ALL = (*OPTICAL, *RADAR, *STATIC, *PLACE)


@dataclass(frozen=True)
class SeveralWorld:
    """The archive, and what to ask for: four tiles of 192 px, one month."""

    folder: Path
    area: str = "12.50,47.70,12.515,47.71"

    @property
    def catalog(self) -> Path:
        return self.folder / "archive" / "catalog.json"

    def product(self, folder: Path, text: str = PRODUCT) -> Path:
        """The product as a file."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "several.yaml"
        path.write_text(text)
        return path

    def map(self, store: Path, product: Path, model: Path | None, *more: object) -> tuple[int, dict]:
        """`swath map`: (exit code, document)."""
        given = [str(word) for word in more]
        for name, value in (
            ("--period", "2023-06/P1M"), ("--cluster", "inline"), ("--tile-size", "192"), ("--source", self.catalog),
        ):  # fmt: skip
            given += [] if name in given else [name, str(value)]
        with_model = [] if model is None else ["--model", model]
        return swath("map", product, "--area", self.area, "--store", store, *with_model, *given)


def package(folder: Path, bands: tuple[BandInput, ...] = ALL, *, kind: str = "conv", **given: Any) -> Path:
    """A package of a tiny network that gives two values."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    known = {"unit": "reflectance", "gsd": 10, "window": 64, "stride": 32, "margin": 16}
    spec = ModelSpec(
        name=f"tiny-{kind}", task="regression", input=InputSpec(bands=bands, **{**known, **given}),
        output=ValuesOutput(values=(ValueOutput(name="agb", unit="Mg/ha"), ValueOutput(name="agb_sd", unit="Mg/ha"))),
    )  # fmt: skip
    onnx = write_onnx(folder.with_suffix(".onnx"), spec, kind=kind)
    Package.write(folder, spec, provenance=Provenance(licence="CC0-1.0"), onnx=onnx)
    return folder


def mosaic_of(store: Path, layer: str, step: str = "2023-06") -> tuple[np.ndarray, rasterio.Affine]:
    """A layer of all tiles, and where it lies."""
    (path,) = store.glob(f"several/1/{step}/{layer}.utm*.vrt")
    with rasterio.open(path) as file:
        return file.read(1), file.transform


@pytest.fixture(scope="session")
def several_world(tmp_path_factory: pytest.TempPathFactory) -> SeveralWorld:
    """Made once for the run."""
    world = SeveralWorld(tmp_path_factory.getbasetemp() / "several-world")
    if not world.folder.exists():
        publish(
            world.folder, area=tuple(map(float, world.area.split(","))), period="2023-06-01/2023-06-14", seed=3,
            granule_px=240, every_days=5, collections=("optical", "radar", "elevation", "climate"),
        )  # fmt: skip
    return world
