"""Virtual mosaics: one VRT a zone, period and layer, so that QGIS opens the whole."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from affine import Affine
from pyproj import CRS

from swath.mapping.cog import BLOCK
from swath.products import Layer

_GDAL_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
}


@dataclass(frozen=True)
class Part:
    """One COG of a mosaic.

    Attributes:
        href: Path from the VRT's folder, or a full path, `s3://` or `https://` URL.
        affine: Pixel (column, row) to the CRS of the mosaic.
        shape: (rows, columns).
    """

    href: str
    affine: Affine
    shape: tuple[int, int]


def zone_name(crs: str) -> str:
    """Name of a CRS for a file: `utm33n` for UTM, else `epsg6933`."""
    match = re.fullmatch(r"EPSG:32([67])(\d\d)", crs)
    if match:
        return f"utm{match[2]}{'n' if match[1] == '6' else 's'}"
    return crs.lower().replace(":", "")


def make_vrt(parts: Iterable[Part], layer: Layer, *, crs: str) -> bytes:
    """A VRT over the COGs of one layer in one CRS.

    Written by hand and sorted by href, so that the same parts give the same bytes. Where parts overlap the later one is
    seen.

    Args:
        parts: At least one, all on one lattice.
        layer: Facts of the layer.
        crs: Authority code.

    Raises:
        ValueError: No parts, or parts that do not share resolution and lattice.
    """
    ordered = sorted(parts, key=lambda part: part.href)
    if not ordered:
        raise ValueError(f"a VRT of layer {layer.name!r} needs at least one COG")
    first = ordered[0].affine
    left = min(part.affine.c for part in ordered)
    top = max(part.affine.f for part in ordered)
    right = max(part.affine.c + part.shape[1] * first.a for part in ordered)
    bottom = min(part.affine.f + part.shape[0] * first.e for part in ordered)
    cols, rows = round((right - left) / first.a), round((bottom - top) / first.e)
    wkt = escape(CRS.from_user_input(crs).to_wkt("WKT2_2019"))
    lines = [
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">',
        f'  <SRS dataAxisToSRSAxisMapping="1,2">{wkt}</SRS>',
        f"  <GeoTransform>{', '.join(repr(float(v)) for v in (left, first.a, 0, top, 0, first.e))}</GeoTransform>",
        f'  <VRTRasterBand dataType="{_GDAL_TYPES[layer.dtype]}" band="1" '
        f'blockXSize="{min(BLOCK, cols)}" blockYSize="{min(BLOCK, rows)}">',
        *(f"    {line}" for line in _facts(layer)),
    ]
    for part in ordered:
        lines += [f"    {line}" for line in _source(part, layer, first=first, left=left, top=top)]
    lines += ["  </VRTRasterBand>", "</VRTDataset>", ""]
    return "\n".join(lines).encode()


def _facts(layer: Layer) -> list[str]:
    lines = [f"<Description>{escape(layer.name)}</Description>"]
    if layer.nodata is not None:
        lines.append(f"<NoDataValue>{_number(layer.nodata)}</NoDataValue>")
    lines += [
        f"<UnitType>{escape(layer.unit)}</UnitType>",
        f"<Offset>{layer.offset!r}</Offset>",
        f"<Scale>{layer.scale!r}</Scale>",
    ]
    if layer.legend is None:
        return [*lines, "<ColorInterp>Gray</ColorInterp>"]
    colors = layer.legend.colormap()
    lines += ["<ColorInterp>Palette</ColorInterp>", "<ColorTable>"]
    for code in range(max(colors) + 1):
        red, green, blue, alpha = colors.get(code, (0, 0, 0, 0))
        lines.append(f'  <Entry c1="{red}" c2="{green}" c3="{blue}" c4="{alpha}" />')
    return [*lines, "</ColorTable>"]


def _source(part: Part, layer: Layer, *, first: Affine, left: float, top: float) -> list[str]:
    if (part.affine.a, part.affine.e) != (first.a, first.e) or part.affine.b or part.affine.d:
        raise ValueError(f"{part.href} has pixels of {part.affine.a:g} m, the mosaic of {first.a:g} m")
    x, y = (part.affine.c - left) / first.a, (part.affine.f - top) / first.e
    if not (math.isclose(x, round(x), abs_tol=1e-6) and math.isclose(y, round(y), abs_tol=1e-6)):
        raise ValueError(f"{part.href} does not lie on the lattice of the mosaic: it starts at column {x:g}, row {y:g}")
    rows, cols = part.shape
    # with no-data in a source only its valid pixels are laid over what is below
    kind = "SimpleSource" if layer.nodata is None else "ComplexSource"
    relative = "://" not in part.href and not part.href.startswith("/")
    lines = [
        f"<{kind}>",
        f'  <SourceFilename relativeToVRT="{int(relative)}">{escape(_gdal_path(part.href))}</SourceFilename>',
        "  <SourceBand>1</SourceBand>",
        f'  <SourceProperties RasterXSize="{cols}" RasterYSize="{rows}" DataType="{_GDAL_TYPES[layer.dtype]}" '
        f'BlockXSize="{BLOCK}" BlockYSize="{BLOCK}" />',
        f'  <SrcRect xOff="0" yOff="0" xSize="{cols}" ySize="{rows}" />',
        f'  <DstRect xOff="{round(x)}" yOff="{round(y)}" xSize="{cols}" ySize="{rows}" />',
    ]
    if layer.nodata is not None:
        lines.append(f"  <NODATA>{_number(layer.nodata)}</NODATA>")
    return [*lines, f"</{kind}>"]


def _gdal_path(href: str) -> str:
    if href.startswith("s3://"):
        return "/vsis3/" + href.removeprefix("s3://")
    return f"/vsicurl/{href}" if href.startswith(("http://", "https://")) else href.removeprefix("./")


def _number(value: float) -> str:
    return "nan" if math.isnan(value) else repr(int(value) if float(value).is_integer() else value)
