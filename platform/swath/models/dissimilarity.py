"""The dissimilarity index of each pixel of a cube, see `swath.models.applicability`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.cube.lattice import Window
from swath.errors import ModelError
from swath.models.applicability import ARRAYS, DIMENSIONS, Applicability
from swath.models.nearest import nearest
from swath.models.normalise import Normaliser
from swath.models.spec import InputSpec

if TYPE_CHECKING:
    from swath.models.cubes import ModelCube
    from swath.models.package import Package

Floats = NDArray[np.float32]
_ROWS = 32  # of a cube that are worked on at a time


@dataclass(frozen=True)
class Dissimilarity:
    """Holds pixels against those of a training.

    Attributes:
        told: As the card has it.
        shift: Mean of each feature in training, (F,) float32.
        factor: Weight over standard deviation, (F,) float32.
        axes: Components, (F, components) float32; (F, 0) where features stand for themselves.
        points: (m, DIMENSIONS) float32; dimensions beyond the features are 0.
    """

    told: Applicability
    shift: Floats
    factor: Floats
    axes: Floats
    points: Floats

    @classmethod
    def open(cls, package: Package) -> Dissimilarity:
        """Of a package.

        Raises:
            ModelError: It has none, or its arrays are not those that its card tells of.
        """
        told = package.spec.applicability
        if told is None or not package.has(ARRAYS):
            raise ModelError(
                f"Model {package.spec.name} does not know where it is applicable.",
                fix="Train it anew, or leave dissimilarity and applicable out of model.applicability.",
                model=package.spec.name,
            )
        from safetensors.numpy import load_file

        arrays = load_file(str(package.path(ARRAYS)))
        f = told.features
        axes = arrays.get("axes", np.empty((f, 0), np.float32))
        made = cls(told, arrays["shift"], arrays["factor"], axes, arrays["points"])
        wanted = ((f,), (f,), (f, told.components), (told.points, DIMENSIONS))
        found = tuple(array.shape for array in (made.shift, made.factor, made.axes, made.points))
        if found != wanted:
            raise ModelError(
                f"{ARRAYS} of model {package.spec.name} holds arrays {found}, its card tells of {wanted}.",
                fix="Fetch the package again.",
                model=package.spec.name,
            )
        return made

    def to_bytes(self) -> bytes:
        """As `applicability.safetensors`."""
        from safetensors.numpy import save

        arrays = {"shift": self.shift, "factor": self.factor, "points": self.points}
        return save({**arrays, "axes": self.axes} if self.axes.shape[1] else arrays)

    def of_features(self, features: Floats) -> Floats:
        """Index of pixels.

        Args:
            features: (F, n) float32 as `features_of` makes them; NaN where there is no data.

        Returns:
            (n,) float32, NaN where there is no data.
        """
        return nearest(projected(features, self.shift, self.factor, self.axes), self.points) / np.float32(
            self.told.mean_distance
        )

    def of_input(self, x: Floats, valid: NDArray[Any]) -> Floats:
        """Index of pixels of a network's input.

        Args:
            x: (T, C, h, w), normalised.
            valid: (T, h, w), not 0 where a step has data.

        Returns:
            (h, w) float32, NaN where no step has data.
        """
        found = features_of(x, valid, self.told.bands, spread=self.told.spread)
        return self.of_features(found.reshape(len(found), -1)).reshape(x.shape[2:])

    def of_cube(self, cube: ModelCube, inner: Window, spec: InputSpec, *, threads: int = 1) -> Floats:
        """Index of a rectangle of a cube, (rows, columns) float32; NaN where no step has data.

        Args:
            cube: As the model reads it.
            inner: The rectangle, in pixels of the cube.
            spec: Of the model's input.
            threads: That compute.
        """
        normaliser = Normaliser.of(spec, cube.facts)
        steps, bands, width = len(cube.layers), len(cube.facts), inner.shape[1]
        out = np.empty(inner.shape, np.float32)

        def part(first: int) -> None:
            rows = min(_ROWS, inner.shape[0] - first)
            valid = np.empty((steps, rows, width), np.uint8)
            x = np.empty((steps, bands, rows, width), np.float32)
            normaliser.valid(cube.layers, inner.top + first, inner.left, valid)
            normaliser.fill_input(cube.layers, valid, inner.top + first, inner.left, x)
            out[first : first + rows] = self.of_input(x, valid)

        starts = range(0, inner.shape[0], _ROWS)
        if threads == 1 or len(starts) == 1:
            for first in starts:
                part(first)
        else:
            with ThreadPoolExecutor(threads, "swath-dissimilarity") as pool:
                list(pool.map(part, starts))
        return out

    def beside(
        self,
        strips: Iterable[tuple[int, Floats]],
        cube: ModelCube,
        inner: Window,
        spec: InputSpec,
        *,
        threads: int = 1,
    ) -> Iterator[tuple[int, Floats]]:
        """Strips of a predictor with the index as one channel more, the last; see `Predictor.strips`.

        It is NaN where the strips have no data. Other arguments are those of `of_cube`.
        """
        for row, strip in strips:
            window = Window(inner.top + row, inner.top + row + strip.shape[1], inner.left, inner.right)
            made = np.empty((len(strip) + 1, *strip.shape[1:]), np.float32)
            made[:-1] = strip
            made[-1] = self.of_cube(cube, window, spec, threads=threads)
            made[-1][np.isnan(strip[0])] = np.nan
            yield row, made


def features_of(x: Floats, valid: NDArray[Any], bands: tuple[int, ...], *, spread: bool) -> Floats:
    """Features of pixels: the mean of each band over steps with data, then the standard deviation of each.

    Args:
        x: (T, C, h, w), normalised.
        valid: (T, h, w), not 0 where a step has data.
        bands: Places of those that count.
        spread: Whether standard deviations are wanted.

    Returns:
        (F, h, w) float32; NaN where no step has data.
    """
    out = np.empty((len(bands) * (2 if spread else 1), *x.shape[2:]), np.float32)
    _features(x, valid, np.array(bands, np.int64), spread, out)
    return out


def projected(features: Floats, shift: Floats, factor: Floats, axes: Floats) -> Floats:
    """The numbers that stand for pixels.

    Where there are components, the last number is what they leave of the features: the distance of two pixels is then
    at most that of all features, and a pixel unlike all others in what components leave is still far from them.

    Args:
        features: (F, n) float32.
        shift: Subtracted from each, (F,).
        factor: Multiplies each, (F,).
        axes: (F, components), of orthogonal unit vectors; (F, 0): features stand for themselves.

    Returns:
        (DIMENSIONS, n) float32.
    """
    out = np.zeros((DIMENSIONS, features.shape[1]), np.float32)
    _project(features, shift, factor, np.ascontiguousarray(axes), out)
    return out


@compiled
def _features(x: Any, valid: Any, bands: Any, spread: bool, out: Any) -> None:
    steps, width = x.shape[0], x.shape[3]
    zero, one = np.float32(0.0), np.float32(1.0)
    count = np.empty(width, np.float32)
    for r in range(x.shape[2]):
        count[:] = zero
        for t in range(steps):
            there = valid[t, r]
            for j in range(width):
                count[j] += one if there[j] else zero
        for i in range(bands.size):
            mean = out[i, r]
            mean[:] = zero
            for t in range(steps):
                line, there = x[t, bands[i], r], valid[t, r]
                for j in range(width):
                    mean[j] += line[j] if there[j] else zero
            for j in range(width):
                mean[j] = mean[j] / count[j]  # 0 / 0: NaN, no data
            if spread:
                wide = out[bands.size + i, r]
                wide[:] = zero
                for t in range(steps):
                    line, there = x[t, bands[i], r], valid[t, r]
                    for j in range(width):
                        away = line[j] - mean[j] if there[j] else zero
                        wide[j] += away * away
                for j in range(width):
                    wide[j] = np.sqrt(wide[j] / count[j])


@compiled
def _project(features: Any, shift: Any, factor: Any, axes: Any, out: Any) -> None:
    size, components = features.shape[1], axes.shape[1]
    rest = np.empty(256, np.float32)
    z = np.empty(256, np.float32)
    zero = np.float32(0.0)
    for first in range(0, size, 256):
        last = min(first + 256, size)
        rest[:] = zero
        for f in range(features.shape[0]):
            line = features[f, first:last]
            for j in range(last - first):
                z[j] = (line[j] - shift[f]) * factor[f]
                rest[j] += z[j] * z[j]
            if components:
                for k in range(components):
                    made, share = out[k, first:last], axes[f, k]
                    for j in range(last - first):
                        made[j] += z[j] * share
            else:
                out[f, first:last] = z[: last - first]
        if components:
            for k in range(components):
                made = out[k, first:last]
                for j in range(last - first):
                    rest[j] -= made[j] * made[j]
            made = out[components, first:last]
            for j in range(last - first):
                # below 0 by rounding only; NaN stays
                made[j] = np.sqrt(zero if rest[j] < zero else rest[j])
