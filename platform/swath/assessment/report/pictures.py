"""Pictures of a map, each with its legend and a text that says what is on it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.assessment.published import CLASS, PublishedMap
from swath.assessment.report.applicable import INSIDE, OUTSIDE
from swath.assessment.report.colours import told_apart, written
from swath.assessment.report.overview import Canvas, Values, overview
from swath.products.model import APPLICABLE

_BESIDE = ("confidence", "margin", "entropy", "agb_sd", "spread", "dissimilarity", "count")  # in this order of interest
_MOST = 3  #: pictures beside the main one
_COLOURS = ("009e73", "f0e442", "0072b2", "d55e00", "cc79a7", "56b4e9", "e69f00", "9aa5b1")  # for all eyes
_STOPS = 9  #: of a colour bar


@dataclass(frozen=True)
class Swatch:
    """An entry of a legend: a name, its colour, and its share of the picture."""

    name: str
    colour: str
    share: float


@dataclass(frozen=True)
class Bar:
    """A colour bar: numbers at its ends, their unit, colours from low to high."""

    low: float
    high: float
    unit: str
    colours: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A layer of a map as an image.

    Attributes:
        layer: Of the map.
        title: What is shown.
        alt: The same for those who do not see it.
        data: URL of the PNG.
        width: Pixels.
        height: Pixels.
        legend: Of classes, the commonest first.
        bar: Of numbers.
        scale: A round length in metres, and how many pixels it takes.
    """

    layer: str
    title: str
    alt: str
    data: str
    width: int
    height: int
    legend: tuple[Swatch, ...]
    bar: Bar | None
    scale: tuple[float, float]


def pictures(map_: PublishedMap, canvas: Canvas) -> Iterator[Picture]:
    """The map itself first, then what tells how sure it is and how often it saw the ground."""
    rgb = _colour_layers(map_)
    if CLASS in map_.layers:
        yield _classes(map_, canvas)
    elif rgb:
        yield _true_colour(map_, canvas, rgb)
    else:
        yield _numbers(map_, map_.layers[0], canvas)
    main = CLASS if CLASS in map_.layers else "" if rgb else map_.layers[0]
    beside = [layer for layer in _BESIDE if layer in map_.layers and layer != main]
    for layer in beside[:_MOST]:
        yield _numbers(map_, layer, canvas)


def applicable_picture(map_: PublishedMap, canvas: Canvas) -> Picture | None:
    """Where the model may be applied and where not; None for a map that does not tell."""
    if APPLICABLE not in map_.layers:
        return None
    codes = overview(map_, APPLICABLE, canvas, categorical=True)
    image = np.zeros((*canvas.shape, 4), np.uint8)
    known, legend = max(1, int(np.isfinite(codes).sum())), []
    for name, state, colour in (("applicable", INSIDE, "#c6d5e6"), ("outside", OUTSIDE, "#b3430d")):
        image[codes == state] = (*(int(colour[at : at + 2], 16) for at in (1, 3, 5)), 255)
        legend.append(Swatch(name, colour, float((codes == state).sum()) / known))
    alt = f"Map of where the model may be applied: {legend[1].share:.1%} of what is shown lies outside."
    return _picture(APPLICABLE, title_of(map_, APPLICABLE), alt, image, canvas, tuple(legend))


def legend_colours(map_: PublishedMap) -> dict[str, str]:
    """Colours of the classes by name, `#rrggbb`; those of Okabe and Ito in turn where the legend names none."""
    told = map_.collection["item_assets"][CLASS]["classification:classes"]
    return {
        str(one["name"]): f"#{str(one.get('color_hint', _COLOURS[place % len(_COLOURS)])).lower()}"
        for place, one in enumerate(told)
    }


def title_of(map_: PublishedMap, layer: str) -> str:
    """Title of a layer, as its collection tells."""
    return str(map_.collection["item_assets"][layer].get("title") or layer)


def _classes(map_: PublishedMap, canvas: Canvas) -> Picture:
    codes = overview(map_, CLASS, canvas, categorical=True)
    found, counts = np.unique(codes[np.isfinite(codes)], return_counts=True)
    known = [(int(code), int(n)) for code, n in zip(found, counts, strict=True) if int(code) in map_.legend]
    known.sort(key=lambda one: -one[1])
    given = legend_colours(map_)
    colours = told_apart({map_.legend[code]: given[map_.legend[code]] for code, _ in known})
    image = np.zeros((*canvas.shape, 4), np.uint8)
    for code, _ in known:
        colour = colours[map_.legend[code]]
        image[codes == code] = (*(int(colour[at : at + 2], 16) for at in (1, 3, 5)), 255)
    total = max(1, sum(n for _, n in known))
    legend = tuple(Swatch(plain(map_.legend[code]), colours[map_.legend[code]], n / total) for code, n in known)
    shares = ", ".join(f"{one.name} {one.share:.0%}" for one in legend[:6])
    return _picture(CLASS, title_of(map_, CLASS), f"Map of classes. Of what is shown: {shares}.", image, canvas, legend)


def _true_colour(map_: PublishedMap, canvas: Canvas, rgb: tuple[str, str, str]) -> Picture:
    bands = np.stack([overview(map_, layer, canvas) for layer in rgb], axis=-1)
    clear = np.isfinite(bands).all(axis=-1)
    shown = np.clip(np.nan_to_num(bands) / 0.25, 0, 1) ** (1 / 1.8)  # the eye's curve; 0.25 is drawn white
    image = np.dstack([shown * 255, clear * 255]).astype(np.uint8)
    return _picture("", "In natural colours", f"Image of {', '.join(rgb)} in natural colours.", image, canvas)


def _numbers(map_: PublishedMap, layer: str, canvas: Canvas) -> Picture:
    from matplotlib import colormaps

    values, title, unit = overview(map_, layer, canvas), title_of(map_, layer), _unit(map_, layer)
    low, high = _span(values)
    scheme = colormaps["cividis"]  # made for all eyes
    image = (scheme((values - low) / (high - low)) * 255).astype(np.uint8)
    image[~np.isfinite(values)] = 0
    steps = scheme(np.linspace(0, 1, _STOPS))
    colours = tuple(map(written, steps))
    middle = f", half of it below {np.nanmedian(values):.3g}" if np.isfinite(values).any() else ""
    alt = f"{title}, from {low:.3g} to {high:.3g} {unit}{middle}."
    return _picture(layer, title, alt, image, canvas, bar=Bar(low, high, unit, colours))


def _picture(
    layer: str, title: str, alt: str, image: NDArray[np.uint8], canvas: Canvas,
    legend: tuple[Swatch, ...] = (), bar: Bar | None = None,
) -> Picture:  # fmt: skip
    from matplotlib.image import imsave

    data = io.BytesIO()
    imsave(data, image, format="png", metadata={"Software": None})  # type: ignore[dict-item]
    height, width = canvas.shape
    most = width * canvas.pixel_m / 4
    power = 10 ** np.floor(np.log10(most))
    length = float(power * max(step for step in (1, 2, 5) if step * power <= most))
    url = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
    return Picture(layer, title, alt, url, width, height, legend, bar, (length, length / canvas.pixel_m))


def _span(values: Values) -> tuple[float, float]:
    """Numbers at the ends of a colour bar: nearly all lie between them."""
    held = values[np.isfinite(values)]
    if not held.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(held, (1, 99)))
    return (low, high) if high > low else (low, low + 1.0)


def _unit(map_: PublishedMap, layer: str) -> str:
    unit = str(map_.collection["item_assets"][layer]["bands"][0].get("unit", ""))
    return "" if unit == "1" else unit


def _colour_layers(map_: PublishedMap) -> tuple[str, str, str] | None:
    """Layers of red, green and blue, where the map has them."""
    named: dict[str | None, str] = {}
    for layer, asset in map_.collection["item_assets"].items():
        named.setdefault(asset["bands"][0].get("eo:common_name"), layer)
    found = tuple(named.get(colour) for colour in ("red", "green", "blue"))
    return None if None in found else found  # type: ignore[return-value]


def plain(name: str) -> str:
    """A name as people write it."""
    return name.replace("_", " ")
