"""What the place tells: spherical harmonics of longitude and latitude through a SIREN, added to any encoder's features.

Rußwurm et al. 2024, "Geographic location encoding with spherical harmonics and sinusoidal representation networks"
(ICLR, arXiv:2310.06743).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.features import Features, number, whole
from swath.models.parts import build_part
from swath.models.spec import LOCATION, LOCATION_BANDS, InputSpec

EARTH = 40_075_017.0  #: metres round the equator
WAVE = 200  #: lattice cells in the shortest wave: between them a line is off by (2 pi / 200)^2 / 8 = 1.2e-4 of it
NAMES = ("harmonics",)


def location_encoder(
    name: str,
    spec: InputSpec,
    channels: Sequence[int],
    vector_size: int,
    *,
    multiple: int,
    by_pixel: bool,
    **settings: int | float | str | bool | None,
) -> Harmonics:
    """Build a location encoder.

    Args:
        name: `harmonics`.
        spec: What the network takes, longitude and latitude among it.
        channels: Of each level of the encoder's pyramid, finest first.
        vector_size: Length of the encoder's vector.
        multiple: Of the edges of windows.
        by_pixel: Whether the head reads all levels, or rather the vector.
        settings: As `Harmonics` documents them.

    Raises:
        ModelError: There is no such part or setting, or a value is refused.
    """
    if name not in NAMES:
        raise ModelError(f"There is no location encoder {name!r}.", fix=f"Choices: {', '.join(NAMES)}.", part=name)
    return build_part(Harmonics, name, settings, spec, channels, vector_size, multiple, by_pixel)


def places_of(spec: InputSpec) -> list[int]:
    """Places of longitude and latitude among the bands; empty where the network does not take both."""
    found = {band.name: place for place, band in enumerate(spec.bands) if band.input == LOCATION}
    return [found[name] for name in LOCATION_BANDS] if len(found) == len(LOCATION_BANDS) else []


class Harmonics(nn.Module):
    """Spherical harmonics to a degree, a SIREN (Sitzmann et al. 2020, arXiv:2006.09661), a linear map for each level.

    These maps begin at zero: at first the place says nothing. The embedding is computed at the corners of cells of
    `step` pixels and drawn between them by bilinear interpolation within each cell, where that is exact to 1e-4 of its
    shortest wave; cells divide the network's coarsest pixels, so that it is the same in all windows and sees no further
    than the network does. A corner without a place (both numbers are the fill) takes the mean of the others of its
    cell, and a cell without any adds nothing.

    Args:
        spec: What the network takes.
        channels: Of each level, finest first.
        vector_size: Length of the vector.
        multiple: Edges of windows are multiples of it.
        by_pixel: All levels are added to; else the coarsest alone, and no weight is without use.
        degree: Of the harmonics: 10 tells apart what is 2000 km away, 40 what is 500 km away, before the SIREN.
        width: Of the SIREN.
        depth: Layers of sines.
        frequency: Factor before a sine (omega_0 in the papers).

    Attributes:
        step: Edge of a cell, pixels; 1: each pixel is computed.
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        spec: InputSpec,
        channels: Sequence[int],
        vector_size: int,
        multiple: int,
        by_pixel: bool,
        *,
        degree: int = 10,
        width: int = 64,
        depth: int = 2,
        frequency: float = 30.0,
    ) -> None:
        super().__init__()
        degree = whole("degree", degree, low=1, high=64)
        width = whole("width", width, low=1, high=1024)
        depth = whole("depth", depth, low=1, high=16)
        self.frequency = number("frequency", frequency, low=0.01, high=1000)
        self.degree = degree
        bands = [spec.bands[place] for place in places_of(spec)]
        self.register_buffer("scale", torch.tensor([b.std for b in bands]).view(1, 2, 1, 1), persistent=False)
        self.register_buffer("shift", torch.tensor([b.mean for b in bands]).view(1, 2, 1, 1), persistent=False)
        self.fill = spec.fill
        finest = EARTH / (degree * max(1.0, self.frequency) * WAVE)
        self.step = 1
        while 2 * self.step <= multiple and multiple % (2 * self.step) == 0 and 2 * self.step * spec.gsd <= finest:
            self.step *= 2
        sizes = [(degree + 1) ** 2, *[width] * depth]
        layers = [nn.Conv2d(a, b, 1) for a, b in pairwise(sizes)]
        for index, layer in enumerate(layers):
            # Sitzmann et al. 2020, section 3.2: phases stay spread over a wave from layer to layer
            bound = 1 / sizes[0] if index == 0 else math.sqrt(6 / width) / self.frequency
            nn.init.uniform_(layer.weight, -bound, bound)
        self.sines = nn.ModuleList(layers)
        if vector_size != channels[-1]:
            raise ValueError(f"the vector has {vector_size} numbers, the coarsest level {channels[-1]} channels")
        self.first = 0 if by_pixel else len(channels) - 1
        levels = [nn.Conv2d(width, count, 1, bias=False) for count in channels[self.first :]]
        for level in levels:
            nn.init.zeros_(level.weight)
        self.levels = nn.ModuleList(levels)

    def forward(self, features: Features, place: Tensor) -> Features:
        """Features with what the place tells.

        Args:
            features: Of an encoder.
            place: (N, T, 2, H, W), normalised longitude and latitude of each step.
        """
        with torch.autocast(place.device.type, enabled=False) if _half(place) else nullcontext():
            embedded = self.embedded(place)
            parts = enumerate(self.levels, start=self.first)
            added = [self._level(part(embedded), level) for level, part in parts]
        pyramid = list(features.pyramid)
        for level, more in enumerate(added, start=self.first):
            pyramid[level] = pyramid[level] + more.to(pyramid[level].dtype)
        # encoders' vectors are means of their coarsest level
        return Features(pyramid, features.vector + added[-1].mean(dim=(2, 3)).to(features.vector.dtype))

    def embedded(self, place: Tensor) -> Tensor:
        """The embedding at the corners of cells.

        Args:
            place: See `forward`.

        Returns:
            (N, width, 2 H / step, 2 W / step), two corners a cell and axis; (N, width, H, W) where a cell is one pixel.
        """
        if self.step > 1:
            place = _corners(place, self.step)
        there = (place != self.fill).any(dim=2, keepdim=True).to(place.dtype)
        # the place does not change with the date: it is that of the dates which have one
        steps = there.sum(dim=1)
        degrees = (place * there).sum(dim=1) / steps.clamp(min=1) * self.scale + self.shift
        y = spherical_harmonics(degrees[:, :1], degrees[:, 1:], self.degree)
        for layer in self.sines:
            y = torch.sin(self.frequency * layer(y))
        known = (steps > 0).to(place.dtype)
        y = y * known
        if self.step == 1:
            return y
        mean = functional.avg_pool2d(y, 2) / functional.avg_pool2d(known, 2).clamp(min=0.25)
        return y + functional.interpolate(mean, scale_factor=2.0, mode="nearest") * (1 - known)

    def _level(self, corners: Tensor, level: int) -> Tensor:
        """(N, C, corners) to (N, C, H / 2^level, W / 2^level)."""
        size = 2**level
        if self.step == 1:
            return functional.avg_pool2d(corners, size)
        if self.step <= size:
            return functional.avg_pool2d(corners, 2 * size // self.step)
        return _between(corners, self.step, size)


def spherical_harmonics(longitude: Tensor, latitude: Tensor, degree: int) -> Tensor:
    """Real orthonormal spherical harmonics, without the phase of Condon and Shortley.

    Associated Legendre functions by the recurrence over the degree at each order, fully normalised, which is stable
    beyond degree 1000 (Holmes and Featherstone 2002, doi:10.1007/s00190-002-0216-2, eq. 11 to 13). All orders go
    together, those above the degree as zeros: few operators for a graph.

    Args:
        longitude: (N, 1, H, W), degrees.
        latitude: (N, 1, H, W), degrees.
        degree: The highest.

    Returns:
        (N, (degree + 1)^2, H, W): those with cosines by degree and order, 0 to degree, then those with sines, 1 to
        degree.
    """
    orders = torch.arange(degree + 1, dtype=longitude.dtype, device=longitude.device).view(1, -1, 1, 1)
    angle = torch.deg2rad(longitude) * orders
    up, along = torch.deg2rad(latitude).sin(), torch.deg2rad(latitude).cos()
    begin, first, second = torch.tensor(_recurrence(degree), dtype=up.dtype, device=up.device)[..., None, None]
    sectoral = along**orders
    found = [sectoral * begin[0]]
    for n in range(1, degree + 1):
        here = sectoral * begin[n] + up * found[-1] * first[n]
        found.append(here - found[-2] * second[n] if n > 1 else here)
    legendre = torch.cat(found, dim=1)
    pairs = [(n, m) for n in range(degree + 1) for m in range(n + 1)]
    parts = []
    for waves, kept in ((angle.cos(), pairs), (angle.sin(), [(n, m) for n, m in pairs if m])):
        # orders above 0 stand for two, of plus and of minus m
        double = torch.tensor([math.sqrt(2) if m else 1.0 for _, m in kept], dtype=up.dtype, device=up.device)
        rows = torch.tensor([n * (degree + 1) + m for n, m in kept], device=up.device)
        columns = torch.tensor([m for _, m in kept], device=up.device)
        parts.append(legendre.index_select(1, rows) * waves.index_select(1, columns) * double.view(1, -1, 1, 1))
    return torch.cat(parts, dim=1)


def _recurrence(degree: int) -> list[list[list[float]]]:
    """Factors by degree and order, (3, degree + 1, degree + 1).

    Of cos(latitude)^m where a degree equals its order; of sin(latitude) times the degree before; of that two before.
    """
    size = degree + 1
    begin, first, second = ([[0.0] * size for _ in range(size)] for _ in range(3))
    begin[0][0] = math.sqrt(1 / (4 * math.pi))
    for n in range(1, size):
        begin[n][n] = begin[n - 1][n - 1] * math.sqrt((2 * n + 1) / (2 * n))
        for m in range(n):
            first[n][m] = math.sqrt((4 * n * n - 1) / (n * n - m * m))
        for m in range(n - 1):
            second[n][m] = first[n][m] * math.sqrt(((n - 1) ** 2 - m * m) / (4 * (n - 1) ** 2 - 1))
    return [begin, first, second]


def _corners(x: Tensor, step: int) -> Tensor:
    """The first and the last pixel of each cell along both axes: (..., H, W) to (..., 2 H / step, 2 W / step)."""
    *front, height, width = x.shape
    rows = x.reshape(*front, height // step, step, width)
    rows = torch.cat([rows[..., :1, :], rows[..., -1:, :]], dim=-2).reshape(*front, 2 * height // step, width)
    columns = rows.reshape(*front, 2 * height // step, width // step, step)
    columns = torch.cat([columns[..., :1], columns[..., -1:]], dim=-1)
    return columns.reshape(*front, 2 * height // step, 2 * width // step)


def _between(x: Tensor, step: int, size: int) -> Tensor:
    """Values at the middles of blocks of `size` pixels in cells of `step`, from the corners of the cells.

    Args:
        x: (N, C, 2 H / step, 2 W / step).
        step: Edge of a cell.
        size: Edge of a block.
    """
    n, c, rows, columns = x.shape
    blocks = step // size
    places = [((block + 0.5) * size - 0.5) / (step - 1) for block in range(blocks)]
    shares = torch.tensor([[1 - p for p in places], places], dtype=x.dtype, device=x.device)
    wide = (x.reshape(n, c, rows, columns // 2, 2) @ shares).reshape(n, c, rows // 2, 2, columns // 2 * blocks)
    return (shares.T @ wide).reshape(n, c, rows // 2 * blocks, columns // 2 * blocks)


def _half(x: Tensor) -> bool:
    return torch.is_autocast_enabled(x.device.type)
