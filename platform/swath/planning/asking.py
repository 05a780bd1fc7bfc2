"""From what a person says to a request, checked before any work: the command line and the flows ask alike."""

from __future__ import annotations

from collections.abc import Sequence

from swath.errors import ProductError
from swath.grid import Area, Period
from swath.models import Package
from swath.planning.request import MapRequest
from swath.products import Product
from swath.registry import open_model


def request_of(
    product: str,
    area: str,
    period: str,
    source: str,
    *,
    model: str | None,
    resolution: float | None,
    tile_size: int | None,
    overrides: list[str] | None,
) -> MapRequest:
    """What the options ask for, checked before any work."""
    chosen = product_of(product, overrides, resolution=resolution, tile_size=tile_size)
    package = package_of(chosen, model)
    if package is not None:
        chosen = chosen.with_model(package.spec, package.digest)
    return MapRequest(
        product=chosen, area=Area.parse(area), period=Period.parse(period), source=source, package=package
    )


def product_of(
    name: str, overrides: Sequence[str] | None, *, resolution: float | None, tile_size: int | None
) -> Product:
    """The product that options name and change."""
    changes = list(overrides or [])
    if resolution is not None:
        changes.append(f"output.grid.resolution={resolution:g}")
    if tile_size is not None:
        changes.append(f"output.grid.tile_size={tile_size}")
    return Product.load(name).with_overrides(changes)


def package_of(product: Product, model: str | None) -> Package | None:
    """The package that `--model` or the product names, checked; None for a product without a model.

    Raises:
        ProductError: A model for a product that takes none.
        ModelError: No package, or one that was changed.
    """
    named = model or (product.model.package if product.model is not None else None)
    if named is None:
        return None
    if product.model is None:
        raise ProductError(
            f"{product.name} takes no model, and --model is {model!r}.",
            fix="Leave --model out.",
            field="model",
            value=model,
        )
    return open_model(named)
