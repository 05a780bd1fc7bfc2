"""Scenes that are broken on purpose, as archives break them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import rasterio

from swath.synthetic.files import write
from swath.synthetic.granules import Granule


class Fault(StrEnum):
    """What is wrong with a scene."""

    TRUNCATED = "truncated"  #: B04 ends in the middle
    MISSING = "missing"  #: the item names B08, the file is not there
    NO_ASSET = "no-asset"  #: the item lacks B11
    DTYPE = "dtype"  #: B03 holds float32 reflectance instead of numbers
    CRS = "crs"  #: the item names the zone of the other hemisphere; the files are right
    OVERCAST = "overcast"  #: clouds without a gap


def damage(fault: Fault, folder: Path, item: dict[str, Any], granule: Granule) -> None:
    """Break the files in a scene's folder, or its item in place."""
    if fault is Fault.TRUNCATED:
        path = folder / "B04.tif"
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 2 // 5])
    elif fault is Fault.MISSING:
        (folder / "B08.tif").unlink()
    elif fault is Fault.NO_ASSET:
        del item["assets"]["B11"]
    elif fault is Fault.DTYPE:
        path = folder / "B03.tif"
        with rasterio.open(path) as file:
            data = file.read(1)
        path.unlink()
        write(path, data.astype("float32") / 10000, granule.window, 1, nodata=0, smooth=True)
    elif fault is Fault.CRS:
        code = granule.window.epsg
        item["properties"]["proj:code"] = f"EPSG:{code + 100 if code < 32700 else code - 100}"
