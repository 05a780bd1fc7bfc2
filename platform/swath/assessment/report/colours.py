"""Colours of classes that everybody can tell apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

APART = 0.08  #: least distance in OKLab of two colours; 0.02 is one that an eye just sees side by side

# sRGB, linear, to cone responses and on to OKLab (Ottosson 2020)
_CONES = np.array(
    [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.6806995, 0.10739696], [0.0883025, 0.2817188, 0.6299787]]
)
_LAB = np.array(
    [[0.21045426, 0.7936178, -0.00407205], [1.9779985, -2.4285922, 0.45059371], [0.0259040, 0.7827718, -0.8086758]]
)
#: linear sRGB as it is seen: by most, without the cones for green, without those for red (Machado et al. 2009)
_VISIONS = np.stack(
    [
        np.eye(3),
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    ]
)


def told_apart(colours: Mapping[str, str]) -> dict[str, str]:
    """The same colours, made lighter or darker where somebody could not tell two of them apart.

    Legends that are in use were seldom made with all eyes in mind: without the cones for red, tree cover and built-up
    of ESA WorldCover are one colour. Hues stay, and a colour that is told from all before it stays as it is.

    Args:
        colours: `#rrggbb` by name, the most important first.

    Returns:
        In the same order.
    """
    kept: dict[str, str] = {}
    for name, colour in colours.items():
        kept[name] = _nearest(colour, list(kept.values())) if kept else colour
    return kept


def least_distance(colours: list[str]) -> float:
    """The smallest distance of any two, to any of three kinds of eyes, in OKLab."""
    seen = np.stack([_seen(_linear(colour)) for colour in colours])  # (colour, vision, 3)
    far = np.linalg.norm(seen[:, None] - seen[None], axis=-1).min(axis=-1)
    return float(far[np.triu_indices(len(colours), 1)].min(initial=np.inf))


def _nearest(colour: str, others: list[str]) -> str:
    """The colour, or the least lighter or darker one that stands apart from all others, or the best there is."""
    start = _linear(colour)
    around = np.stack([_seen(_linear(other)) for other in others])
    best, far = colour, -1.0
    for shift in sorted(np.linspace(-1, 1, 81), key=abs):
        # towards black or white in linear light keeps the hue
        made = start * (1 + shift) if shift < 0 else start + (1 - start) * shift
        distance = float(np.linalg.norm(_seen(made)[None] - around, axis=-1).min())
        if distance >= APART:
            return _hex(made)
        if distance > far + 1e-9:
            best, far = _hex(made), distance
    return best


def _seen(linear: Floats) -> Floats:
    """(3 visions, 3) OKLab."""
    return np.asarray(np.cbrt(np.clip(_VISIONS @ linear, 0, 1) @ _CONES.T) @ _LAB.T)


def _linear(colour: str) -> Floats:
    coded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def written(rgb: Floats) -> str:
    """`#rrggbb` of coded red, green and blue, 0 to 1; what follows them is left out."""
    return "#" + "".join(f"{round(float(part) * 255):02x}" for part in np.clip(rgb[:3], 0, 1))


def _hex(linear: Floats) -> str:
    coded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.clip(linear, 0, 1) ** (1 / 2.4) - 0.055)
    return written(coded)
