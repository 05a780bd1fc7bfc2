"""What a plan asks for, counted: the numbers that rates are multiplied with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from swath.mapping.plan import Plan


@dataclass(frozen=True)
class Amounts:
    """Of a plan, or of a part of it; they add up.

    Attributes:
        tiles: Tiles with at least one unit with input.
        units: Units with input.
        empty: Units for which there are no items.
        scenes: Scenes of units, each counted in every unit that reads it.
        samples: Samples of the source blocks that are touched, each decoded once a unit.
        pixels: Pixels of the map, once whatever the number of layers.
        layers: Files a unit writes beside its item.
        km2: True area of the units with input.
    """

    tiles: int
    units: int
    empty: int
    scenes: int
    samples: float
    pixels: int
    layers: int
    km2: float

    @property
    def no_data(self) -> float:
        """Share of the tiles and steps that have no data."""
        return self.empty / max(1, self.units + self.empty)

    def share(self, part: float) -> Amounts:
        """Of such a share of the units, 0 to 1, rounded."""
        whole = {name: round(getattr(self, name) * part) for name in ("tiles", "units", "scenes", "pixels")}
        return Amounts(**{**asdict(self), **whole, "samples": self.samples * part, "km2": self.km2 * part})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "no_data": self.no_data}


def amounts_of(plan: Plan) -> Amounts:
    """Of a whole plan: one pass over its units without their items."""
    totals = plan.totals
    size = int(plan.facts["grid"]["tile_size"])
    return Amounts(
        tiles=totals.tiles,
        units=totals.units,
        empty=totals.without_input,
        scenes=sum(unit.scenes for unit in plan.units(items=False)),
        samples=totals.bytes / float(plan.facts["rates"]["bytes_a_sample"]),
        pixels=totals.units * size * size,
        layers=len(plan.layers),
        km2=totals.km2,
    )
