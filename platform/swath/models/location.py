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
    **settings: int | float | str | bool | None,
) -> Harmonics:
    """Build a location encoder.

    Args:
        name: `harmonics`.
        spec: What the network takes, longitude and latitude among it.
        channels: Of each level of the encoder's pyramid, finest first.
        vector_size: Length of the encoder's vector.
        multiple: Of the edges of windows.
        settings: As `Harmonics` documents them.

    Raises:
        ModelError: There is no such part or setting, or a value is refused.
    """
    if name not in NAMES:
        raise ModelError(f"There is no location encoder {name!r}.", fix=f"Choices: {', '.join(NAMES)}.", part=name)
    return build_part(Harmonics, name, settings, spec, channels, vector_size, multiple)


def places_of(spec: InputSpec) -> list[int]:
    """Places of longitude and latitude among the bands; empty where the network does not take both."""
    found = {band.name: place for place, band in enumerate(spec.bands) if band.input == LOCATION}
    return [found[name] for name in LOCATION_BANDS] if len(found) == len(LOCATION_BANDS) else []


class Harmonics(nn.Module):
    """Spherical harmonics to a degree, a SIREN (Sitzmann et al. 2020, arXiv:2006.09661), a linear map for each level.

    These maps begin at zero: at first the place says nothing. The embedding is computed at the corners of cells of
    `step` pixels and drawn between them by bilinear interpolation within each cell, where that is exact to 1e-4 of its
    shortest wave; cells divide the network's coarsest pixels, so that it is the same in all windows and sees no further
    than the network does. Corners without a place (both numbers are the fill) count for nothing, and a cell without any
    adds nothing.

    Args:
        spec: What the network takes.
        channels: Of each level, finest first.
        vector_size: Length of the vector.
        multiple: Edges of windows are multiples of it.
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
        levels = [nn.Conv2d(width, count, 1, bias=False) for count in channels]
        self.vector = nn.Linear(width, vector_size, bias=False)
        for weight in (*(level.weight for level in levels), self.vector.weight):
            nn.init.zeros_(weight)
        self.levels = nn.ModuleList(levels)

    def forward(self, features: Features, place: Tensor) -> Features:
        """Features with what the place tells.

        Args:
            features: Of an encoder.
            place: (N, T, 2, H, W), normalised longitude and latitude of each step.
        """
        with torch.autocast(place.device.type, enabled=False) if _half(place) else nullcontext():
            embedded, there = self.embedded(place)
            levels = [self._level(part(embedded), there, level) for level, part in enumerate(self.levels)]
            mean = (embedded * there).mean(dim=(2, 3)) / there.mean(dim=(2, 3)).clamp(min=1e-6)
            vector = self.vector(mean)
        pyramid = [a + b.to(a.dtype) for a, b in zip(features.pyramid, levels, strict=True)]
        return Features(pyramid, features.vector + vector.to(features.vector.dtype))

    def embedded(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding at the corners of cells.

        Args:
            place: See `forward`.

        Returns:
            (N, width, 2 H / step, 2 W / step), two corners a cell and axis (one where a cell is one pixel), and where
            there is a place, (N, 1, ., .), 1 or 0.
        """
        if self.step > 1:
            place = _corners(_corners(place, self.step, -2), self.step, -1)
        there = (place != self.fill).any(dim=2, keepdim=True).to(place.dtype)
        # the place does not change with the date: it is that of the dates which have one
        steps = there.sum(dim=1)
        degrees = (place * there).sum(dim=1) / steps.clamp(min=1) * self.scale + self.shift
        y = spherical_harmonics(degrees[:, :1], degrees[:, 1:], self.degree)
        for layer in self.sines:
            y = torch.sin(self.frequency * layer(y))
        return y, (steps > 0).to(place.dtype)

    def _level(self, corners: Tensor, there: Tensor, level: int) -> Tensor:
        """(N, C, corners) to (N, C, H / 2^level, W / 2^level), means over what is there."""
        both = torch.cat([corners * there, there], dim=1)
        size = 2**level
        if self.step <= size:
            both = functional.avg_pool2d(both, size if self.step == 1 else 2 * size // self.step)
        else:
            both = _between(_between(both, self.step, size, -2), self.step, size, -1)
        return both[:, :-1] / both[:, -1:].clamp(min=1e-6)


def spherical_harmonics(longitude: Tensor, latitude: Tensor, degree: int) -> Tensor:
    """Real orthonormal spherical harmonics, without the phase of Condon and Shortley.

    Associated Legendre functions by the recurrence over the degree at each order, fully normalised, which is stable
    beyond degree 1000 (Holmes and Featherstone 2002, doi:10.1007/s00190-002-0216-2, eq. 11 to 13).

    Args:
        longitude: (N, 1, H, W), degrees.
        latitude: (N, 1, H, W), degrees.
        degree: The highest.

    Returns:
        (N, (degree + 1)^2, H, W): by degree, then cosines of orders 0 to l, then sines of orders 1 to l.
    """
    orders = torch.arange(degree + 1, dtype=longitude.dtype, device=longitude.device).view(1, -1, 1, 1)
    angle = torch.deg2rad(longitude) * orders
    cosines, sines = angle.cos(), angle.sin()
    up, along = torch.deg2rad(latitude).sin(), torch.deg2rad(latitude).cos()
    factors = [math.sqrt(1 / (4 * math.pi))]
    for m in range(1, degree + 1):
        factors.append(factors[-1] * math.sqrt((2 * m + 1) / (2 * m)))
    sectoral = along**orders * _numbers(factors, longitude)
    found = []
    one_back = two_back = sectoral[:, :0]
    for n in range(degree + 1):
        here = sectoral[:, n : n + 1]
        if n:
            first = [math.sqrt((4 * n * n - 1) / (n * n - m * m)) for m in range(n)]
            lower = up * one_back * _numbers(first, longitude)
            if n > 1:
                second = [
                    a * math.sqrt(((n - 1) ** 2 - m * m) / (4 * (n - 1) ** 2 - 1)) for m, a in enumerate(first[:-1])
                ]
                behind = two_back * _numbers(second, longitude)
                lower = torch.cat([lower[:, :-1] - behind, lower[:, -1:]], dim=1)
            here = torch.cat([lower, here], dim=1)
        one_back, two_back = here, one_back
        # orders above 0 stand for two: of plus and of minus m
        scaled = here * _numbers([1.0, *[math.sqrt(2)] * n], longitude)
        found += [scaled * cosines[:, : n + 1], scaled[:, 1:] * sines[:, 1 : n + 1]]
    return torch.cat(found, dim=1)


def _numbers(values: Sequence[float], like: Tensor) -> Tensor:
    """(1, C, 1, 1)."""
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, -1, 1, 1)


def _corners(x: Tensor, step: int, axis: int) -> Tensor:
    """The first and the last pixel of each cell along an axis: size / step * 2 of them."""
    x = x.movedim(axis, -1)
    cells = x.reshape(*x.shape[:-1], -1, step)
    ends = torch.stack([cells[..., 0], cells[..., -1]], dim=-1)
    return ends.flatten(-2).movedim(-1, axis)


def _between(x: Tensor, step: int, size: int, axis: int) -> Tensor:
    """Values at the middles of blocks of `size` pixels in cells of `step`, from the corners along an axis."""
    x = x.movedim(axis, -1)
    ends = x.reshape(*x.shape[:-1], -1, 2, 1)
    places = [((block + 0.5) * size - 0.5) / (step - 1) for block in range(step // size)]
    share = torch.tensor(places, dtype=x.dtype, device=x.device)
    drawn = ends[..., 0, :] * (1 - share) + ends[..., 1, :] * share
    return drawn.flatten(-2).movedim(-1, axis)


def _half(x: Tensor) -> bool:
    return torch.is_autocast_enabled(x.device.type)
