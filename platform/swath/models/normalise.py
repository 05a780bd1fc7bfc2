"""Numbers of a cube to a network's input: the one place for it, in training and in mapping alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import LayerFacts
from swath.cube.compiled import compiled
from swath.errors import ModelError
from swath.models.spec import LOCATION, InputSpec, Layout

Array = NDArray[Any]
LEAST_POWER = 1e-6  #: -60 dB, far below the noise of any radar
#: Steps of bands, each (H, W); an array (T, C, H, W) is one too.
Layers = Sequence[Sequence[Array]] | Array


@dataclass(frozen=True)
class Normaliser:
    """Fills a network's input from numbers: `(clip(transform(number * scale + offset)) - mean) / std`, in float32.

    A pixel has data in a step where all bands have that are not optional; where all are, one is enough. Its place
    (longitude, latitude) is no data. Numbers that equal a band's no-data have none, nor have NaN and infinity, nor
    places beyond the arrays.

    Attributes:
        scale: Of each band, (C,) float32, as offset, mean and factor (1 / std).
        low: Of each band, (C,) float32: values below are set to it; -inf where nothing is clipped. `high` likewise.
        nodata: Of each band; None: every number is data.
        transforms: Of each band, see `BandInput.transform`.
        optional: Whether the model can do without the band.
        told_by: Bands that tell where a step has data.
        fill: Stands, after normalisation, where there is no data.
    """

    scale: NDArray[np.float32]
    offset: NDArray[np.float32]
    mean: NDArray[np.float32]
    factor: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    nodata: tuple[float | None, ...]
    transforms: tuple[str, ...]
    optional: tuple[bool, ...]
    told_by: tuple[int, ...]
    fill: np.float32

    @classmethod
    def of(cls, spec: InputSpec, facts: Sequence[LayerFacts]) -> Normaliser:
        """For a model's input, from layers with these facts, in the order of its bands.

        Raises:
            ModelError: As many bands as facts are needed.
        """
        if len(facts) != len(spec.bands):
            raise ModelError(
                f"The model takes {len(spec.bands)} bands, and {len(facts)} are given.",
                fix="Give one layer a band, in the model's order.",
            )
        clips = [spec.clip_of(band) or (-np.inf, np.inf) for band in spec.bands]
        seen = [c for c, band in enumerate(spec.bands) if band.input != LOCATION] or range(len(spec.bands))
        return cls(
            scale=np.array([fact.scale for fact in facts], np.float32),
            offset=np.array([fact.offset for fact in facts], np.float32),
            mean=np.array([band.mean for band in spec.bands], np.float32),
            factor=np.array([1.0 / band.std for band in spec.bands], np.float32),
            low=np.array([low for low, _ in clips], np.float32),
            high=np.array([high for _, high in clips], np.float32),
            nodata=tuple(fact.nodata for fact in facts),
            transforms=tuple(band.transform for band in spec.bands),
            optional=tuple(band.optional for band in spec.bands),
            told_by=tuple([c for c in seen if not spec.bands[c].optional] or seen),
            fill=np.float32(spec.fill),
        )

    def valid(self, layers: Layers, top: int, left: int, out: NDArray[np.uint8]) -> None:
        """Tell where steps have data.

        Args:
            layers: T steps of C bands, each (H, W).
            top: Row of the layers at which the first row of `out` lies; it may be negative.
            left: As top, of the columns.
            out: (T, h, w); written: 1 where there is data, 0 elsewhere and beyond the layers.
        """
        one_is_enough = self.optional[self.told_by[0]]
        for step, bands in enumerate(layers):
            out[step] = 0 if one_is_enough else 1
            for c in self.told_by:
                band, nodata = bands[c], self.nodata[c]
                mine = np.ones_like(out[step]) if one_is_enough else out[step]
                _mark(band, _has_nodata(band, nodata), _as_dtype(band, nodata), top, left, mine)
                if one_is_enough:
                    out[step] |= mine

    def fill_input(
        self,
        layers: Layers,
        valid: NDArray[np.uint8],
        top: int,
        left: int,
        out: NDArray[np.float32],
    ) -> None:
        """Fill a window of the network's input.

        Args:
            layers: T steps of C bands, each (H, W).
            valid: (T, h, w) of the same window, as `valid` writes it.
            top: Row of the layers at which the window begins; it may be negative.
            left: As top, of the columns.
            out: (T, C, h, w); written.
        """
        for step, bands in enumerate(layers):
            for c, band in enumerate(bands):
                there = valid[step]
                if self.optional[c]:
                    there = there.copy()
                    _mark(band, _has_nodata(band, self.nodata[c]), _as_dtype(band, self.nodata[c]), top, left, there)
                if self.transforms[c] != "none":
                    self._fill_transformed(band, there, top, left, c, out[step, c])
                    continue
                _fill(
                    band, there, top, left, self.scale[c], self.offset[c], self.low[c], self.high[c],
                    self.mean[c], self.factor[c], self.fill, out[step, c],
                )  # fmt: skip

    def _fill_transformed(
        self, band: Array, there: NDArray[np.uint8], top: int, left: int, c: int, out: NDArray[np.float32]
    ) -> None:
        """As `_fill`; only where there is data: no logarithm is taken of a number that means none."""
        rows, cols = out.shape
        first_row, first_col = max(0, top), max(0, left)
        part = band[first_row : max(first_row, top + rows), first_col : max(first_col, left + cols)]
        out.fill(self.fill)
        place = np.s_[max(0, -top) : max(0, -top) + part.shape[0], max(0, -left) : max(0, -left) + part.shape[1]]
        inside = there[place] != 0
        values = transformed(part[inside].astype(np.float32) * self.scale[c] + self.offset[c], self.transforms[c])
        values = (np.clip(values, self.low[c], self.high[c]) - self.mean[c]) * self.factor[c]
        out[place][inside] = values

    def chips(self, numbers: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Whole chips at once, as training takes them.

        Args:
            numbers: (N, T, C, S, S), any dtype.

        Returns:
            x (N, T, C, S, S) float32, and valid (N, T, S, S) float32, 1 where a step has data.
        """
        n, t, _, height, width = numbers.shape
        x = np.empty(numbers.shape, np.float32)
        valid = np.empty((n, t, height, width), np.uint8)
        for number in range(n):
            self.valid(numbers[number], 0, 0, valid[number])
            self.fill_input(numbers[number], valid[number], 0, 0, x[number])
        return x, valid.astype(np.float32)


def transformed(values: NDArray[Any], how: str) -> NDArray[Any]:
    """Physical values as `BandInput.transform` says, in their own dtype."""
    if how == "decibel":
        return values.dtype.type(10) * np.log10(np.maximum(values, values.dtype.type(LEAST_POWER)))
    return np.log1p(np.maximum(values, values.dtype.type(0))) if how == "log1p" else values


def steps_first(x: NDArray[np.float32], layout: Layout) -> NDArray[np.float32]:
    """A view (N, T, C, S, S) of an input array in any layout."""
    if layout is Layout.NTCHW:
        return x
    return (x if layout is Layout.NCHW else np.moveaxis(x, -1, 1))[:, None]


def in_layout(x: NDArray[np.float32], layout: Layout) -> NDArray[np.float32]:
    """The input array of a network in its layout, from (N, T, C, S, S); a view."""
    if layout is Layout.NTCHW:
        return x
    return x[:, 0] if layout is Layout.NCHW else np.moveaxis(x[:, 0], 1, -1)


def _has_nodata(band: Array, nodata: float | None) -> bool:
    """Whether a number of the band's dtype can be its no-data."""
    if nodata is None or np.isnan(nodata):
        return False
    return band.dtype.kind == "f" or (nodata == int(nodata) and _holds(band.dtype, nodata))


def _holds(dtype: np.dtype[Any], number: float) -> bool:
    limits = np.iinfo(dtype)
    return bool(limits.min <= number <= limits.max)


def _as_dtype(band: Array, nodata: float | None) -> Any:
    return band.dtype.type(nodata if nodata is not None and _has_nodata(band, nodata) else 0)


@compiled
def _mark(band: Array, has_nodata: bool, nodata: Any, top: int, left: int, out: Array) -> None:
    """Clear `out` where the band has no data, and beyond it."""
    height, width = band.shape
    rows, cols = out.shape
    first, last = max(0, -left), min(cols, width - left)
    for r in range(rows):
        line = out[r]
        if top + r < 0 or top + r >= height or first >= last:
            line[:] = 0
            continue
        line[:first] = 0
        line[last:] = 0
        # cut to the columns first: an index that may be negative keeps the compiler from vector instructions
        numbers, inside = band[top + r, left + first : left + last], line[first:last]
        if has_nodata:
            for c in range(inside.size):
                inside[c] &= np.uint8(np.isfinite(numbers[c]) & (numbers[c] != nodata))
        else:
            for c in range(inside.size):
                inside[c] &= np.uint8(np.isfinite(numbers[c]))


@compiled
def _fill(
    band: Array,
    valid: Array,
    top: int,
    left: int,
    scale: np.float32,
    offset: np.float32,
    low: np.float32,
    high: np.float32,
    mean: np.float32,
    factor: np.float32,
    fill: np.float32,
    out: Array,
) -> None:
    """Normalised values of one band in one step; `valid` is 0 beyond the band."""
    height, width = band.shape
    rows, cols = out.shape
    first, last = max(0, -left), min(cols, width - left)
    for r in range(rows):
        line = out[r]
        if top + r < 0 or top + r >= height or first >= last:
            line[:] = fill
            continue
        line[:first] = fill
        line[last:] = fill
        numbers, there, inside = band[top + r, left + first : left + last], valid[r, first:last], line[first:last]
        for c in range(inside.size):
            value = np.float32(numbers[c]) * scale + offset
            value = min(max(value, low), high)
            value = (value - mean) * factor
            inside[c] = value if there[c] else fill
