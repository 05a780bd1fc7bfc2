"""Noise that depends on seed and place only: counter-based hashes on an absolute lattice, no state.

Places are points of a sphere in metres from the centre of the Earth, so that noise has neither seams
nor stretch anywhere: the antimeridian, the poles and the edges of UTM zones are places like others.
"""

from __future__ import annotations

import math

import numpy as np

from swath.synthetic._jit import kernel

_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_P0 = np.uint64(0x9E3779B97F4A7C15)
_P1 = np.uint64(0xD6E8FEB86659FD93)
_P2 = np.uint64(0xA0761D6478BD642F)
_P3 = np.uint64(0xE7037ED1A0B428DB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)

# standard deviation of one octave of the gradient noise below, measured over the sphere
_SD = 0.1923


@kernel
def hash3(seed, i, j, k):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """64 bits for three integers (splitmix64's finaliser, Steele et al. 2014, over a linear combination)."""
    h = np.uint64(seed) * _P0 + np.uint64(i) * _P1 + np.uint64(j) * _P2 + np.uint64(k) * _P3
    h = (h ^ (h >> _S30)) * _M1
    h = (h ^ (h >> _S27)) * _M2
    return h ^ (h >> _S31)


@kernel
def unit(h, lane):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """One of four uniform numbers in [0, 1) out of a hash: 16 bits each, lane 0 to 3."""
    return ((h >> np.uint64(16 * lane)) & np.uint64(0xFFFF)) * (1.0 / 65536.0)


@kernel
def _corner(seed, i, j, k, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    h = hash3(seed, i, j, k)
    gx = np.int64(h & np.uint64(0xFFFF)) * (1.0 / 32767.5) - 1.0
    gy = np.int64((h >> np.uint64(16)) & np.uint64(0xFFFF)) * (1.0 / 32767.5) - 1.0
    gz = np.int64((h >> np.uint64(32)) & np.uint64(0xFFFF)) * (1.0 / 32767.5) - 1.0
    return gx * x + gy * y + gz * z


@kernel
def noise(seed, x, y, z, wavelength):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Gradient noise (Perlin 2002) at a point, of about zero mean and unit standard deviation."""
    x, y, z = x / wavelength, y / wavelength, z / wavelength
    fi, fj, fk = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = np.int64(fi), np.int64(fj), np.int64(fk)
    x, y, z = x - fi, y - fj, z - fk
    u = x * x * x * (x * (x * 6.0 - 15.0) + 10.0)
    v = y * y * y * (y * (y * 6.0 - 15.0) + 10.0)
    w = z * z * z * (z * (z * 6.0 - 15.0) + 10.0)
    a = _corner(seed, i, j, k, x, y, z)
    b = _corner(seed, i + 1, j, k, x - 1.0, y, z)
    c = _corner(seed, i, j + 1, k, x, y - 1.0, z)
    d = _corner(seed, i + 1, j + 1, k, x - 1.0, y - 1.0, z)
    a = a + (b - a) * u
    c = c + (d - c) * u
    low = a + (c - a) * v
    a = _corner(seed, i, j, k + 1, x, y, z - 1.0)
    b = _corner(seed, i + 1, j, k + 1, x - 1.0, y, z - 1.0)
    c = _corner(seed, i, j + 1, k + 1, x, y - 1.0, z - 1.0)
    d = _corner(seed, i + 1, j + 1, k + 1, x - 1.0, y - 1.0, z - 1.0)
    a = a + (b - a) * u
    c = c + (d - c) * u
    high = a + (c - a) * v
    return (low + (high - low) * w) / _SD


@kernel
def octaves(seed, x, y, z, wavelength, count, gain):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Sum of noises, each of half the wavelength and `gain` times the height of the one before; unit variance."""
    total, height, power = 0.0, 1.0, 0.0
    for octave in range(count):
        total += height * noise(np.uint64(seed) + np.uint64(octave) * _P3, x, y, z, wavelength)
        power += height * height
        height *= gain
        wavelength *= 0.5
    return total / math.sqrt(power)


@kernel
def octaves_at(seed, xyz, wavelength, count, gain, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """`octaves` at points (n, 3) into `out` (n,)."""
    for n in range(xyz.shape[0]):
        out[n] = octaves(seed, xyz[n, 0], xyz[n, 1], xyz[n, 2], wavelength, count, gain)


def key(*words: int | str) -> np.uint64:
    """A 64-bit key for a list of names and numbers (splitmix over their characters); the same everywhere."""
    mask = (1 << 64) - 1
    total = 0x9E3779B97F4A7C15
    for word in words:
        for part in (str(word) + "\x1f").encode():
            total = ((total ^ part) * 0xBF58476D1CE4E5B9) & mask
            total ^= total >> 27
    total = (total * 0x94D049BB133111EB) & mask
    return np.uint64(total ^ (total >> 31))


def number(*words: int | str) -> float:
    """A uniform number in [0, 1) for a list of names and numbers."""
    return float(int(key(*words)) >> 11) / (1 << 53)


def field(seed: np.uint64, xyz: np.ndarray, wavelength: float, count: int = 1, gain: float = 0.5) -> np.ndarray:
    """`octaves` at points of any shape (..., 3) in metres; float64 of the leading shape."""
    out = np.empty(xyz.shape[:-1])
    octaves_at(seed, np.ascontiguousarray(xyz).reshape(-1, 3), wavelength, count, gain, out.reshape(-1))
    return out
