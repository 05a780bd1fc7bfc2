"""Two maps of classes: pairs of classes in pixels and hectares, and where they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.compare.common import NOTE, Common, OnTile, Pair, plain
from swath.assessment.frame import counted_by_area
from swath.assessment.in_order import in_order
from swath.assessment.published import NOT_OWNED, UNMAPPED, PublishedMap
from swath.errors import SampleError
from swath.planning import Said


@dataclass(frozen=True)
class ClassesCompared:
    """Two maps of classes.

    Attributes:
        first: Id of the first map.
        second: Of the second.
        classes: K names.
        pixels: (K, K) int64, rows the first map, columns the second; owned pixels that both map.
        hectares: (K, K) true areas.
        unmapped_ha: By who maps the place: `only first`, `only second`, `neither`.
        common: Tiles.
        agreement: Share of each tile's area on which the maps agree, by tile; NaN where not both map it.
    """

    first: str
    second: str
    classes: tuple[str, ...]
    pixels: NDArray[np.int64]
    hectares: NDArray[np.float64]
    unmapped_ha: dict[str, float]
    common: Common
    agreement: dict[str, float]

    @property
    def share(self) -> float:
        """Of the area that both map, on which they agree; NaN where there is none."""
        total = float(self.hectares.sum())
        return float(np.trace(self.hectares)) / total if total else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        worst = sorted((share, tile) for tile, share in self.agreement.items() if share == share)[:20]
        return {
            "first": self.first, "second": self.second, "kind": "classes", "note": NOTE,
            "classes": list(self.classes), "agreement": plain(self.share),
            "pixels": self.pixels.tolist(), "hectares": np.round(self.hectares, 4).tolist(),
            "unmapped_ha": {name: round(value, 4) for name, value in self.unmapped_ha.items()},
            **self.common.to_dict(), "least_agreement": [{"tile": tile, "share": share} for share, tile in worst],
        }  # fmt: skip


def compare_classes(
    first: PublishedMap, second: PublishedMap, *, on_tile: OnTile | None = None, say: Said = lambda _: None
) -> ClassesCompared:
    """Count pairs of classes over the owned pixels that both maps have: one pass, a few tiles in memory.

    Args:
        first: A map of classes.
        second: Another, of the same legend.
        on_tile: Told each tile's unit of the first map and the codes of both; called in several threads.
        say: Told of progress.

    Raises:
        SampleError: Their legends or grids differ, or they have no tile in common.
    """
    _same_legend(first, second)
    common, codes = Common.of(first, second), sorted(first.legend)
    classes = len(codes) + 1  # 0 is unmapped
    table = np.full(256, classes, np.uint16)
    table[[UNMAPPED, *codes]] = np.arange(classes)
    size = classes * classes

    def count(pair: Pair) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        one, two = first.codes(pair[0]), second.codes(pair[1])
        if on_tile is not None:
            on_tile(pair[0], one, two)
        row, column = table[one], table[two]
        strange = ((row == classes) & (one != NOT_OWNED)) | ((column == classes) & (two != NOT_OWNED))
        if strange.any():
            raise SampleError(
                f"{np.count_nonzero(strange)} pixels of {pair[0].tile.id} have codes that are not in the legend.",
                fix="Run swath audit on both maps.",
            )
        paired = np.where((row < classes) & (column < classes), row * np.uint16(classes) + column, np.uint16(size))
        pixels, hectares = np.zeros(size, np.int64), np.zeros(size)
        for counted, area in counted_by_area(pair[0], paired):
            mine = counted[:size]
            pixels[: len(mine)] += mine
            hectares[: len(mine)] += mine * area
        return pixels, hectares

    pixels, hectares, agreement = np.zeros(size, np.int64), np.zeros(size), {}
    for number, (pair, (some, area)) in enumerate(in_order(count, common.pairs, threads=common.threads)):
        pixels, hectares = pixels + some, hectares + area
        both = area.reshape(classes, classes)[1:, 1:]
        agreement[pair[0].tile.id] = float(np.trace(both) / both.sum()) if both.sum() else float("nan")
        if number % 100 == 99:
            say(f"compared {number + 1} of {len(common.pairs)} tiles")
    square = hectares.reshape(classes, classes)
    return ClassesCompared(
        first.id, second.id, tuple(first.legend[code] for code in codes), pixels.reshape(classes, classes)[1:, 1:],
        square[1:, 1:],
        {
            "only first": float(square[1:, 0].sum()), "only second": float(square[0, 1:].sum()),
            "neither": float(square[0, 0]),
        },
        common, agreement,
    )  # fmt: skip


def _same_legend(first: PublishedMap, second: PublishedMap) -> None:
    one, two = first.legend, second.legend
    if one != two:
        apart = sorted(set(one.items()) ^ set(two.items()))
        told = ", ".join(f"{code} {name}" for code, name in apart[:6])
        raise SampleError(
            f"{first.id} and {second.id} have different legends: {told}{', …' if len(apart) > 6 else ''}.",
            fix="Compare maps of one legend; map one of them anew with the other's.",
            classes=[list(one) for one in apart],
        )  # fmt: skip
