"""What a model asks of a plan: acquisitions about each, a halo about each tile, and a forest definition a halo too."""

from __future__ import annotations

from swath.errors import PeriodError
from swath.grid import Period
from swath.products import Product

_EDGES_M = 60.0


def check_period(product: Product, period: Period) -> None:
    """Refuse a period that the product or its model cannot be mapped over.

    Raises:
        PeriodError: Says which kind of period is needed.
    """
    spec = product.model_spec
    each = product.per == "acquisition" or (spec is not None and spec.input.target is not None)
    if each and not period.acquisition:
        who = product.name if spec is None else f"{product.name} with model {spec.name}"
        raise PeriodError(
            f"{who} maps each acquisition by itself, and the period is {period.text}.",
            fix="Write the period as START/END/acquisition or DAY/acquisition.",
        )
    if period.acquisition and spec is not None and spec.input.steps > 1 and spec.input.target is None:
        raise PeriodError(
            f"Model {spec.name} reads {spec.input.steps} parts of a period, and {period.text} is single acquisitions.",
            fix="Write the period with a step, as 2023/P1Y.",
        )


def acquisitions_about(product: Product) -> tuple[int, int]:
    """How many acquisitions before and after the one that is mapped a model reads."""
    spec = product.model_spec
    if spec is None or spec.input.target is None:
        return 0, 0
    return spec.input.target, spec.input.steps - 1 - spec.input.target


def halo_m(product: Product) -> float:
    """Metres beyond a tile that its model's windows, or groups of forest, can reach; 0 without a model."""
    spec = product.model_spec
    if spec is None:
        return 0.0
    # a window that has weight on a tile's edge reaches less than its own length beyond it
    reach = spec.input.window * spec.input.gsd
    if product.forest is None:
        return reach
    edge = product.output.grid.resolution or spec.input.gsd
    # the halo is rounded up to the next edge that all bands share
    return max(reach, product.forest.halo(edge) * edge + _EDGES_M)
