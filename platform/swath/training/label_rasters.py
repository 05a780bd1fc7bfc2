"""Labels that are rasters of class codes: a file, or a quality band of the items themselves."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds

from swath.errors import LabelError
from swath.forms import suggest
from swath.grid import Area, Tile
from swath.models.spec import ClassesOutput
from swath.sources.facts import BandKind, Collection
from swath.training.dropped import Dropped
from swath.training.legend import LabelLegend, LegendLike
from swath.training.source import IGNORED

LOOKED_AT = 2048  # edge of the thinned copy in which codes are looked for before any work
_DROP = -1


@dataclass(frozen=True)
class CodeLabels:
    """Class codes by pixel.

    Attributes:
        classes: Names; indices count from 0 in this order.
        codes: Index of the class by code of the raster; -1 drops the code.
        where: Path of the raster, or name of the band.
        band: True if it is a band of the items: such labels were made by an algorithm, and a score against them is
            called agreement, never accuracy.
        nodata: Code without a label.
        dropped: Nothing yet; pixels are counted as they are painted.
    """

    classes: tuple[str, ...]
    codes: Mapping[int, int]
    where: str
    band: bool = False
    nodata: int | None = None
    dropped: Dropped = field(default_factory=Dropped)

    @property
    def source(self) -> str:
        """For messages."""
        return f"asset:{self.where}" if self.band else self.where

    @property
    def output(self) -> ClassesOutput:
        """What a model of these labels gives."""
        return ClassesOutput(classes=self.classes)

    def told(self) -> dict[str, Any]:
        """All of it, JSON-ready: for the plan of chips."""
        return {
            "classes": list(self.classes), "source": self.source, "where": self.where, "nodata": self.nodata,
            "codes": {str(code): index for code, index in self.codes.items()}, "dropped": self.dropped.to_dict(),
        }  # fmt: skip

    @classmethod
    def from_told(cls, told: Mapping[str, Any], *, band: bool) -> CodeLabels:
        """The labels of `told`."""
        codes = {int(code): index for code, index in told["codes"].items()}
        return cls(tuple(told["classes"]), codes, told["where"], band, told["nodata"])

    @property
    def digest(self) -> str:
        """sha256 of the mapping, and of the file's size and time of change."""
        stat = None if self.band or not Path(self.where).exists() else Path(self.where).stat()
        seen = (stat.st_size, stat.st_mtime_ns) if stat else None
        words = (self.classes, sorted(self.codes.items()), self.where, self.band, self.nodata, seen)
        return hashlib.sha256(repr(words).encode()).hexdigest()

    def indices(self, numbers: NDArray[Any]) -> NDArray[np.uint8]:
        """Index of the class of each number, 255 without a label.

        Raises:
            LabelError: Numbers that no class has.
        """
        out = np.full(numbers.shape, IGNORED, np.uint8)
        unknown = []
        for code in np.unique(numbers).tolist():
            if code == self.nodata:
                continue
            index = self.codes.get(int(code))
            if index is None:
                unknown.append(int(code))
            elif index != _DROP:
                out[numbers == code] = index
        if unknown:
            choices = [str(code) for code in self.codes]
            raise LabelError(
                f"{self.source} has codes without a class: {', '.join(map(str, unknown))}.",
                fix=f"Map each in the legend to a class, or to null. {suggest(unknown[0], choices)}",
                values=unknown,
                choices=choices,
            )
        return out

    def read(self, tile: Tile) -> NDArray[Any]:
        """Codes of the file on a tile's lattice, nearest; no-data beyond its edge."""
        with rasterio.open(self.where) as file:
            nodata = self._nodata_of(file)
            out = np.full(tile.shape, nodata, file.dtypes[0])
            reproject(
                rasterio.band(file, 1), out, dst_transform=tile.affine, dst_crs=tile.crs, src_nodata=nodata,
                dst_nodata=nodata, resampling=Resampling.nearest,
            )  # fmt: skip
        return out

    def _nodata_of(self, file: Any) -> int:
        if self.nodata is not None:
            return self.nodata
        info = np.iinfo(file.dtypes[0])
        free = (code for code in (info.max, info.min) if code not in self.codes)
        return int(next(free, info.max))


def raster_labels(
    path: str | os.PathLike[str],
    *,
    area: Area,
    legend: LegendLike | None = None,
    known: Mapping[int, str] | Sequence[str] | None = None,
) -> CodeLabels:
    """Labels from a raster of class codes.

    Args:
        path: GeoTIFF or COG, one band of whole numbers, in any CRS.
        area: Must meet it.
        legend: YAML or mapping: code to class, null to drop.
        known: Classes of the product by code; serve where there is no legend.

    Raises:
        LabelError: Unreadable, no whole numbers, no CRS, beside the area, or codes without a class (in a thinned copy;
            later ones fail their unit).
    """
    where = os.fspath(path)
    try:
        with rasterio.open(where) as file:
            if file.crs is None:
                raise LabelError(f"{where} does not name its CRS.", fix="Set one (gdal_edit.py -a_srs EPSG:… file).")
            if np.dtype(file.dtypes[0]).kind not in "iu" or file.count < 1:
                raise LabelError(f"{where} holds {file.dtypes[0]}, not class codes.", fix="Give whole numbers.")
            bounds = transform_bounds(file.crs, "EPSG:4326", *file.bounds, densify_pts=21)
            nodata = None if file.nodata is None else int(file.nodata)
            rows, cols = (min(size, LOOKED_AT) for size in file.shape)
            seen = np.unique(file.read(1, out_shape=(rows, cols), resampling=Resampling.nearest))
    except rasterio.errors.RasterioError as error:
        raise LabelError(f"{where} cannot be read: {error}.", fix="Give a GeoTIFF or COG of class codes.") from error
    check_meets(bounds, area, where)
    found = [int(code) for code in seen if code != nodata and not (nodata is None and code == 0)]
    return _code_labels(found, where, nodata if nodata is not None else 0, legend, known, band=False)


def check_meets(bounds: tuple[float, float, float, float], area: Area, where: str) -> None:
    """Refuse a raster beside the area; say so if it would meet it with x and y swapped.

    Raises:
        LabelError: It lies elsewhere.
    """
    if shapely.intersects(area.geometry, shapely.box(*bounds)):
        return
    swapped = shapely.box(bounds[1], bounds[0], bounds[3], bounds[2])
    hint = " with x and y swapped it would: the axis order is wrong" if area.geometry.intersects(swapped) else ""
    raise LabelError(
        f"{where} ({', '.join(f'{value:.4f}' for value in bounds)}) does not meet {area.name}"
        + (f";{hint}." if hint else "."),
        fix="Check its CRS, its axes and the area.",
    )


def band_labels(
    text: str, collection: Collection, *, legend: LegendLike, known: Mapping[int, str] | Sequence[str] | None = None
) -> CodeLabels:
    """Labels from a quality band of the items: `asset:fmask`, `asset:SCL`.

    Args:
        text: The band, with `asset:` before it.
        collection: Must have it.
        legend: YAML or mapping: code to class, null to drop.
        known: Classes of the product.

    Raises:
        LabelError: No such band, or no band of classes.
    """
    name = text.removeprefix("asset:")
    choices = [key for key, band in collection.bands.items() if band.kind is BandKind.CLASSES]
    if name not in choices:
        raise LabelError(
            f"Collection {collection.key} has no band of classes called {name!r}.",
            fix=suggest(name, choices) or "It has none.",
            choices=choices,
        )
    nodata = collection.bands[name].nodata
    return _code_labels([], name, None if nodata is None else int(nodata), legend, known, band=True)


def _code_labels(
    found: list[int],
    where: str,
    nodata: int | None,
    legend: LegendLike | None,
    known: Mapping[int, str] | Sequence[str] | None,
    *,
    band: bool,
) -> CodeLabels:
    rules = LabelLegend.of(legend, known)
    if rules.classes is None and not rules.known:
        raise LabelError(f"{where}: nothing says what its codes mean.", fix="Give a legend: `10: tree cover`.")
    table = rules.classes if rules.classes is not None else rules.known
    names = dict(zip(found, rules.names(found), strict=True))
    names |= {int(text): name for text, name in table.items() if text.lstrip("-").isdigit()}
    classes = rules.order(name for name in names.values() if name is not None)
    if len(classes) < 2:
        raise LabelError(
            f"{where}: its codes are of {len(classes)} classes.", fix="Give labels of at least two classes."
        )
    codes = {code: _DROP if name is None else classes.index(name) for code, name in sorted(names.items())}
    return CodeLabels(classes, codes, where, band, nodata)
