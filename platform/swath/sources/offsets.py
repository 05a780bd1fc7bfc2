"""The one place where the Sentinel-2 offset question is answered.

From processing baseline 04.00 ESA's pixels hold reflectance x 10,000 + 1,000; some providers subtracted the
1,000 again. Swath publishes all of them with it: files without it are raised by 1,000, so that negative
reflectance survives in unsigned numbers. The verdict goes by baseline and by who made the file, never by date
(SCIENCE.md, "Sentinel-2 offset").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError

from swath.settings import settings
from swath.sources.facts import BandKind, Collection
from swath.sources.items import item_assets

#: What is added where the pixels lack the offset.
OFFSET = 1000
#: Numbers of a band's coarsest overview, any shape.
Reader = Callable[[str], "npt.NDArray[Any]"]

_BASELINE = re.compile(r"(?:^|[_-])N(\d{2})\.?(\d{2})(?:[_.-]|$)")
# Earth Search v1, and v0 (github.com/cirrus-geo/cirrus-earth-search/issues/33)
_FLAGS = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
_CHECK_BANDS = ("B04", "B12")
# Dark vegetation, water and shadow reflect 0 to 4 % in B04 and B12: a first percentile of 850 to 1400 with the
# offset, below 400 without. A first percentile under 700 cannot hold it; above 1400 (bare desert, snow) says nothing.
_SUBTRACTED_BELOW = 700.0
_STILL_IN = (850.0, 1400.0)


@dataclass(frozen=True)
class Verdict:
    """The answer for one item.

    Attributes:
        dn_shift: Added to each valid number of the reflectance bands; None if there is no verdict.
        reason: What decided, with the values.
        conflict: What the item says against the verdict, None if nothing.
    """

    dn_shift: int | None
    reason: str
    conflict: str | None = None


def processing_baseline(item: Mapping[str, Any]) -> tuple[int, int] | None:
    """(major, minor) of the processing baseline, from properties, product id, uri, or the item's id."""
    properties = item.get("properties", {})
    for key in (
        "s2:processing_baseline",
        "sentinel:processing_baseline",
        "sentinel2:processing_baseline",
        "processing:version",
    ):
        hit = re.fullmatch(r"N?(\d{1,2})\.?(\d{2})", str(properties.get(key) or ""))
        if hit:
            return int(hit.group(1)), int(hit.group(2))
    for key in ("s2:product_uri", "sentinel:product_id", "s2:product_id", "s2:datatake_id", "s2:datastrip_id"):
        hit = _BASELINE.search(str(properties.get(key) or ""))
        if hit:
            return int(hit.group(1)), int(hit.group(2))
    hit = _BASELINE.search(str(item.get("id", "")))
    return (int(hit.group(1)), int(hit.group(2))) if hit else None


def offset_flag(item: Mapping[str, Any]) -> bool | None:
    """Whether the item says that the offset was subtracted; None if it says nothing of it."""
    said = (item.get("properties", {}).get(key) for key in _FLAGS)
    return next((flag for flag in said if isinstance(flag, bool)), None)


def decide(item: Mapping[str, Any], facts: Collection, read: Reader | None = None) -> Verdict:
    """What is added to the numbers of an item's reflectance bands.

    Args:
        item: With absolute hrefs.
        facts: Of its collection.
        read: Reads the coarsest overview of an href, for items whose flag is not believed; by default by rasterio.
    """
    frozen = item.get("properties", {}).get("swath:dn_shift")
    if frozen in (0, OFFSET) and item["properties"].get("swath:collection") == facts.key:
        return Verdict(int(frozen), "decided when the item was frozen")
    if facts.offset_rule == "none":
        return Verdict(0, "collection without a varying offset")
    flag = offset_flag(item)
    baseline = processing_baseline(item)
    if facts.offset_rule == "earth-search-flag":
        return _earth_search(item, facts, baseline, flag, read or coarsest_overview)
    if baseline is None:
        return Verdict(None, "no processing baseline in properties, product id or item id")
    name = _text(baseline)
    if baseline < (4, 0):
        conflict = "says that an offset was subtracted, before baseline 04.00" if flag is True else None
        return Verdict(OFFSET, f"baseline {name}: no offset in the pixels", conflict or _claims(item, facts, False))
    conflict = f"says that the offset was subtracted; {facts.key} keeps it ({name})" if flag is True else None
    return Verdict(0, f"baseline {name}: offset in the pixels", conflict or _claims(item, facts, True))


def _text(baseline: tuple[int, int] | None) -> str:
    return "unknown" if baseline is None else f"{baseline[0]:02d}.{baseline[1]:02d}"


def _earth_search(
    item: Mapping[str, Any], facts: Collection, baseline: tuple[int, int] | None, flag: object, read: Reader
) -> Verdict:
    if baseline is not None and baseline < (4, 0):
        conflict = "says that an offset was subtracted, before baseline 04.00" if flag is True else None
        return Verdict(OFFSET, f"baseline {_text(baseline)}: no offset in the pixels", conflict)
    if flag is True:
        # raster:bands says -0.1 here all the same: known, so not listed with every item
        return Verdict(OFFSET, f"baseline {_text(baseline)}: flag says subtracted")
    assets = item_assets(item, facts)
    lows: dict[str, float] = {}
    for band in _CHECK_BANDS:
        if band not in assets:
            continue
        try:
            numbers = read(assets[band].href)
        except (RasterioError, OSError) as error:
            return Verdict(None, f"flag is {flag!r} and {assets[band].href} cannot be read: {error}")
        valid = numbers[numbers != 0]
        if valid.size:
            lows[band] = float(np.percentile(valid, 1))
    said = f"baseline {_text(baseline)}, flag {flag!r}, first percentiles " + (
        ", ".join(f"{band} {low:.0f}" for band, low in lows.items()) or "none valid"
    )
    if lows and min(lows.values()) < _SUBTRACTED_BELOW:
        conflict = "says that the offset was not subtracted, the pixels say that it was" if flag is False else None
        return Verdict(OFFSET, said + ": subtracted", conflict)
    if lows and all(_STILL_IN[0] <= low <= _STILL_IN[1] for low in lows.values()):
        return Verdict(0, said + ": offset still in the pixels")
    return Verdict(None, said + ": no verdict")


def _claims(item: Mapping[str, Any], facts: Collection, offset_in_pixels: bool) -> str | None:
    """What the items' own band offsets say against the verdict (a cross-check: the facts win)."""
    for name, band in facts.bands.items():
        if band.kind is not BandKind.REFLECTANCE:
            continue
        asset = item.get("assets", {}).get(band.asset, {})
        bands = asset.get("raster:bands") or asset.get("bands") or [asset]
        for claim in (bands[0].get("offset"), bands[0].get("raster:offset"), asset.get("raster:offset")):
            if claim is not None and (abs(float(claim)) > 1e-9) != offset_in_pixels:
                return f"its {name} has the offset {claim}, against the baseline"
    return None


def coarsest_overview(href: str) -> npt.NDArray[Any]:
    """Numbers of the coarsest overview of band 1 (the whole band if there is none).

    Raises:
        RasterioError: The file cannot be read.
    """
    with rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        GDAL_HTTP_TIMEOUT=str(int(settings().read_timeout_s)),
        GDAL_HTTP_CONNECTTIMEOUT="10",
        GDAL_HTTP_MAX_RETRY=str(settings().read_attempts - 1),
    ):
        with rasterio.open(href) as source:
            levels = len(source.overviews(1))
        with rasterio.open(href, **({"overview_level": levels - 1} if levels else {})) as source:
            numbers: npt.NDArray[Any] = source.read(1)
    return numbers
