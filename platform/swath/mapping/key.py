"""The resume key: what a unit is made from, so that the same key means the same bytes.

Two keys a unit. `content` names the inputs: items, product fields that touch pixels, model, backend. `key` adds the
code: the `PIXELS` number of each stage. A unit whose content is there under another key was made by other code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath import cube, models

PIXELS = 1  #: raised by hand when mapping itself (indices, layers, COG encoding) makes other pixels

KEY_DIGITS = 12


def pixels_of_code(model: str = "") -> dict[str, int]:
    """The version of each stage of the code that touches pixels.

    Args:
        model: Digest of the model package, empty without one: then no network's stage counts.
    """
    stages = {"cube": cube.PIXELS, "mapping": PIXELS}
    return stages | {"models": models.PIXELS} if model else stages


@dataclass(frozen=True)
class KeyMaker:
    """Makes the keys of a run's units.

    Attributes:
        product: Digest of the product's fields that touch pixels.
        model: Digest of the model package, empty without one.
        backend: What computes: `numba`, `onnxruntime`, `torch-cuda`.
        pixels: Versions of the code.
    """

    product: str
    model: str
    backend: str
    pixels: Mapping[str, int]

    def keys(
        self, tile: str, step: str, item_digests: NDArray[np.uint8], counts: Sequence[int] = ()
    ) -> tuple[str, str]:
        """(key, content) of a unit, 12 hexadecimal digits each.

        Args:
            tile: Id of the tile.
            step: Id of the time step.
            item_digests: Digest of each item in order of rows, shape (n, 16).
            counts: Of a product of several inputs: how many of the items each reads.
        """
        named = [self.product, self.model, self.backend, tile, step]
        head = json.dumps([*named, list(counts)] if counts else named).encode()
        content = hashlib.sha256(head + np.ascontiguousarray(item_digests).tobytes()).hexdigest()[:KEY_DIGITS]
        return key_of(content, self.pixels), content


def key_of(content: str, pixels: Mapping[str, int]) -> str:
    """The key of a unit of this content when code of these versions makes it, 12 hexadecimal digits."""
    code = json.dumps(dict(pixels), sort_keys=True)
    return hashlib.sha256(f"{content} {code}".encode()).hexdigest()[:KEY_DIGITS]
